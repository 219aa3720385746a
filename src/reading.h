/*
** reading.h - what Lua gets for transfers that have ended: results, errors, facts.
**
** Reading runs in a protected call, so that a transfer always comes back to the pool: the functions are for lua_pcall, and both
** the function and the reading are pushed before a transfer is taken.
*/
#ifndef AICC_READING_H
#define AICC_READING_H

#include "session.h"

/* A transfer that was taken, on its way to Lua. */
struct aicc_reading {
  struct aicc_session *session;
  struct aicc_xfer *xfer; /* whoever calls gives it back to the pool, also after an error */
  int with_ticket;
  lua_Integer behind;     /* aicc_reading_read_all: where in the table */
  lua_Integer count;      /* aicc_reading_read_all: of how many the values stand there, after an error too */
};

/*
** Called with the `struct aicc_reading`: the ticket if it is wanted; the result, or nil and an error; and the facts if they are
** wanted, always as third after the ticket.
*/
int aicc_reading_read(lua_State *L);

/*
** Called with the `struct aicc_reading`, a table, and nil or a table of who waits for which ticket: takes every transfer that has
** ended, puts four values of each into the first table (see session_turn) and gives it back. Returns nothing. `xfer` is NULL
** then; after an error it is the one in whose reading it came, if that had begun.
*/
int aicc_reading_read_all(lua_State *L);

#endif
