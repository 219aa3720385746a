/*
** polled.c - a multi handle behind one descriptor. See polled.h. The struct and its descriptors are aicc_polled_free's to free.
**
** Not curl_multi_perform, which would look at every transfer each time: libcurl tells of its sockets (CURLMOPT_SOCKETFUNCTION)
** and is told which of them are ready. When it wants to be woken it is asked, each time (curl_multi_timeout), and not told of
** (CURLMOPT_TIMERFUNCTION): that is not told again where a timer was run a moment too early.
*/
#include "polled.h"

#include <math.h>
#include <stdlib.h>

#include "pollset.h"
#include "sys.h"

#define BLIND_WAIT 0.005 /* seconds, where libcurl has sockets that the descriptor knows nothing of */

struct aicc_polled {
  struct aicc_pollset set;
  int is_blind; /* libcurl has sockets that the set has not, until no transfer is left */
};

/* libcurl's CURLMOPT_SOCKETFUNCTION: what it waits for on a socket. */
static int on_socket(CURL *easy, curl_socket_t fd, int what, void *data, void *unused) {
  struct aicc_polled *polled = data;
  int events = (what & CURL_POLL_IN ? AICC_READABLE : 0) | (what & CURL_POLL_OUT ? AICC_WRITABLE : 0);
  (void)easy, (void)unused;
  if (what == CURL_POLL_REMOVE) events = 0;
  if (!aicc_pollset_watch(&polled->set, fd, events)) polled->is_blind = 1;
  return 0;
}

static void attach(struct aicc_polled *polled, CURLM *multi) {
  curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, polled);
  curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket);
}

struct aicc_polled *aicc_polled_new(CURLM *multi, int is_running) {
  struct aicc_polled *polled = malloc(sizeof *polled);
  if (polled == NULL) return NULL;
  polled->is_blind = is_running;
  if (!aicc_pollset_open(&polled->set)) {
    free(polled);
    return NULL;
  }
  attach(polled, multi);
  return polled;
}

void aicc_polled_move(struct aicc_polled *polled, CURLM *multi) {
  polled->is_blind = 0;
  attach(polled, multi);
}

void aicc_polled_free(struct aicc_polled *polled) {
  if (polled == NULL) return;
  aicc_pollset_close(&polled->set);
  free(polled);
}

void aicc_polled_forget(struct aicc_polled *polled, CURLM *multi) {
  curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, NULL);
  aicc_pollset_forget(&polled->set);
  free(polled);
}

int aicc_polled_descriptor(const struct aicc_polled *polled) { return polled->set.fd; }

/* Whether libcurl's own timer has run out. */
static int is_due(CURLM *multi) {
  long milliseconds = -1;
  return curl_multi_timeout(multi, &milliseconds) == CURLM_OK && milliseconds == 0;
}

CURLMcode aicc_polled_perform(struct aicc_polled *polled, CURLM *multi, int *running) {
  struct aicc_pollset_ready ready[AICC_POLLED_BATCH];
  CURLMcode code = CURLM_OK;
  int count = aicc_pollset_ready(&polled->set, ready, AICC_POLLED_BATCH);
  for (int i = 0; i < count && code == CURLM_OK; i++) {
    int events = ready[i].events & AICC_READABLE ? CURL_CSELECT_IN : 0;
    if (ready[i].events & AICC_WRITABLE) events |= CURL_CSELECT_OUT;
    code = curl_multi_socket_action(multi, ready[i].fd, events, running);
  }
  if (code == CURLM_OK && is_due(multi)) code = curl_multi_socket_action(multi, CURL_SOCKET_TIMEOUT, 0, running);
  if (polled->is_blind) {
    CURLMcode all = curl_multi_perform(multi, running);
    if (code == CURLM_OK) code = all;
    if (*running == 0) polled->is_blind = 0;
  }
  return code;
}

double aicc_polled_due(const struct aicc_polled *polled, CURLM *multi) {
  long milliseconds = -1;
  double seconds = polled != NULL && polled->is_blind ? BLIND_WAIT : HUGE_VAL;
  if (curl_multi_timeout(multi, &milliseconds) == CURLM_OK && milliseconds >= 0 && (double)milliseconds / 1000 < seconds)
    seconds = (double)milliseconds / 1000;
  return seconds;
}

void aicc_polled_arm(struct aicc_polled *polled, double seconds) {
  double now = aicc_sys_now(AICC_MONOTONIC);
  aicc_pollset_arm(&polled->set, now + seconds, now);
}
