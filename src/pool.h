/*
** pool.h - many transfers on one multi handle, never more at once than the window. Knows no Lua.
**
** Ownership: a transfer comes from aicc_pool_acquire, is filled in, and given back by aicc_pool_start; it is the caller's again
** from aicc_pool_take on, until aicc_pool_recycle. The pool frees all that is left in aicc_pool_free.
** Connections live as long as the pool: a new easy handle finds them in the multi handle.
*/
#ifndef AICC_POOL_H
#define AICC_POOL_H

#include <poll.h>

#include "handle.h"

struct aicc_pool_list {
  struct aicc_xfer *first, *last;
  size_t count;
};

struct aicc_engine;
struct aicc_polled;

/* What a pool waits for (watch.c): known until something is done with the pool. */
struct aicc_pool_wants {
  struct pollfd *polls;
  size_t count, capacity;
  double due;                       /* monotonic; when it is to be stepped in any case */
  int is_known;
};

struct aicc_pool {
  struct aicc_engine *engine;       /* libcurl's handles; abandoned, whole, in the child after a fork */
  struct aicc_polled *polled;       /* for somebody else's event loop; NULL until one asks for it */
  struct aicc_handle_settings settings;
  size_t window;
  unsigned long owner;              /* the process (aicc_sys_process) */
  unsigned failures;                /* of libcurl's multi handle, one after the other */
  double next_sweep;                /* when to look for waiting transfers whose time is up */
  double alarm;                     /* when the caller wants to be woken; HUGE_VAL: never */
  struct aicc_pool_list waiting;    /* started, but the window is full */
  struct aicc_pool_list running;
  struct aicc_pool_list ended;
  struct aicc_pool_list spare;      /* recycled; no more than the window */
  struct aicc_pool_wants wants;
};

/* Returns 0 when out of memory; then there is nothing to close. */
int aicc_pool_open(struct aicc_pool *pool, const struct aicc_handle_settings *settings, size_t window);

/*
** Ends everything that has not ended and closes all connections; what ended can still be taken. May be called again, and on a
** zeroed pool. The descriptor of aicc_pool_descriptor goes too, unless there is something to take, or an alarm has come: then it
** stays readable, for who waits by it, until this is called again.
*/
void aicc_pool_close(struct aicc_pool *pool);

/* Closes it, and frees what nobody took. May be called again. */
void aicc_pool_free(struct aicc_pool *pool);

/* An empty transfer to fill in, or NULL when out of memory. */
struct aicc_xfer *aicc_pool_acquire(struct aicc_pool *pool);

/* Returns 0, and leaves the transfer to the caller, if there is no memory for what the first call after a fork needs. */
int aicc_pool_start(struct aicc_pool *pool, struct aicc_xfer *xfer);

/*
** Lets everything proceed: starts what fits, and waits for at most `seconds` unless something ends. Returns the number of
** transfers that have not ended.
*/
size_t aicc_pool_step(struct aicc_pool *pool, double seconds);

/*
** A descriptor that is readable when the pool is to be stepped, or has something to take; it goes with the pool, and a child
** after a fork has one of its own. -1, with errno, if it cannot be had.
*/
int aicc_pool_descriptor(struct aicc_pool *pool);

/* Seconds until that descriptor becomes readable by itself, if no socket is ready before; HUGE_VAL: it does not. */
double aicc_pool_due(const struct aicc_pool *pool);

/* Makes the descriptor readable in so many seconds, once; a later one takes the place of the one before. */
void aicc_pool_alarm(struct aicc_pool *pool, double seconds);

/* Takes the transfer that ended first, or the one with that ticket (0: any); NULL if there is none. */
struct aicc_xfer *aicc_pool_take(struct aicc_pool *pool, uint64_t ticket);

/* Ends a transfer that has not ended: it can be taken at once. Returns 0 if there is none with that ticket. */
int aicc_pool_abort(struct aicc_pool *pool, uint64_t ticket);

/* Gives a taken transfer back, for the next aicc_pool_acquire. */
void aicc_pool_recycle(struct aicc_pool *pool, struct aicc_xfer *xfer);

#endif
