/*
** pool.c - many transfers on one multi handle. See pool.h.
**
** The window is kept here, by adding a transfer to the multi handle only when it may start: libcurl's own connection limit would
** count the time spent queueing as transfer time, and costs O(n) for each transfer that waits.
*/
#include "pool.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine.h"
#include "polled.h"
#include "sys.h"

#define MOST_FAILURES 20   /* of the multi handle, one after the other, before it is given up */
#define FAILURE_PAUSE 0.01 /* seconds; so that what stays does not spin */
#define SWEEP_INTERVAL 0.1 /* seconds between two looks for waiting transfers whose time is up */

/* ---- lists ---- */

static void push(struct aicc_pool_list *list, struct aicc_xfer *xfer) {
  xfer->next = NULL;
  xfer->previous = list->last;
  if (list->last != NULL)
    list->last->next = xfer;
  else
    list->first = xfer;
  list->last = xfer;
  list->count++;
}

static void unlink_from(struct aicc_pool_list *list, struct aicc_xfer *xfer) {
  *(xfer->previous != NULL ? &xfer->previous->next : &list->first) = xfer->next;
  *(xfer->next != NULL ? &xfer->next->previous : &list->last) = xfer->previous;
  list->count--;
}

static struct aicc_xfer *find(const struct aicc_pool_list *list, uint64_t ticket) {
  struct aicc_xfer *xfer = list->first;
  while (xfer != NULL && xfer->ticket != ticket) xfer = xfer->next;
  return xfer;
}

static void free_all(struct aicc_pool_list *list) {
  for (struct aicc_xfer *xfer = list->first, *next; xfer != NULL; xfer = next) {
    next = xfer->next;
    aicc_xfer_free(xfer);
  }
  memset(list, 0, sizeof *list);
}

/* ---- easy handles ---- */

/* A handle that is not lent; NULL when out of memory, or where libcurl cannot do what it is told (`code`). */
static struct aicc_handle *handle_for(struct aicc_pool *pool, CURLcode *code) {
  struct aicc_engine *engine = pool->engine;
  if (engine->idle_count > 0) return engine->idle[--engine->idle_count];
  struct aicc_handle *handle = malloc(sizeof *handle);
  *code = CURLE_OUT_OF_MEMORY;
  if (handle == NULL) return NULL;
  *code = aicc_handle_open(handle, &pool->settings, &engine->sockets);
  if (*code == CURLE_OK) return handle;
  aicc_handle_free(handle);
  return NULL;
}

/* Takes the easy handle back from a transfer: out of the multi handle, and among the idle ones. */
static void reclaim(struct aicc_pool *pool, struct aicc_xfer *xfer) {
  struct aicc_engine *engine = pool->engine;
  struct aicc_handle *handle = xfer->handle;
  xfer->handle = NULL;
  curl_multi_remove_handle(engine->multi, handle->easy); /* from here on libcurl reads nothing of the transfer's */
  handle->xfer = NULL;
  if (engine->idle_count < engine->capacity)
    engine->idle[engine->idle_count++] = handle;
  else
    aicc_handle_free(handle);
}

/* ---- how transfers begin and end ---- */

static void end(struct aicc_pool *pool, struct aicc_pool_list *list, struct aicc_xfer *xfer, enum aicc_xfer_ending ending,
                CURLcode code) {
  aicc_handle_finish(xfer, ending, code, pool->settings.facts);
  unlink_from(list, xfer);
  if (xfer->handle != NULL) reclaim(pool, xfer);
  aicc_buf_wipe(&xfer->request);
  push(&pool->ended, xfer);
}

/* Starts a transfer that is among those that run. */
static void begin(struct aicc_pool *pool, struct aicc_xfer *xfer) {
  struct aicc_engine *engine = pool->engine;
  CURLcode code = CURLE_OK;
  struct aicc_handle *handle = engine->is_broken ? NULL : handle_for(pool, &code);
  if (engine->is_broken) code = CURLE_OUT_OF_MEMORY;
  if (handle != NULL) {
    code = aicc_handle_lend(handle, xfer);
    if (code == CURLE_OK && curl_multi_add_handle(engine->multi, handle->easy) == CURLM_OK) {
      xfer->handle = handle;
      return;
    }
    aicc_handle_free(handle);
    if (code == CURLE_OK) code = CURLE_OUT_OF_MEMORY;
  }
  end(pool, &pool->running, xfer, AICC_BY_CURL, code);
}

/* Whether a transfer that waits could begin. */
static int has_room(const struct aicc_pool *pool) { return pool->waiting.count > 0 && pool->running.count < pool->window; }

/*
** Starts what fits into the window, and ends what has waited for too long. In somebody else's event loop only a few are started
** in one go: what else happens there has its turn in between.
*/
static void fill_window(struct aicc_pool *pool) {
  if (pool->waiting.count == 0) return;
  double now = aicc_sys_now(AICC_MONOTONIC);
  size_t most = pool->polled != NULL ? AICC_POLLED_BATCH : pool->window;
  while (has_room(pool) && most-- > 0) {
    struct aicc_xfer *xfer = pool->waiting.first;
    if (xfer->not_after <= now) {
      end(pool, &pool->waiting, xfer, AICC_EXPIRED, CURLE_OK);
    } else {
      unlink_from(&pool->waiting, xfer);
      push(&pool->running, xfer);
      begin(pool, xfer);
    }
  }
  if (now < pool->next_sweep) return;
  pool->next_sweep = now + SWEEP_INTERVAL;
  for (struct aicc_xfer *xfer = pool->waiting.first, *next; xfer != NULL; xfer = next) {
    next = xfer->next;
    if (xfer->not_after <= now) end(pool, &pool->waiting, xfer, AICC_EXPIRED, CURLE_OK);
  }
}

/* Begins a transfer again whose kept connection was found closed before anything was sent on it. */
static void begin_afresh(struct aicc_pool *pool, struct aicc_xfer *xfer) {
  reclaim(pool, xfer);
  xfer->found_stale = 0;
  xfer->fresh_connection = 1; /* so this happens once */
  begin(pool, xfer);
}

/* Ends every transfer that libcurl says is done. */
static void drain(struct aicc_pool *pool) {
  int queued;
  for (CURLMsg *message; (message = curl_multi_info_read(pool->engine->multi, &queued)) != NULL;) {
    if (message->msg != CURLMSG_DONE) continue;
    CURLcode code = message->data.result; /* the message dies when its handle leaves the multi handle */
    char *owner = NULL;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &owner);
    struct aicc_xfer *xfer = ((struct aicc_handle *)(void *)owner)->xfer;
    if (xfer->found_stale)
      begin_afresh(pool, xfer);
    else
      end(pool, &pool->running, xfer, AICC_BY_CURL, code);
  }
}

/* Ends all that runs on a multi handle that fails again and again, and takes another one. */
static void give_up(struct aicc_pool *pool, CURLMcode code) {
  char message[CURL_ERROR_SIZE];
  while (pool->running.count > 0) {
    struct aicc_xfer *xfer = pool->running.first;
    end(pool, &pool->running, xfer, AICC_BY_CURL, CURLE_FAILED_INIT);
    snprintf(message, sizeof message, "libcurl cannot go on: %s", curl_multi_strerror(code));
    aicc_xfer_say(xfer, message);
  }
  struct aicc_engine *fresh = aicc_engine_new(pool->window);
  if (fresh == NULL) return; /* then the old one has to do */
  if (pool->polled != NULL) aicc_polled_move(pool->polled, fresh->multi);
  aicc_engine_free(pool->engine);
  pool->engine = fresh;
  pool->failures = 0;
}

static void perform(struct aicc_pool *pool) {
  int running = 0;
  if (pool->engine->is_broken) give_up(pool, CURLM_OUT_OF_MEMORY);
  CURLM *multi = pool->engine->multi;
  fill_window(pool);
  if (pool->running.count == 0) return;
  CURLMcode code = pool->polled != NULL ? aicc_polled_perform(pool->polled, multi, &running)
                                        : curl_multi_perform(multi, &running);
  pool->failures = code == CURLM_OK ? 0 : pool->failures + 1;
  /* It may have lost an entry of its register of sockets, which it has for polled.c alone: libcurl 7.88 would divide by zero. */
  if (pool->polled != NULL && code == CURLM_OUT_OF_MEMORY) pool->engine->is_broken = 1;
  drain(pool); /* what fits now is begun by the next step: until it is performed, its handle still tells of the one before */
  if (pool->failures >= MOST_FAILURES || pool->engine->is_broken) give_up(pool, code);
}

/*
** In the child after a fork: what was under way is the parent's. Our copies of the sockets are closed, without a word on them,
** and a new engine takes over. Returns 0 if there is no memory for one: then nothing may be done with the pool.
*/
static int survive_fork(struct aicc_pool *pool) {
  unsigned long self = aicc_sys_process();
  if (pool->owner == self) return 1;
  struct aicc_engine *fresh = aicc_engine_new(pool->window);
  if (fresh == NULL) return 0;
  struct aicc_engine *old = pool->engine;
  if (pool->polled != NULL) aicc_polled_forget(pool->polled, old->multi);
  pool->polled = NULL;
  aicc_sockets_close_all(&old->sockets);
  aicc_engine_abandon(old);
  pool->engine = fresh;
  pool->owner = self;
  while (pool->running.count > 0) {
    pool->running.first->handle = NULL; /* stays with the old engine */
    end(pool, &pool->running, pool->running.first, AICC_FORKED, CURLE_OK);
  }
  while (pool->waiting.count > 0) end(pool, &pool->waiting, pool->waiting.first, AICC_FORKED, CURLE_OK);
  return 1;
}

/* ---- for event loops of others ---- */

/* What aicc_pool_due tells of a pool that is closed. */
static double closed_due(const struct aicc_pool *pool) {
  double seconds = pool->ended.count > 0 ? 0 : pool->alarm - aicc_sys_now(AICC_MONOTONIC);
  return seconds > 0 ? seconds : 0;
}

/* And of one that is open. */
static double open_due(const struct aicc_pool *pool) {
  double now = aicc_sys_now(AICC_MONOTONIC), seconds = pool->alarm - now;
  if (pool->ended.count > 0 || has_room(pool)) return 0;
  if (pool->waiting.count > 0 && pool->next_sweep - now < seconds) seconds = pool->next_sweep - now;
  if (pool->running.count > 0) {
    double due = pool->failures > 0 ? FAILURE_PAUSE : aicc_polled_due(pool->polled, pool->engine->multi);
    if (due < seconds) seconds = due;
  }
  return seconds > 0 ? seconds : 0;
}

double aicc_pool_due(const struct aicc_pool *pool) {
  if (pool->engine == NULL) return closed_due(pool);
  return pool->owner == aicc_sys_process() ? open_due(pool) : 0;
}

/* To be called whenever what aicc_pool_due tells may have changed. */
static void arm(struct aicc_pool *pool) {
  if (pool->polled != NULL) aicc_polled_arm(pool->polled, aicc_pool_due(pool));
}

int aicc_pool_descriptor(struct aicc_pool *pool) {
  if (pool->engine != NULL && !survive_fork(pool)) {
    errno = ENOMEM;
    return -1;
  }
  if (pool->polled == NULL && pool->engine != NULL) {
    pool->polled = aicc_polled_new(pool->engine->multi, pool->running.count > 0);
    arm(pool);
  }
  return pool->polled != NULL ? aicc_polled_descriptor(pool->polled) : -1;
}

void aicc_pool_alarm(struct aicc_pool *pool, double seconds) {
  pool->alarm = aicc_sys_now(AICC_MONOTONIC) + seconds;
  arm(pool);
}

/* ---- the interface ---- */

int aicc_pool_open(struct aicc_pool *pool, const struct aicc_handle_settings *settings, size_t window) {
  memset(pool, 0, sizeof *pool);
  pool->settings = *settings;
  pool->window = window;
  pool->alarm = HUGE_VAL;
  pool->owner = aicc_sys_process();
  pool->engine = aicc_engine_new(window);
  return pool->engine != NULL;
}

void aicc_pool_close(struct aicc_pool *pool) {
  if (pool->engine == NULL) {
    aicc_polled_free(pool->polled);
    pool->polled = NULL;
    pool->alarm = HUGE_VAL;
    return;
  }
  if (survive_fork(pool)) {
    while (pool->running.count > 0) end(pool, &pool->running, pool->running.first, AICC_CLOSED, CURLE_OK);
    while (pool->waiting.count > 0) end(pool, &pool->waiting, pool->waiting.first, AICC_CLOSED, CURLE_OK);
    aicc_engine_free(pool->engine);
  }
  pool->engine = NULL;
  free_all(&pool->waiting);
  free_all(&pool->running);
  free_all(&pool->spare);
  if (closed_due(pool) > 0)
    aicc_pool_close(pool);
  else
    arm(pool);
}

void aicc_pool_free(struct aicc_pool *pool) {
  aicc_pool_close(pool);
  free_all(&pool->ended);
  free(pool->wants.polls);
  memset(&pool->wants, 0, sizeof pool->wants);
}

struct aicc_xfer *aicc_pool_acquire(struct aicc_pool *pool) {
  struct aicc_xfer *xfer = pool->spare.last;
  if (xfer != NULL) {
    unlink_from(&pool->spare, xfer);
    return xfer;
  }
  xfer = malloc(sizeof *xfer);
  if (xfer != NULL) aicc_xfer_init(xfer);
  return xfer;
}

int aicc_pool_start(struct aicc_pool *pool, struct aicc_xfer *xfer) {
  if (!survive_fork(pool)) return 0; /* before the transfer is among those of the parent */
  pool->wants.is_known = 0;
  push(&pool->waiting, xfer);
  arm(pool);
  return 1;
}

static size_t unfinished(const struct aicc_pool *pool) { return pool->waiting.count + pool->running.count; }

size_t aicc_pool_step(struct aicc_pool *pool, double seconds) {
  if (!survive_fork(pool)) return unfinished(pool);
  size_t before = pool->ended.count;
  pool->wants.is_known = 0;
  perform(pool);
  if (seconds > 0 && pool->ended.count == before && pool->running.count > 0 && !has_room(pool)) {
    int waited = curl_multi_poll(pool->engine->multi, NULL, 0, (int)(seconds * 1000 + 0.999), NULL) == CURLM_OK;
    if (!waited || pool->failures > 0) aicc_sys_nap(seconds < FAILURE_PAUSE ? seconds : FAILURE_PAUSE);
    perform(pool);
  }
  if (pool->alarm < HUGE_VAL && pool->alarm <= aicc_sys_now(AICC_MONOTONIC)) pool->alarm = HUGE_VAL;
  arm(pool);
  return unfinished(pool);
}

struct aicc_xfer *aicc_pool_take(struct aicc_pool *pool, uint64_t ticket) {
  struct aicc_xfer *xfer = ticket == 0 ? pool->ended.first : find(&pool->ended, ticket);
  if (xfer == NULL) return NULL;
  unlink_from(&pool->ended, xfer);
  if (pool->ended.count == 0) arm(pool);
  return xfer;
}

int aicc_pool_abort(struct aicc_pool *pool, uint64_t ticket) {
  if (!survive_fork(pool)) return 0;
  struct aicc_pool_list *list = &pool->running;
  struct aicc_xfer *xfer = find(list, ticket);
  if (xfer == NULL) xfer = find(list = &pool->waiting, ticket);
  if (xfer == NULL) return 0;
  pool->wants.is_known = 0;
  end(pool, list, xfer, AICC_ABORTED, CURLE_OK);
  arm(pool);
  return 1;
}

void aicc_pool_recycle(struct aicc_pool *pool, struct aicc_xfer *xfer) {
  if (pool->engine == NULL || pool->spare.count >= pool->window) {
    aicc_xfer_free(xfer);
    return;
  }
  aicc_xfer_recycle(xfer);
  push(&pool->spare, xfer);
}
