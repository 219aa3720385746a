/*
** pollset.h - a descriptor that is readable while one of some sockets is ready, and from a set time on. Knows no Lua.
**
** For event loops of others, which watch this one descriptor in place of the sockets. epoll and timerfd on Linux, kqueue on the
** BSDs and macOS (where nobody has run it yet); elsewhere there is none.
*/
#ifndef AICC_POLLSET_H
#define AICC_POLLSET_H

#include <sys/types.h>

#define AICC_READABLE 1
#define AICC_WRITABLE 2

struct aicc_pollset {
  int fd;
  int timer;  /* epoll's; -1 elsewhere */
  pid_t opener;
  double due; /* when the descriptor becomes readable by itself (AICC_MONOTONIC); HUGE_VAL: never */
};

struct aicc_pollset_ready {
  int fd;
  int events; /* AICC_READABLE and AICC_WRITABLE */
};

/* Returns 0, with errno, if it cannot be had. Its descriptors do not outlive an exec. */
int aicc_pollset_open(struct aicc_pollset *set);

/* May be called again. */
void aicc_pollset_close(struct aicc_pollset *set);

/*
** The same in the child after a fork, which may have closed descriptors, and opened others that have their numbers now: those are
** left alone, and so is the parent's set.
*/
void aicc_pollset_forget(struct aicc_pollset *set);

/* Watches a socket for these events, and for no others; 0: no longer. Returns 0 if the system refuses. */
int aicc_pollset_watch(struct aicc_pollset *set, int fd, int events);

/* Makes the descriptor readable from `due` on, unless it is so earlier. */
void aicc_pollset_arm(struct aicc_pollset *set, double due, double now);

/* Tells up to `most` sockets that are ready now; returns how many. */
int aicc_pollset_ready(struct aicc_pollset *set, struct aicc_pollset_ready *ready, int most);

#endif
