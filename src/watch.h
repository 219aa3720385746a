/*
** watch.h - one wait for several pools, until one of them has something to do. Knows no Lua.
**
** Pools that are stepped in turn, each with a wait of its own, would wait for each other. What a pool waits for is asked of
** libcurl once after each time that something was done with it: a wait for many pools of which few do something costs little more
** than the system's poll. That costs less, up to some hundreds of pools, than a descriptor of its own for each (polled.h), which
** the system is told of each change of.
*/
#ifndef AICC_WATCH_H
#define AICC_WATCH_H

#include "pool.h"

struct aicc_watch_pool {
  struct aicc_pool *pool; /* the caller sets it */
  int is_due;             /* it is to be stepped */
};

/* Waits for at most `seconds`, or until a signal comes; sets `is_due`. Returns how many pools are to be stepped. */
size_t aicc_watch_pools(struct aicc_watch_pool *watched, size_t count, double seconds);

#endif
