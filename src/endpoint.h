/*
** endpoint.h - the base URL: what may be dialled, and the address of each operation. Knows no Lua.
*/
#ifndef AICC_ENDPOINT_H
#define AICC_ENDPOINT_H

#include <curl/curl.h>

/* What the functions below return for a reason where memory ran out: of the text itself that says nothing. */
extern const char aicc_endpoint_no_memory[];

/* Parses `text`. Returns NULL and the URL (to be freed by curl_url_cleanup), or why it is refused. */
const char *aicc_endpoint_parse(const char *text, CURLU **url, int *https, int *loopback);

/* NULL, or why the text is no proxy that libcurl can use: it would say so itself, and quote the password. */
const char *aicc_endpoint_check_proxy(const char *text);

/* The path of `base` with `path` appended, as it is to be sent: malloc'ed. Where there is none, NULL and why. */
char *aicc_endpoint_target(CURLU *base, const char *path, const char **why);

#endif
