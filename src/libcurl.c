/* libcurl.c - libcurl as a whole. See libcurl.h. Nothing is ever freed: other threads and states may be using it. */
#include "libcurl.h"

#include <pthread.h>
#include <stdio.h>

static struct aicc_libcurl facts;

/* Returns whether libcurl has started. */
static int start(void) {
  if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) return 0;
  const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);
  snprintf(facts.version, sizeof facts.version, "%s", curl_version());
  if (info->age >= CURLVERSION_SEVENTH) {
    facts.ca_file = info->cainfo; /* these two are constants in libcurl */
    facts.ca_path = info->capath;
  }
  return 1;
}

const struct aicc_libcurl *aicc_libcurl_start(void) {
  static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* and not pthread_once, of which helgrind knows nothing */
  static int has_started;
  pthread_mutex_lock(&lock);
  if (!has_started) has_started = start();
  const struct aicc_libcurl *known = has_started ? &facts : NULL;
  pthread_mutex_unlock(&lock);
  return known;
}
