/*
** endpoint.c - the base URL. See endpoint.h.
**
** libcurl's own parser decides what a URL means, so that what is checked here and what is dialled can never differ.
*/
#include "endpoint.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "buf.h"

/* Whether a host, as the parser gives it, names this machine only: localhost, 127.x.x.x, [::1]. */
static int is_loopback(const char *host) {
  if (strcasecmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0) return 1;
  /* The parser has made 127.1 and the like whole; what is no address is a name, for somebody to resolve. */
  struct in_addr address;
  return inet_pton(AF_INET, host, &address) == 1 && strncmp(host, "127.", 4) == 0;
}

const char aicc_endpoint_no_memory[] = "not enough memory";

/* Why a URL is refused that libcurl cannot read, or read a part of. */
static const char *reason(CURLUcode code, const char *otherwise) {
  return code == CURLUE_OUT_OF_MEMORY ? aicc_endpoint_no_memory : otherwise;
}

/* NULL where a URL lacks a part, for which libcurl says `lacks`; else why it is refused. */
static const char *refuse_part(CURLU *url, CURLUPart part, CURLUcode lacks, const char *why) {
  char *text = NULL;
  CURLUcode code = curl_url_get(url, part, &text, 0);
  curl_free(text);
  return code == lacks ? NULL : reason(code, why);
}

/* Why a URL is refused that has a scheme and a host, or NULL. */
static const char *judge(CURLU *url, int https, int loopback, int is_http) {
  static const char no_user[] = "expected no user name or password in the URL";
  static const char no_query[] = "expected neither a query nor a fragment in the URL";
  const char *why = NULL;
  if (!https && !is_http) return "expected https:// (or http:// on a loopback address)";
  if (!https && !loopback)
    return "http:// would send the token in clear; it is allowed for localhost, 127.x.x.x and [::1] only";
  if (why == NULL) why = refuse_part(url, CURLUPART_USER, CURLUE_NO_USER, no_user);
  if (why == NULL) why = refuse_part(url, CURLUPART_PASSWORD, CURLUE_NO_PASSWORD, no_user);
  if (why == NULL) why = refuse_part(url, CURLUPART_QUERY, CURLUE_NO_QUERY, no_query);
  if (why == NULL) why = refuse_part(url, CURLUPART_FRAGMENT, CURLUE_NO_FRAGMENT, no_query);
  return why;
}

const char *aicc_endpoint_parse(const char *text, CURLU **out, int *https, int *loopback) {
  const char *why;
  char *scheme = NULL, *host = NULL;
  CURLU *url = curl_url();
  if (url == NULL) return aicc_endpoint_no_memory;
  CURLUcode code = curl_url_set(url, CURLUPART_URL, text, 0);
  if (code == CURLUE_OK) code = curl_url_get(url, CURLUPART_SCHEME, &scheme, 0);
  if (code == CURLUE_OK) code = curl_url_get(url, CURLUPART_HOST, &host, 0);
  if (code == CURLUE_OK) {
    *https = strcmp(scheme, "https") == 0;
    *loopback = is_loopback(host);
    why = judge(url, *https, *loopback, strcmp(scheme, "http") == 0);
  } else {
    why = reason(code, "expected a URL such as https://service.besclouds.com");
  }
  curl_free(scheme);
  curl_free(host);
  if (why != NULL)
    curl_url_cleanup(url);
  else
    *out = url;
  return why;
}

const char *aicc_endpoint_check_proxy(const char *text) {
  static const char *const schemes[] = {"http", "https", "socks4", "socks4a", "socks5", "socks5h"};
  char *scheme = NULL;
  int known = 0;
  CURLU *url = curl_url();
  if (url == NULL) return aicc_endpoint_no_memory;
  CURLUcode code = curl_url_set(url, CURLUPART_URL, text, CURLU_GUESS_SCHEME | CURLU_NON_SUPPORT_SCHEME);
  if (code == CURLUE_OK) code = curl_url_get(url, CURLUPART_SCHEME, &scheme, 0);
  if (code == CURLUE_OK) {
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) known = known || strcmp(scheme, schemes[i]) == 0;
  }
  curl_free(scheme);
  curl_url_cleanup(url);
  if (known) return NULL;
  if (code == CURLUE_OUT_OF_MEMORY) return aicc_endpoint_no_memory;
  if (strchr(text, '@') != NULL) {
    return "expected a URL such as http://name:password@proxy.example:3128 (http, https, socks4, socks4a, socks5 or socks5h); "
           "in the name and the password @ is written %40, : %3A, / %2F, ? %3F, # %23 and % %25";
  }
  return "expected a URL such as http://proxy.example:3128 (http, https, socks4, socks4a, socks5 or socks5h)";
}

/* Appends part of a URL's path as it is sent: libcurl's parser keeps bytes beyond ASCII as they were given. */
static enum aicc_buf_status append_path(struct aicc_buf *buf, const char *path, size_t size) {
  static const char digits[] = "0123456789abcdef";
  enum aicc_buf_status status = AICC_OK;
  for (size_t i = 0; i < size && status == AICC_OK; i++) {
    unsigned char byte = (unsigned char)path[i];
    char escape[3] = {'%', digits[byte >> 4], digits[byte & 15]};
    int is_plain = byte > ' ' && byte < 0x7F;
    status = aicc_buf_append(buf, is_plain ? path + i : escape, is_plain ? 1 : sizeof escape);
  }
  return status;
}

char *aicc_endpoint_target(CURLU *base, const char *path, const char **why) {
  char *prefix = NULL;
  struct aicc_buf whole;
  *why = aicc_endpoint_no_memory;
  aicc_buf_init(&whole, 64u << 10);
  if (curl_url_get(base, CURLUPART_PATH, &prefix, 0) != CURLUE_OK) return NULL; /* there always is one */
  size_t size = strlen(prefix);
  while (size > 0 && prefix[size - 1] == '/') size--;
  enum aicc_buf_status status = append_path(&whole, prefix, size);
  if (status == AICC_OK) status = aicc_buf_append(&whole, path, strlen(path) + 1);
  curl_free(prefix);
  if (status == AICC_OK) return whole.data;
  if (status != AICC_NO_MEMORY) *why = "its path cannot be extended";
  aicc_buf_free(&whole);
  return NULL;
}
