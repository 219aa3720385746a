/*
** raw.c - what the same requests cost in C on libcurl with nothing around it: one easy handle, reused. The bench's yardstick.
** raw URL CA_FILE TOKEN COUNT - prints the seconds of wall clock and of CPU that COUNT requests took.
*/
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double seconds(clockid_t id) {
  struct timespec now;
  clock_gettime(id, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static size_t swallow(char *bytes, size_t size, size_t count, void *data) {
  (void)bytes, (void)data;
  return size * count;
}

int main(int argc, char **argv) {
  if (argc != 5) return 2;
  char authorization[5000];
  snprintf(authorization, sizeof authorization, "Authorization: Bearer %s", argv[3]);
  curl_global_init(CURL_GLOBAL_DEFAULT);
  CURL *easy = curl_easy_init();
  struct curl_slist *headers = NULL;
  headers = curl_slist_append(headers, "Content-Type: application/json");
  headers = curl_slist_append(headers, authorization);
  headers = curl_slist_append(headers, "x-app-key: sandbox-key");
  curl_easy_setopt(easy, CURLOPT_URL, argv[1]);
  if (argv[2][0] != '\0') curl_easy_setopt(easy, CURLOPT_CAINFO, argv[2]);
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(easy, CURLOPT_POSTFIELDS, "{\"skillId\":3,\"userAccounts\":[\"1001\",\"1002\"]}");
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, swallow);
  double wall = 0, cpu = 0;
  for (int i = -10; i < atoi(argv[4]); i++) { /* the first ones connect, and do not count */
    if (i == 0) wall = seconds(CLOCK_MONOTONIC), cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
    long status = 0;
    CURLcode code = curl_easy_perform(easy);
    if (code == CURLE_OK) code = curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    if (code != CURLE_OK || status != 200) return 1;
  }
  printf("%.6f %.6f\n", seconds(CLOCK_MONOTONIC) - wall, seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu);
  curl_slist_free_all(headers);
  curl_easy_cleanup(easy);
  return 0;
}
