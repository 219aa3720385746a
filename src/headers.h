/*
** headers.h - a request's headers, as libcurl takes them: a list that is shared and counted. Knows no Lua.
*/
#ifndef AICC_HEADERS_H
#define AICC_HEADERS_H

#include <stddef.h>

#include "libcurl.h"

/* A list of request headers, shared by the transfers that send it. Wiped when the last one lets go: it holds a token. */
struct aicc_headers {
  struct curl_slist *list;
  unsigned references;
};

/* An empty list with one reference, or NULL when out of memory. */
struct aicc_headers *aicc_headers_new(void);

/* Appends `name: value` (or `name:`, which keeps libcurl from sending its own). Returns 0 when out of memory. */
int aicc_headers_add(struct aicc_headers *headers, const char *name, const char *value, size_t size);

/* Appends those of another list, or of none where that is NULL. Returns 0 when out of memory. */
int aicc_headers_add_all(struct aicc_headers *headers, const struct aicc_headers *others);

void aicc_headers_release(struct aicc_headers *headers);

#endif
