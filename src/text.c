/*
** text.c - a server's words, made fit for others. See text.h.
**
** A database refuses text that is not UTF-8, and a terminal obeys control characters: the eight-bit ones too.
*/
#include "text.h"

#include <string.h>

#include "json.h"

#define LONGEST 4 /* bytes of a character */

size_t aicc_text_cut(const char *text, size_t size, size_t most) {
  if (size <= most) return size;
  for (size_t back = 0; back < LONGEST && back <= most; back++)
    if (((unsigned char)text[most - back] & 0xC0) != 0x80) return most - back; /* it begins here, and would not end */
  return most; /* not UTF-8 */
}

size_t aicc_text_fit(char *text, size_t size, size_t most, int one_line) {
  size = aicc_text_cut(text, size, most);
  for (size_t at = 0; at < size;) {
    unsigned char first = (unsigned char)text[at];
    size_t length = first < 0x80 ? 1 : aicc_json_sequence((const unsigned char *)text + at, size - at);
    int is_control = first < 0x20 || first == 0x7F || (length == 2 && first == 0xC2 && (unsigned char)text[at + 1] < 0xA0);
    if (length == 0) {
      text[at] = '?';
      length = 1;
    } else if (one_line && is_control) {
      memset(text + at, ' ', length);
    }
    at += length;
  }
  return size;
}

uint64_t aicc_text_hash(const char *text, size_t size) {
  uint64_t hash = UINT64_C(0xcbf29ce484222325);
  for (size_t i = 0; i < size; i++) hash = (hash ^ (unsigned char)text[i]) * UINT64_C(0x100000001b3);
  return hash;
}
