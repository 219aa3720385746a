/*
** text.c - fuzzes what makes a server's words fit for others: they are UTF-8 without control characters afterwards, and as long
** as before; and a text that is UTF-8 is so wherever it is cut. The input is where to cut, and the text.
*/
#include "../../src/text.h"

#include <stdlib.h>
#include <string.h>

#include "../../src/json.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size) {
  if (size == 0) return 0;
  size_t text_size = size - 1, most = data[0];
  char *text = malloc(text_size > 0 ? text_size : 1); /* no byte more: a read beyond the end is seen */
  memcpy(text, data + 1, text_size);
  size_t left = aicc_text_cut(text, text_size, most);
  if (left > text_size || (text_size > most && left > most) || (text_size <= most && left != text_size)) abort();
  if (left + 4 <= most && left < text_size) abort(); /* no more is lost than a character */
  int is_good = aicc_json_check_text(text, text_size) != AICC_BAD_UTF8;
  if (is_good && aicc_json_check_text(text, left) == AICC_BAD_UTF8) abort();
  if (aicc_text_fit(text, text_size, most, 0) != left || aicc_json_check_text(text, left) == AICC_BAD_UTF8) abort();
  if (is_good && memcmp(text, data + 1, left) != 0) abort();
  if (aicc_text_fit(text, left, left, 1) != left) abort();
  if (aicc_json_check_text(text, left) != AICC_OK) abort();
  if (is_good && memchr(data + 1, '?', left) == NULL && left > 0 && memchr(text, '?', left) != NULL) abort();
  free(text);
  return 0;
}
