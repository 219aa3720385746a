/*
** session.h - one pool of connections to one API, and what the calls on it have in common. It is a userdata of Lua's
** (sessionlib.c), which owns all of it.
*/
#ifndef AICC_SESSION_H
#define AICC_SESSION_H

#include "compat.h"
#include "options.h"
#include "pool.h"
#include "sys.h"

#define AICC_SESSION_META "aicc.session"

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

/* The session at index 1; raises if it is none. */
struct aicc_session *aicc_session_check(lua_State *L);

/* Pushes nil and the error `closed`; returns 2. */
int aicc_session_refuse(lua_State *L, const char *operation);

/* Where libcurl may raise SIGPIPE, it is blocked while libcurl works. */
void aicc_session_hold_sigpipe(const struct aicc_session *session, struct aicc_sys_sigpipe *held);
void aicc_session_release_sigpipe(const struct aicc_session *session, const struct aicc_sys_sigpipe *held);

/* Ends the calls under way and the connections. What a function on the stack may still be using is left to aicc_session_free. */
void aicc_session_close(struct aicc_session *session);

/* Also of a session that was never quite made. */
void aicc_session_free(struct aicc_session *session);

#endif
