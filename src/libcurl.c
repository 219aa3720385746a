/* libcurl.c - libcurl as a whole. See libcurl.h. Nothing is ever freed: other threads and states may be using it. */
#include "libcurl.h"

#include <pthread.h>
#include <stdio.h>

static struct aicc_libcurl facts;
static int has_started;

static void start(void) {
  if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) return;
  const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);
  snprintf(facts.version, sizeof facts.version, "%s", curl_version());
  if (info->age >= CURLVERSION_SEVENTH) {
    facts.ca_file = info->cainfo; /* these two are constants in libcurl */
    facts.ca_path = info->capath;
  }
  has_started = 1;
}

const struct aicc_libcurl *aicc_libcurl_start(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, start);
  return has_started ? &facts : NULL;
}
