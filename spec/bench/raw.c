/*
** raw.c - what the same requests cost in C on libcurl with nothing around it. The benches' yardstick.
**
** raw URL CA_FILE TOKEN COUNT IN_FLIGHT [lean] - prints the seconds of wall clock and of CPU that COUNT requests took, and the
** process's peak memory in KiB. Before them, BENCH_WARM_UP requests (64) that connect and do not count. One in flight: an easy
** handle, reused. More: so many easy handles on a multi handle, reused, waited for with curl_multi_poll. `lean` also leaves out
** what libcurl would do anew for each request: it has parsed the URL before, and looks for no proxy.
*/
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

static struct curl_slist *headers;

static double seconds(clockid_t id) {
  struct timespec now;
  clock_gettime(id, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void fail(const char *what) {
  fprintf(stderr, "raw: %s\n", what);
  exit(1);
}

static size_t swallow(char *bytes, size_t size, size_t count, void *data) {
  (void)bytes, (void)data;
  return size * count;
}

static CURL *make(const char *url, const char *ca_file, int is_lean) {
  CURL *easy = curl_easy_init();
  if (is_lean) {
    CURLU *parsed = curl_url(); /* lives as long as the process */
    curl_url_set(parsed, CURLUPART_URL, url, 0);
    curl_easy_setopt(easy, CURLOPT_CURLU, parsed);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_NOPROXY, "");
  } else {
    curl_easy_setopt(easy, CURLOPT_URL, url);
  }
  if (ca_file[0] != '\0') curl_easy_setopt(easy, CURLOPT_CAINFO, ca_file);
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(easy, CURLOPT_POSTFIELDS, "{\"skillId\":3,\"userAccounts\":[\"1001\",\"1002\"]}");
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, swallow);
  return easy;
}

static void check(CURL *easy, CURLcode code) {
  long status = 0;
  if (code == CURLE_OK) code = curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
  if (code != CURLE_OK) fail(curl_easy_strerror(code));
  if (status != 200) fail("the status is not 200");
}

static void one_by_one(CURL *easy, long count) {
  for (long i = 0; i < count; i++) check(easy, curl_easy_perform(easy));
}

static void many_at_once(CURLM *multi, CURL **easies, int in_flight, long count) {
  long begun = 0, ended = 0;
  int running, queued;
  for (; begun < in_flight && begun < count; begun++) curl_multi_add_handle(multi, easies[begun]);
  while (ended < count) {
    curl_multi_perform(multi, &running);
    for (CURLMsg *message; (message = curl_multi_info_read(multi, &queued)) != NULL; ended++) {
      CURL *easy = message->easy_handle;
      check(easy, message->data.result);
      curl_multi_remove_handle(multi, easy);
      if (begun < count && ++begun) curl_multi_add_handle(multi, easy);
    }
    if (ended < count) curl_multi_poll(multi, NULL, 0, 1000, NULL);
  }
}

int main(int argc, char **argv) {
  if (argc < 6) return 2;
  char authorization[5000];
  long count = atol(argv[4]);
  int in_flight = atoi(argv[5]);
  snprintf(authorization, sizeof authorization, "Authorization: Bearer %s", argv[3]);
  curl_global_init(CURL_GLOBAL_DEFAULT);
  headers = curl_slist_append(headers, "Content-Type: application/json");
  headers = curl_slist_append(headers, authorization);
  headers = curl_slist_append(headers, "x-app-key: sandbox-key");
  long warm_up = getenv("BENCH_WARM_UP") != NULL ? atol(getenv("BENCH_WARM_UP")) : 64;
  CURLM *multi = curl_multi_init();
  CURL **easies = calloc((size_t)in_flight, sizeof *easies);
  for (int i = 0; i < in_flight; i++) easies[i] = make(argv[1], argv[2], argc > 6 && strcmp(argv[6], "lean") == 0);
  if (in_flight == 1)
    one_by_one(easies[0], warm_up);
  else
    many_at_once(multi, easies, in_flight, warm_up);
  double wall = seconds(CLOCK_MONOTONIC), cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
  if (in_flight == 1)
    one_by_one(easies[0], count);
  else
    many_at_once(multi, easies, in_flight, count);
  wall = seconds(CLOCK_MONOTONIC) - wall;
  cpu = seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu;
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  printf("%.6f %.6f %ld\n", wall, cpu, usage.ru_maxrss);
  for (int i = 0; i < in_flight; i++) curl_easy_cleanup(easies[i]);
  free(easies);
  curl_multi_cleanup(multi);
  curl_slist_free_all(headers);
  return 0;
}
