/*
** header.c - fuzzes the head of a reply: what is found of a header is the value of one line that begins with its name, trimmed,
** the first such line of the last reply.
*/
#include "../../src/xfer.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size) {
  struct aicc_xfer *xfer = malloc(sizeof *xfer);
  const char *line = (const char *)data, *end = line + size, *first = NULL;
  size_t length = 0, first_length = 0;
  aicc_xfer_init(xfer);
  while (line < end) {
    const char *stop = memchr(line, '\n', (size_t)(end - line));
    stop = stop != NULL ? stop + 1 : end;
    if (!aicc_xfer_take_head(xfer, line, (size_t)(stop - line))) abort();
    if (stop - line >= 5 && memcmp(line, "HTTP/", 5) == 0) first = NULL;
    if (first == NULL && stop - line >= 5 && strncasecmp(line, "date:", 5) == 0) {
      first = line + 5;
      first_length = (size_t)(stop - first);
    }
    line = stop;
  }
  const char *value = aicc_xfer_header(xfer, AICC_DATE, &length);
  if ((value != NULL) != (first != NULL)) abort();
  if (value != NULL) {
    if (value < xfer->head.data + 5 || value + length > xfer->head.data + xfer->head.length) abort();
    if (memchr(value, '\n', length) != NULL) abort();
    if (length > 0 && (value[0] == ' ' || value[length - 1] == ' ' || value[length - 1] == '\r')) abort();
    if (length > 0 && (length > first_length || memchr(first, value[0], first_length) == NULL)) abort();
  }
  aicc_xfer_free(xfer);
  return 0;
}
