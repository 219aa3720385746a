/*
** buf.c - growable bytes with a hard cap. See buf.h.
**
** Growing copies into fresh memory and wipes the old, where realloc would leave a copy of a secret behind.
*/
#include "buf.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CAPACITY 64

void aicc_buf_overwrite(void *memory, size_t size) {
  static void *(*const volatile set)(void *, int, size_t) = memset; /* the compiler may not assume which function this is */
  if (size > 0) set(memory, 0, size);
}

void aicc_buf_init(struct aicc_buf *buf, size_t limit) {
  buf->data = NULL;
  buf->length = buf->capacity = 0;
  buf->limit = limit;
}

enum aicc_buf_status aicc_buf_reserve(struct aicc_buf *buf, size_t extra) {
  if (extra <= buf->capacity - buf->length) return AICC_OK;
  if (extra > buf->limit - buf->length) return AICC_TOO_LONG;
  size_t needed = buf->length + extra;
  size_t capacity = buf->capacity > 0 ? buf->capacity : FIRST_CAPACITY;
  while (capacity < needed) capacity = capacity <= SIZE_MAX / 2 ? capacity * 2 : needed;
  if (capacity > buf->limit) capacity = buf->limit;
  char *data = malloc(capacity);
  if (data == NULL) return AICC_NO_MEMORY;
  if (buf->length > 0) memcpy(data, buf->data, buf->length);
  if (buf->data != NULL) {
    aicc_buf_overwrite(buf->data, buf->length);
    free(buf->data);
  }
  buf->data = data;
  buf->capacity = capacity;
  return AICC_OK;
}

enum aicc_buf_status aicc_buf_append(struct aicc_buf *buf, const char *bytes, size_t count) {
  enum aicc_buf_status status = aicc_buf_reserve(buf, count);
  if (status != AICC_OK) return status;
  if (count > 0) memcpy(buf->data + buf->length, bytes, count);
  buf->length += count;
  return AICC_OK;
}

void aicc_buf_cut(struct aicc_buf *buf, size_t length) {
  aicc_buf_overwrite(buf->data + length, buf->length - length);
  buf->length = length;
}

void aicc_buf_wipe(struct aicc_buf *buf) {
  aicc_buf_overwrite(buf->data, buf->length);
  buf->length = 0;
}

void aicc_buf_free(struct aicc_buf *buf) {
  aicc_buf_wipe(buf);
  free(buf->data);
  buf->data = NULL;
  buf->capacity = 0;
}
