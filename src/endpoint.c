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
  struct in_addr address; /* the parser has made 127.1 and the like whole; what is no address is a name, for somebody to resolve */
  return inet_pton(AF_INET, host, &address) == 1 && strncmp(host, "127.", 4) == 0;
}

static int has_part(CURLU *url, CURLUPart part) {
  char *text = NULL;
  int present = curl_url_get(url, part, &text, 0) == CURLUE_OK;
  curl_free(text);
  return present;
}

const char *aicc_endpoint_parse(const char *text, CURLU **out, int *https, int *loopback) {
  const char *why = NULL;
  char *scheme = NULL, *host = NULL;
  CURLU *url = curl_url();
  if (url == NULL) return "out of memory";
  if (curl_url_set(url, CURLUPART_URL, text, 0) != CURLUE_OK || curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
      curl_url_get(url, CURLUPART_HOST, &host, 0) != CURLUE_OK) {
    why = "expected a URL such as https://service.besclouds.com";
  } else {
    *https = strcmp(scheme, "https") == 0;
    *loopback = is_loopback(host);
    if (!*https && strcmp(scheme, "http") != 0)
      why = "expected https:// (or http:// on a loopback address)";
    else if (!*https && !*loopback)
      why = "http:// would send the token in clear; it is allowed for localhost, 127.x.x.x and [::1] only";
    else if (has_part(url, CURLUPART_USER) || has_part(url, CURLUPART_PASSWORD))
      why = "expected no user name or password in the URL";
    else if (has_part(url, CURLUPART_QUERY) || has_part(url, CURLUPART_FRAGMENT))
      why = "expected neither a query nor a fragment in the URL";
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
  if (url != NULL && curl_url_set(url, CURLUPART_URL, text, CURLU_GUESS_SCHEME | CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK &&
      curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK) {
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) known = known || strcmp(scheme, schemes[i]) == 0;
  }
  curl_free(scheme);
  curl_url_cleanup(url);
  if (known) return NULL;
  if (strchr(text, '@') != NULL) {
    return "expected a URL such as http://name:password@proxy.example:3128 (http, https, socks4, socks4a, socks5 or socks5h); "
           "in the name and the password @ is written %40, : %3A, / %2F, ? %3F, # %23 and % %25";
  }
  return "expected a URL such as http://proxy.example:3128 (http, https, socks4, socks4a, socks5 or socks5h)";
}

/* Appends part of a URL's path as it is sent: libcurl's parser keeps bytes beyond ASCII as they were given. */
static int append_path(struct aicc_buf *buf, const char *path, size_t size) {
  static const char digits[] = "0123456789abcdef";
  for (size_t i = 0; i < size; i++) {
    unsigned char byte = (unsigned char)path[i];
    char escape[3] = {'%', digits[byte >> 4], digits[byte & 15]};
    int is_plain = byte > ' ' && byte < 0x7F;
    if (aicc_buf_append(buf, is_plain ? path + i : escape, is_plain ? 1 : sizeof escape) != AICC_OK) return 0;
  }
  return 1;
}

char *aicc_endpoint_target(CURLU *base, const char *path) {
  char *prefix = NULL;
  struct aicc_buf whole;
  aicc_buf_init(&whole, 64u << 10);
  if (curl_url_get(base, CURLUPART_PATH, &prefix, 0) != CURLUE_OK) return NULL;
  size_t size = strlen(prefix);
  while (size > 0 && prefix[size - 1] == '/') size--;
  int made = append_path(&whole, prefix, size) && aicc_buf_append(&whole, path, strlen(path) + 1) == AICC_OK;
  curl_free(prefix);
  if (made) return whole.data;
  aicc_buf_free(&whole);
  return NULL;
}
