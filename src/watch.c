/* watch.c - one wait for several pools. See watch.h. A pool's list of what it waits for is the pool's, which frees it. */
#include "watch.h"

#include <stdlib.h>
#include <string.h>
#include <sys/select.h>

#include "engine.h"
#include "sys.h"

#define LONGEST_WAIT 10  /* seconds, where libcurl has no timer */
#define BLIND_WAIT 0.005 /* seconds, where a socket cannot be watched */
#define FEW 64           /* sockets for which no memory is allocated */

/* Returns 0 when out of memory. */
static int add(struct aicc_pool_wants *wants, int fd, short events) {
  if (wants->count == wants->capacity) {
    size_t capacity = wants->capacity > 0 ? wants->capacity * 2 : 4;
    struct pollfd *polls = realloc(wants->polls, capacity * sizeof *polls);
    if (polls == NULL) return 0;
    wants->polls = polls;
    wants->capacity = capacity;
  }
  wants->polls[wants->count].fd = fd;
  wants->polls[wants->count].events = events;
  wants->polls[wants->count++].revents = 0;
  return 1;
}

/* Sockets beyond what an fd_set holds are looked at every so often: only a process that has raised its limit has any. */
static int has_high_socket(const struct aicc_sockets *sockets) {
  for (size_t i = 0; i < sockets->count; i++)
    if (sockets->open[i].fd >= FD_SETSIZE) return 1;
  return 0;
}

/*
** Learns from libcurl what a pool waits for. What there is no memory for cannot be waited for: then it is to be stepped at once.
*/
static void learn(struct aicc_pool *pool, double now) {
  struct aicc_pool_wants *wants = &pool->wants;
  fd_set readable, writable, unused;
  long milliseconds = -1;
  int last = -1;
  double seconds = LONGEST_WAIT;
  FD_ZERO(&readable);
  FD_ZERO(&writable);
  FD_ZERO(&unused);
  wants->count = 0;
  wants->is_known = 1;
  if (curl_multi_fdset(pool->engine->multi, &readable, &writable, &unused, &last) != CURLM_OK ||
      has_high_socket(&pool->engine->sockets))
    seconds = BLIND_WAIT;
  if (curl_multi_timeout(pool->engine->multi, &milliseconds) == CURLM_OK && milliseconds >= 0 &&
      (double)milliseconds / 1000 < seconds)
    seconds = (double)milliseconds / 1000;
  wants->due = now + seconds;
  if (pool->waiting.count > 0 && pool->next_sweep < wants->due) wants->due = pool->next_sweep;
  for (int fd = 0; fd <= last; fd++) {
    short events = (short)((FD_ISSET(fd, &readable) ? POLLIN : 0) | (FD_ISSET(fd, &writable) ? POLLOUT : 0));
    if (events != 0 && !add(wants, fd, events)) wants->due = now;
  }
}

/* Whether a pool is to be stepped whatever its sockets do. */
static int is_due(const struct aicc_pool *pool) {
  return pool->ended.count > 0 || pool->engine == NULL || pool->owner != aicc_sys_process() ||
         (pool->waiting.count > 0 && pool->running.count < pool->window);
}

/* Marks the pools for which something has come, and those whose time has; returns how many there are. */
static size_t mark(struct aicc_watch_pool *watched, size_t count, const struct pollfd *polls) {
  double now = aicc_sys_now(AICC_MONOTONIC);
  size_t due = 0;
  for (size_t i = 0; i < count; i++) {
    const struct aicc_pool_wants *wants = &watched[i].pool->wants;
    if (watched[i].is_due == 0) {
      watched[i].is_due = wants->due <= now;
      for (size_t at = 0; polls != NULL && at < wants->count; at++) watched[i].is_due |= polls[at].revents != 0;
      if (polls != NULL) polls += wants->count;
    }
    due += (size_t)watched[i].is_due;
  }
  return due;
}

size_t aicc_watch_pools(struct aicc_watch_pool *watched, size_t count, double seconds) {
  struct pollfd few[FEW], *polls = few;
  double now = aicc_sys_now(AICC_MONOTONIC), until = now + seconds;
  size_t total = 0, at = 0;
  for (size_t i = 0; i < count; i++) {
    struct aicc_pool *pool = watched[i].pool;
    watched[i].is_due = is_due(pool);
    if (watched[i].is_due) {
      until = now;
      continue;
    }
    if (!pool->wants.is_known) learn(pool, now);
    if (pool->wants.due < until) until = pool->wants.due;
    total += pool->wants.count;
  }
  if (total > FEW) polls = malloc(total * sizeof *polls);
  for (size_t i = 0; polls != NULL && i < count; i++) {
    const struct aicc_pool_wants *wants = &watched[i].pool->wants;
    if (watched[i].is_due || wants->count == 0) continue;
    memcpy(polls + at, wants->polls, wants->count * sizeof *polls);
    at += wants->count;
  }
  if (polls == NULL) { /* nothing can be waited for; each is looked at soon */
    aicc_sys_nap(until - now < BLIND_WAIT ? until - now : BLIND_WAIT);
    for (size_t i = 0; i < count; i++) watched[i].is_due = 1;
    return count;
  }
  /* Rounded up: a wait that ends a little early would be begun again and again. */
  poll(polls, (nfds_t)total, until > now ? (int)((until - now) * 1000 + 0.999) : 0);
  size_t due = mark(watched, count, polls);
  if (polls != few) free(polls);
  return due;
}
