/*
** endpoint.h - the base URL: what may be dialled, and the address of each operation. Knows no Lua.
*/
#ifndef AICC_ENDPOINT_H
#define AICC_ENDPOINT_H

#include <curl/curl.h>

/* Parses `text`. Returns NULL and the URL (to be freed by curl_url_cleanup), or why it is refused. */
const char *aicc_endpoint_parse(const char *text, CURLU **url, int *https, int *loopback);

/* NULL, or why the text is no proxy that libcurl can use: it would say so itself, and quote the password. */
const char *aicc_endpoint_check_proxy(const char *text);

/* A copy of `base` with `path` appended to its path, or NULL when out of memory. */
CURLU *aicc_endpoint_at(CURLU *base, const char *path);

#endif
