/*
** session.h - the userdata `aicc.session`: one pool of connections to one API, and the calls on it.
*/
#ifndef AICC_SESSION_H
#define AICC_SESSION_H

#include "compat.h"
#include "options.h"
#include "pool.h"

struct aicc_session {
  int is_open;
  const struct aicc_libcurl *libcurl;
  struct aicc_options options;  /* until the session is collected */
  struct aicc_xfer *draft;      /* likewise: acquired, not started; where arguments are written */
  struct aicc_pool pool;
  struct aicc_headers *headers; /* those of the last token, kept for the next call */
  char *headers_token;
  uint64_t last_ticket;
  struct aicc_watch_pool *watched; /* room for a wait for several sessions */
  size_t most_watched;
};

/* Registers the session's metatable and adds `session`, and one function per operation, to the module's table on top. */
void aicc_session_open(lua_State *L);

/*
** call.c. Starts the operation with the token (where the operation takes one), the arguments and the limits that stand from index
** `at` on. Returns the ticket, or 0 with nil and an error pushed; raises for a wrong type.
*/
uint64_t aicc_call_start(lua_State *L, struct aicc_session *session, const struct aicc_operation *operation, int at);

/* The session at index 1; raises if it is none. */
struct aicc_session *aicc_session_check(lua_State *L);

/* pollable.c. Adds `pollfd` and what else an event loop asks an object to the table of methods on top. */
void aicc_pollable_open(lua_State *L);

/* Pushes nil and the error `closed`; returns 2. */
int aicc_session_refuse(lua_State *L, const char *operation);

#endif
