/* httphead.c - fuzzes the head of an answer: what is found is inside it, and on one line. */
#include "../../src/httphead.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static void check(const char *text, const struct aicc_httphead *head, struct aicc_httphead_value value) {
  if (value.data == NULL) return;
  if (value.data < text || value.data + value.size > text + head->size) abort();
  if (memchr(value.data, '\n', value.size) != NULL) abort();
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size) {
  static const char line[] = "HTTP/1.1 200 OK\r\n"; /* or hardly any input would get far */
  size_t before = size > 0 && data[0] % 2 == 0 ? sizeof line - 1 : 0, all = before + size;
  char *text = malloc(all + 1); /* exactly so large, but for none at all */
  if (text == NULL) return 0;
  memcpy(text, line, before);
  if (size > 0) memcpy(text + before, data, size);
  struct aicc_httphead head;
  if (aicc_httphead_read(text, all, &head) == AICC_HTTPHEAD_READ) {
    if (head.size > all || head.status < 100 || head.status > 999 || head.length >= 1e15) abort();
    check(text, &head, head.progress);
    check(text, &head, head.retry_after);
    check(text, &head, head.date);
  }
  free(text);
  return 0;
}
