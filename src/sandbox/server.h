/*
** server.h - HTTP or HTTPS on a loopback port, in threads of its own, around a handler. Knows no Lua.
*/
#ifndef AICC_SANDBOX_SERVER_H
#define AICC_SANDBOX_SERVER_H

#include "buf.h"
#include "gate.h"
#include "state.h"

struct aicc_server;

/*
** Listens on 127.0.0.1 at `port` (0: any free one), with TLS where `cert` and `key` (PEM) are given: they are copied. Borrows
** the gate and the handler until aicc_server_stop. `for_tokens`: every request is told to the handler as one that came to the
** port for tokens. NULL when it does not work; `why` then says why.
*/
struct aicc_server *aicc_server_start(unsigned port, bool for_tokens, const char *cert, const char *key, struct aicc_gate *gate,
                                      struct aicc_state *state, struct aicc_buf *why);

unsigned aicc_server_port(const struct aicc_server *server);

/* Ends every connection, joins every thread, and frees the server. */
void aicc_server_stop(struct aicc_server *server);

#endif
