/* libcurl.c - libcurl as a whole. See libcurl.h. Nothing is ever freed: other threads and states may be using it. */
#include "libcurl.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static struct aicc_libcurl facts;
static char problem[128] = "libcurl cannot be started";

/*
** Whether no SIGPIPE ever comes of a socket that has been closed. libcurl sends with MSG_NOSIGNAL where there is such; so do TLS
** libraries that leave sending to it, through its connection filters: all that are named here do so from 7.88 on. NSS and some
** wolfSSLs write by themselves. A name in parentheses is one of several, of which another is used.
*/
static int is_quiet(const curl_version_info_data *info) {
#ifdef MSG_NOSIGNAL
  static const char *const tls[] = {"OpenSSL/", "LibreSSL/", "BoringSSL", "AWS-LC", "quictls/", "GnuTLS/", "mbedTLS/", "rustls"};
  if (info->version_num < 0x075800) return 0;
  if (info->ssl_version == NULL) return 1;
  for (size_t i = 0; i < sizeof tls / sizeof *tls; i++)
    if (strncmp(info->ssl_version, tls[i], strlen(tls[i])) == 0) return strchr(info->ssl_version, ' ') == NULL;
#else
  (void)info;
#endif
  return 0;
}

/* Returns whether libcurl has started. */
static int start(void) {
  if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) return 0;
  const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);
  /* Of an older one the record is shorter than what is read below. */
  if (info->version_num < AICC_LIBCURL_OLDEST) {
    snprintf(problem, sizeof problem, "libcurl %s is too old: 7.80 or later is needed", info->version);
    return 0;
  }
  /* Not curl_version, which initialises what it names: LDAP reads its configuration, SASL loads its plugins. */
  snprintf(facts.version, sizeof facts.version, "libcurl/%s%s%s", info->version, info->ssl_version != NULL ? " " : "",
           info->ssl_version != NULL ? info->ssl_version : "");
  facts.ca_file = info->cainfo; /* these two are constants in libcurl */
  facts.ca_path = info->capath;
  facts.is_quiet = is_quiet(info);
  return 1;
}

const char *aicc_libcurl_problem(void) { return problem; }

const struct aicc_libcurl *aicc_libcurl_start(void) {
  static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* and not pthread_once, of which helgrind knows nothing */
  static int has_started;
  pthread_mutex_lock(&lock);
  if (!has_started) has_started = start();
  const struct aicc_libcurl *known = has_started ? &facts : NULL;
  pthread_mutex_unlock(&lock);
  return known;
}
