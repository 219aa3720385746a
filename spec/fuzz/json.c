/*
** json.c - fuzzes the JSON writer: what it writes must say just what it was given, and what it refuses must be broken UTF-8. What
** is plain is good UTF-8 that needs no escape, and is copied as it is, with room for no byte more.
*/
#include "../../src/json.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static unsigned hex(const char *s) {
  char digits[5] = {s[0], s[1], s[2], s[3], '\0'};
  return (unsigned)strtoul(digits, NULL, 16);
}

/* The text of the JSON string in json[0 .. size), read by other rules than those by which it was written. */
static size_t unescape(const char *json, size_t size, char *text) {
  size_t length = 0;
  for (size_t at = 1; at < size - 1; at++) {
    static const char letters[] = "\"\\/bfnrt", bytes[] = "\"\\/\b\f\n\r\t";
    if ((unsigned char)json[at] < 0x20 || json[at] == '"') abort();
    if (json[at] != '\\') {
      text[length++] = json[at];
    } else if (json[++at] == 'u') {
      text[length++] = (char)hex(json + at + 1);
      at += 4;
    } else {
      const char *letter = strchr(letters, json[at]);
      if (letter == NULL) abort();
      text[length++] = bytes[letter - letters];
    }
  }
  return length;
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size) {
  const char *text = (const char *)data;
  struct aicc_buf buf;
  aicc_buf_init(&buf, 1u << 20);
  if (aicc_buf_append(&buf, "[", 1) != AICC_OK) abort();
  char *copy = malloc(size > 0 ? size : 1);
  int is_plain = aicc_json_copy_plain(copy, text, size);
  if (is_plain != aicc_json_is_plain(text, size) || (is_plain && memcmp(copy, text, size) != 0)) abort();
  free(copy);
  enum aicc_buf_status written = aicc_json_string(&buf, text, size), checked = aicc_json_check_text(text, size);
  if ((written == AICC_BAD_UTF8) != (checked == AICC_BAD_UTF8)) abort();
  if (is_plain && (checked != AICC_OK || buf.length != size + 3)) abort();
  if (written == AICC_OK) {
    char *back = malloc(buf.length);
    const char *json = buf.data + 1;
    if (json[0] != '"' || json[buf.length - 2] != '"') abort();
    if (unescape(json, buf.length - 1, back) != size || memcmp(back, text, size) != 0) abort();
    free(back);
  } else if (written != AICC_BAD_UTF8 || buf.length != 1) {
    abort();
  }
  aicc_buf_free(&buf);
  return 0;
}
