/*
** engine.h - what libcurl owns of a pool, and what it points to: a multi handle, easy handles, sockets. Knows no Lua.
**
** It is the pool's, as a whole: in the child after a fork, the pool takes another one and abandons this.
*/
#ifndef AICC_ENGINE_H
#define AICC_ENGINE_H

#include "handle.h"

struct aicc_engine {
  CURLM *multi;
  struct aicc_handle **idle;    /* that are not lent */
  size_t idle_count, capacity;  /* capacity: the window */
  int is_broken;                /* the multi handle is never to be used again, but to take its handles out */
  struct aicc_sockets sockets;
  struct aicc_engine *next;     /* of those that were abandoned */
};

/* NULL when out of memory. */
struct aicc_engine *aicc_engine_new(size_t window);

/* Closes its connections. Whoever has lent a handle has taken it back. */
void aicc_engine_free(struct aicc_engine *engine);

/*
** Leaves one that came through a fork as it is: cleaning it up would send a TLS goodbye, or bytes, on the parent's connections.
*/
void aicc_engine_abandon(struct aicc_engine *engine);

#endif
