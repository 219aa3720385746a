/* watch.c - one wait for several pools. See watch.h. All memory is freed before it returns. */
#include "watch.h"

#include <poll.h>
#include <stdlib.h>

#include "sys.h"

struct polls {
  struct pollfd *list;
  size_t count, capacity;
};

/* Returns 0 when out of memory. */
static int add(struct polls *polls, int fd, short events) {
  if (polls->count == polls->capacity) {
    size_t capacity = polls->capacity > 0 ? polls->capacity * 2 : 64;
    struct pollfd *list = realloc(polls->list, capacity * sizeof *list);
    if (list == NULL) return 0;
    polls->list = list;
    polls->capacity = capacity;
  }
  polls->list[polls->count].fd = fd;
  polls->list[polls->count].events = events;
  polls->list[polls->count++].revents = 0;
  return 1;
}

/* Adds a pool's sockets. What there is no memory for cannot be waited for: then the pool is to be stepped at once. */
static void add_pool(struct polls *polls, struct aicc_watched *watched, double now) {
  struct aicc_wants wants;
  aicc_pool_wants(watched->pool, &wants);
  watched->due = now + wants.seconds;
  watched->first = polls->count;
  for (int fd = 0; fd <= wants.last; fd++) {
    short events = (short)((FD_ISSET(fd, &wants.readable) ? POLLIN : 0) | (FD_ISSET(fd, &wants.writable) ? POLLOUT : 0));
    if (events != 0 && !add(polls, fd, events)) watched->due = now;
  }
  watched->count = polls->count - watched->first;
}

static int is_due(const struct aicc_watched *watched, const struct polls *polls, double now) {
  if (watched->due <= now) return 1;
  for (size_t i = watched->first; i < watched->first + watched->count; i++)
    if (polls->list[i].revents != 0) return 1;
  return 0;
}

size_t aicc_watch(struct aicc_watched *watched, size_t count, double seconds) {
  struct polls polls = {NULL, 0, 0};
  double now = aicc_sys_now(AICC_MONOTONIC), until = now + seconds;
  size_t due = 0;
  for (size_t i = 0; i < count; i++) {
    add_pool(&polls, &watched[i], now);
    if (watched[i].due < until) until = watched[i].due;
  }
  /* Rounded up: a wait that ends a little early would be begun again and again. */
  poll(polls.list, (nfds_t)polls.count, until > now ? (int)((until - now) * 1000 + 0.999) : 0);
  now = aicc_sys_now(AICC_MONOTONIC);
  for (size_t i = 0; i < count; i++) {
    watched[i].is_due = is_due(&watched[i], &polls, now);
    if (watched[i].is_due) due++;
  }
  free(polls.list);
  return due;
}
