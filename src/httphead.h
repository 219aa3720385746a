/*
** httphead.h - the head of an answer in HTTP/1. Knows no Lua, and allocates nothing.
**
** It is an egress's, on a Unix socket of the same host (aicc.transport.http); libcurl reads its own.
*/
#ifndef AICC_HTTPHEAD_H
#define AICC_HTTPHEAD_H

#include <stddef.h>

/* A header's value, somewhere in the answer; data is NULL for none. */
struct aicc_httphead_value {
  const char *data;
  size_t size;
};

struct aicc_httphead {
  int status;
  size_t size;        /* bytes, its empty line included: the body comes behind */
  double length;      /* bytes that the body has; negative: not told */
  int in_chunks;      /* there is a Transfer-Encoding */
  int keeps;          /* the connection is to be kept */
  struct aicc_httphead_value progress, retry_after, date; /* X-Aicc-Egress, Retry-After, Date */
};

enum aicc_httphead_result { AICC_HTTPHEAD_READ, AICC_HTTPHEAD_INCOMPLETE, AICC_HTTPHEAD_NONE };

/* Reads the head at the beginning of so many bytes. Of a header that comes twice, the last one counts. */
enum aicc_httphead_result aicc_httphead_read(const char *data, size_t size, struct aicc_httphead *head);

#endif
