/* pollset.c - one descriptor for many sockets and a time. See pollset.h. All that is acquired is in the struct. */
#include "pollset.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "sys.h"

#define MOST 256    /* sockets that one look tells of */
#define LATEST 1e12 /* seconds: a time beyond that never comes, and the system's types may not hold it */

/* Whether the set is to be armed: an earlier time than `due` wakes for nothing once, which costs less than to put it off. */
static int needs_arming(const struct aicc_pollset *set, double due, double now) {
  if (set->due <= now) return due > now; /* it is readable */
  return due < set->due;
}

#if AICC_LINUX

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>

/* What an event of the timer carries: no socket's number. */
#define TIMER (-1)

static int control(const struct aicc_pollset *set, int operation, int fd, int data, int events) {
  struct epoll_event event;
  memset(&event, 0, sizeof event);
  if (events & AICC_READABLE) event.events |= EPOLLIN;
  if (events & AICC_WRITABLE) event.events |= EPOLLOUT;
  event.data.fd = data;
  return epoll_ctl(set->fd, operation, fd, &event) == 0;
}

/*
** A descriptor that is ours has an owner, which belongs to the open file, and not to the number: so that whoever inherits it can
** tell it from what has got its number since. (Nobody gets a signal: that takes O_ASYNC too.)
*/
static void sign(int fd, pid_t opener) { fcntl(fd, F_SETOWN, opener); }

static void close_signed(int fd, pid_t opener) {
  if (fd >= 0 && fcntl(fd, F_GETOWN) == opener) close(fd);
}

int aicc_pollset_open(struct aicc_pollset *set) {
  set->due = HUGE_VAL;
  set->opener = getpid();
  set->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
  set->fd = set->timer >= 0 ? epoll_create1(EPOLL_CLOEXEC) : -1;
  if (set->fd >= 0 && control(set, EPOLL_CTL_ADD, set->timer, TIMER, AICC_READABLE)) {
    sign(set->timer, set->opener);
    sign(set->fd, set->opener);
    return 1;
  }
  int problem = errno;
  aicc_pollset_close(set);
  errno = problem;
  return 0;
}

void aicc_pollset_close(struct aicc_pollset *set) {
  if (set->timer >= 0) close(set->timer);
  if (set->fd >= 0) close(set->fd);
  set->fd = set->timer = -1;
}

void aicc_pollset_forget(struct aicc_pollset *set) {
  close_signed(set->timer, set->opener);
  close_signed(set->fd, set->opener);
  set->fd = set->timer = -1;
}

int aicc_pollset_watch(struct aicc_pollset *set, int fd, int events) {
  if (events == 0) {
    control(set, EPOLL_CTL_DEL, fd, fd, 0);
    return 1;
  }
  if (control(set, EPOLL_CTL_ADD, fd, fd, events)) return 1;
  return errno == EEXIST && control(set, EPOLL_CTL_MOD, fd, fd, events);
}

void aicc_pollset_arm(struct aicc_pollset *set, double due, double now) {
  struct itimerspec when;
  if (due > LATEST) due = HUGE_VAL;
  if (!needs_arming(set, due, now)) return;
  memset(&when, 0, sizeof when); /* all 0: never */
  if (due < 1) due = 1;          /* long ago */
  if (due < HUGE_VAL) {
    when.it_value.tv_sec = (time_t)due;
    when.it_value.tv_nsec = (long)((due - floor(due)) * 1e9);
  }
  timerfd_settime(set->timer, TFD_TIMER_ABSTIME, &when, NULL);
  set->due = due;
}

int aicc_pollset_ready(struct aicc_pollset *set, struct aicc_pollset_ready *ready, int most) {
  struct epoll_event events[MOST];
  int count = epoll_wait(set->fd, events, most < MOST ? most : MOST, 0), found = 0;
  for (int i = 0; i < count; i++) {
    if (events[i].data.fd == TIMER) continue;
    /* An error or a hang-up counts as something to read: reading tells what it is. */
    ready[found].events = events[i].events & EPOLLOUT ? AICC_WRITABLE : 0;
    if (events[i].events & ~(unsigned)EPOLLOUT) ready[found].events |= AICC_READABLE;
    ready[found++].fd = events[i].data.fd;
  }
  return found;
}

#elif defined __FreeBSD__ || defined __NetBSD__ || defined __OpenBSD__ || defined __DragonFly__ || defined __APPLE__

#include <sys/types.h>

#include <fcntl.h>
#include <sys/event.h>
#include <sys/time.h>

/* One change, told at once. */
static int change(const struct aicc_pollset *set, int ident, int filter, int flags, double milliseconds) {
  struct kevent event;
  memset(&event, 0, sizeof event);
  event.ident = (uintptr_t)ident;
  event.filter = (short)filter;
  event.flags = (unsigned short)flags;
  event.data = (intptr_t)milliseconds;
  return kevent(set->fd, &event, 1, NULL, 0, NULL) == 0;
}

int aicc_pollset_open(struct aicc_pollset *set) {
  set->due = HUGE_VAL;
  set->timer = -1;
  set->fd = kqueue();
  if (set->fd < 0) return 0;
  fcntl(set->fd, F_SETFD, FD_CLOEXEC);
  return 1;
}

void aicc_pollset_close(struct aicc_pollset *set) {
  if (set->fd >= 0) close(set->fd);
  set->fd = -1;
}

/* A child does not inherit it. */
void aicc_pollset_forget(struct aicc_pollset *set) { set->fd = -1; }

int aicc_pollset_watch(struct aicc_pollset *set, int fd, int events) {
  int readable = change(set, fd, EVFILT_READ, events & AICC_READABLE ? EV_ADD : EV_DELETE, 0);
  int writable = change(set, fd, EVFILT_WRITE, events & AICC_WRITABLE ? EV_ADD : EV_DELETE, 0);
  return (readable || !(events & AICC_READABLE)) && (writable || !(events & AICC_WRITABLE));
}

void aicc_pollset_arm(struct aicc_pollset *set, double due, double now) {
  if (due > LATEST) due = HUGE_VAL;
  if (!needs_arming(set, due, now)) return;
  change(set, 0, EVFILT_TIMER, EV_DELETE, 0); /* whether it is there or not */
  if (due < HUGE_VAL) change(set, 0, EVFILT_TIMER, EV_ADD | EV_ONESHOT, due > now ? ceil((due - now) * 1000) : 0);
  set->due = due;
}

int aicc_pollset_ready(struct aicc_pollset *set, struct aicc_pollset_ready *ready, int most) {
  struct kevent events[MOST];
  const struct timespec now = {0, 0};
  int count = kevent(set->fd, NULL, 0, events, most < MOST ? most : MOST, &now), found = 0;
  for (int i = 0; i < count; i++) {
    if (events[i].filter == EVFILT_TIMER) { /* who is told of it, has it no more */
      set->due = HUGE_VAL;
      continue;
    }
    ready[found].events = events[i].filter == EVFILT_WRITE ? AICC_WRITABLE : AICC_READABLE;
    ready[found++].fd = (int)events[i].ident;
  }
  return found;
}

#else

int aicc_pollset_open(struct aicc_pollset *set) {
  set->fd = set->timer = -1;
  errno = ENOSYS;
  return 0;
}

void aicc_pollset_close(struct aicc_pollset *set) { (void)set; }

void aicc_pollset_forget(struct aicc_pollset *set) { (void)set; }

int aicc_pollset_watch(struct aicc_pollset *set, int fd, int events) {
  (void)set, (void)fd, (void)events;
  return 0;
}

void aicc_pollset_arm(struct aicc_pollset *set, double due, double now) { (void)needs_arming(set, due, now); }

int aicc_pollset_ready(struct aicc_pollset *set, struct aicc_pollset_ready *ready, int most) {
  (void)set, (void)ready, (void)most;
  return 0;
}

#endif
