/*
** pollable.c - what event loops ask an object that they are to wait for. See lib.h.
**
** Whoever waits does so for one descriptor, and takes a turn (session:turn) whenever it is readable: then there is a socket that
** is ready, a time that has come, or a result to be taken. cqueues polls objects with the methods `pollfd`, `events` and
** `timeout`, LuaSocket's select those with `getfd` and `dirty`. Raises for what is no session.
*/
#include "lib.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "session.h"

/* session:pollfd() -> a descriptor that is readable when the session is to have a turn | nil, err. It is the session's. */
static int session_pollfd(lua_State *L) {
  struct aicc_session *session = aicc_session_check(L);
  struct aicc_error failure;
  int fd = aicc_pool_descriptor(&session->pool), problem = errno;
  if (fd >= 0) {
    lua_pushinteger(L, fd);
    return 1;
  }
  if (!session->is_open) return aicc_session_refuse(L, NULL);
  aicc_error_init(&failure, NULL, problem == ENOSYS ? "unsupported" : "network", AICC_NOT_SENT);
  aicc_error_say(&failure, "the session has no descriptor to wait for: %s", strerror(problem));
  return aicc_error_push(L, &failure, NULL);
}

/* session:events() -> "r" */
static int session_events(lua_State *L) {
  aicc_session_check(L);
  lua_pushliteral(L, "r");
  return 1;
}

/* session:timeout() -> seconds until it is to have a turn in any case; nil where it need not. The descriptor tells that too. */
static int session_timeout(lua_State *L) {
  double seconds = aicc_pool_due(&aicc_session_check(L)->pool);
  if (seconds < HUGE_VAL)
    lua_pushnumber(L, (lua_Number)seconds);
  else
    lua_pushnil(L);
  return 1;
}

/* session:dirty() -> false: nothing waits in a buffer, of which the descriptor would not tell */
static int session_dirty(lua_State *L) {
  aicc_session_check(L);
  lua_pushboolean(L, 0);
  return 1;
}

/* session:alarm(seconds): the descriptor becomes readable then, too, once; another alarm takes the place of the one before */
static int session_alarm(lua_State *L) {
  struct aicc_session *session = aicc_session_check(L);
  double seconds = (double)luaL_checknumber(L, 2);
  luaL_argcheck(L, seconds >= 0, 2, "expected seconds from 0");
  aicc_pool_alarm(&session->pool, seconds);
  return 0;
}

void aicc_pollable_open(lua_State *L) {
  static const luaL_Reg methods[] = {{"pollfd", session_pollfd},   {"getfd", session_pollfd}, {"events", session_events},
                                     {"timeout", session_timeout}, {"dirty", session_dirty},  {"alarm", session_alarm},
                                     {NULL, NULL}};
  luaL_getmetatable(L, AICC_SESSION_META);
  aicc_getfield(L, -1, "__index");
  luaL_setfuncs(L, methods, 0);
  lua_pop(L, 2);
}
