/*
** buf.h - growable bytes with a hard cap. Knows no Lua.
**
** A buffer belongs to whoever declared it, who calls aicc_buf_free once. Nothing here aborts: running out of memory or over the
** cap is a status, and leaves the bytes that were there untouched.
*/
#ifndef AICC_BUF_H
#define AICC_BUF_H

#include <stddef.h>

enum aicc_buf_status {
  AICC_OK = 0,
  AICC_NO_MEMORY,
  AICC_TOO_LONG,  /* over the buffer's cap */
  AICC_BAD_UTF8,  /* told by json.c */
  AICC_CONTROL    /* a control character where none may be, told by json.c */
};

#define AICC_REQUEST_LIMIT (16u << 20) /* bytes of a request's body */

struct aicc_buf {
  char *data;
  size_t length;
  size_t capacity;
  size_t limit;  /* never more than this many bytes */
};

/* Makes `buf` empty; allocates nothing. */
void aicc_buf_init(struct aicc_buf *buf, size_t limit);

/* Makes room for `extra` more bytes after the length. */
enum aicc_buf_status aicc_buf_reserve(struct aicc_buf *buf, size_t extra);

enum aicc_buf_status aicc_buf_append(struct aicc_buf *buf, const char *bytes, size_t count);

/* Shortens the buffer to `length`, and overwrites what stood behind. */
void aicc_buf_cut(struct aicc_buf *buf, size_t length);

/* Empties the buffer and overwrites what it held (it may be a secret); keeps the memory for the next use. */
void aicc_buf_wipe(struct aicc_buf *buf);

/* Wipes and frees. The buffer can be used again as after aicc_buf_init. */
void aicc_buf_free(struct aicc_buf *buf);

/* Overwrites memory that the compiler may not know to be read again. */
void aicc_buf_overwrite(void *memory, size_t size);

#endif
