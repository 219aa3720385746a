/*
** state.h - the handler: a Lua state of its own, behind a lock, in which aicc.sandbox.service answers.
**
** Any thread may call any function here; none raises, and none is called from Lua code inside the handler.
*/
#ifndef AICC_SANDBOX_STATE_H
#define AICC_SANDBOX_STATE_H

#include <stdbool.h>

#include "buf.h"
#include "gate.h"
#include "request.h"

struct aicc_state;

/*
** Opens the state, with the caller's package.path and package.cpath, and makes the service from `options` (one value, see
** wire.h). NULL when that fails; `why` then holds the message. The gate is told how many requests the log has.
*/
struct aicc_state *aicc_state_open(const char *path, const char *cpath, const struct aicc_buf *options,
                                   struct aicc_gate *gate, struct aicc_buf *why);
void aicc_state_close(struct aicc_state *state);

/* The request's head is here: sets its ticket, or drop, or failed and the reply. */
void aicc_state_admit(struct aicc_state *state, struct aicc_request *request);

/* Its body is here too: fills in the reply. */
void aicc_state_answer(struct aicc_state *state, struct aicc_request *request);

/* It broke off before it was complete. */
void aicc_state_forget(struct aicc_state *state, struct aicc_request *request);

/* service[name](service, ...): `in` holds name and arguments, `out` gets the results, or the message where it returns false. */
bool aicc_state_call(struct aicc_state *state, const struct aicc_buf *in, struct aicc_buf *out);

#endif
