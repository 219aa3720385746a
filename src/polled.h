/*
** polled.h - a multi handle that somebody else's event loop drives: through one descriptor, which is readable when there is
** something to do. Knows no Lua.
**
** A pool has one from the first time that somebody asks for its descriptor, and keeps it when it takes another multi handle.
** Until then libcurl tells nobody of its sockets, and nothing here costs anything.
*/
#ifndef AICC_POLLED_H
#define AICC_POLLED_H

#include "libcurl.h"

struct aicc_polled;

#define AICC_POLLED_BATCH 16 /* transfers that begin, and sockets that are served, in one go: about a millisecond's work */

/*
** From now on the multi handle is run by aicc_polled_perform alone. NULL, with errno, if it cannot be had. `is_running`: the
** handle has transfers already, whose sockets libcurl will not tell: until they have ended it is looked at every few
** milliseconds.
*/
struct aicc_polled *aicc_polled_new(CURLM *multi, int is_running);

/* Another multi handle takes the place of the one before, which is to be cleaned up after this. */
void aicc_polled_move(struct aicc_polled *polled, CURLM *multi);

/* After the multi handle has been cleaned up. NULL is allowed. */
void aicc_polled_free(struct aicc_polled *polled);

/* In the child after a fork: the parent's descriptor stays as it is, and the multi handle, never to be used again, forgets it. */
void aicc_polled_forget(struct aicc_polled *polled, CURLM *multi);

int aicc_polled_descriptor(const struct aicc_polled *polled);

/* In place of curl_multi_perform: what is ready, or due, goes on. */
CURLMcode aicc_polled_perform(struct aicc_polled *polled, CURLM *multi, int *running);

/* Seconds until libcurl is to be run whatever its sockets do; HUGE_VAL: never. NULL is allowed: there is no descriptor yet. */
double aicc_polled_due(const struct aicc_polled *polled, CURLM *multi);

/* Makes the descriptor readable in so many seconds, if not earlier; HUGE_VAL: by its sockets alone. */
void aicc_polled_arm(struct aicc_polled *polled, double seconds);

#endif
