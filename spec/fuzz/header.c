/* header.c - fuzzes the search for a header in a reply's head: what is found is one trimmed line's value, inside the head. */
#include "../../src/xfer.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size) {
  struct aicc_xfer *xfer = malloc(sizeof *xfer);
  size_t length = 0;
  aicc_xfer_init(xfer);
  if (aicc_buf_append(&xfer->head, (const char *)data, size) == AICC_OK) {
    const char *value = aicc_xfer_header(xfer, "date", &length);
    if (value != NULL) {
      if (value < xfer->head.data + 5 || value + length > xfer->head.data + size) abort();
      if (memchr(value, '\n', length) != NULL) abort();
      if (length > 0 && (value[0] == ' ' || value[length - 1] == ' ' || value[length - 1] == '\r')) abort();
    }
  }
  aicc_xfer_free(xfer);
  return 0;
}
