/*
** watch.h - one wait for several pools, until one of them has something to do. Knows no Lua.
**
** Pools that are stepped in turn, each with a wait of its own, would wait for each other. Nothing here is kept between two waits.
*/
#ifndef AICC_WATCH_H
#define AICC_WATCH_H

#include "pool.h"

struct aicc_watched {
  const struct aicc_pool *pool; /* the caller sets it */
  int is_due;                   /* it is to be stepped */
  double due;                   /* when it is in any case (AICC_MONOTONIC) */
  size_t first, count;          /* its sockets among all */
};

/* Waits for at most `seconds`, or until a signal comes; sets `is_due`. Returns how many pools are to be stepped. */
size_t aicc_watch(struct aicc_watched *watched, size_t count, double seconds);

#endif
