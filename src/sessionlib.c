/*
** sessionlib.c - the userdata `aicc.session`: the methods that Lua calls. See lib.h.
**
** A call is started, stepped and read, whether Lua waits for it (`call`) or not (`start`, `step`, `result`): one engine. Every C
** resource hangs on the session. Lua values are made only while nothing of libcurl's is on the C stack, and reading a reply runs
** in a protected call, so that a transfer always comes back to the pool.
*/
#include "lib.h"

#include <stdlib.h>
#include <string.h>

#include "call.h"
#include "reading.h"
#include "sys.h"
#include "wait.h"
#include "watch.h"

/* ---- life ---- */

/* aicc_session_check for what is called often: the metatable is an upvalue, and need not be looked up by its name. */
static struct aicc_session *to_session_by(lua_State *L, int upvalue) {
  void *session = lua_touserdata(L, 1);
  if (session == NULL || !lua_getmetatable(L, 1) || !lua_rawequal(L, -1, lua_upvalueindex(upvalue))) return aicc_session_check(L);
  lua_pop(L, 1);
  return session;
}

/* session:close(), __close: may be called again */
static int session_close(lua_State *L) {
  aicc_session_close(aicc_session_check(L));
  return 0;
}

static int session_gc(lua_State *L) {
  aicc_session_free(aicc_session_check(L));
  return 0;
}

/* core.session(options) -> session | nil, err */
static int session_new(lua_State *L) {
  struct aicc_error failure;
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  struct aicc_session *session = aicc_newuserdata(L, sizeof *session);
  memset(session, 0, sizeof *session);
  session->libcurl = aicc_libcurl_start();
  luaL_setmetatable(L, AICC_SESSION_META);
  if (!aicc_options_read(L, 1, &session->options, &failure)) return aicc_error_push(L, &failure, NULL);
  if (!aicc_pool_open(&session->pool, &session->options.settings, session->options.max_in_flight))
    return luaL_error(L, "not enough memory");
  session->is_open = 1;
  return 1;
}

static int session_tostring(lua_State *L) {
  const struct aicc_session *session = aicc_session_check(L);
  if (session->is_open)
    lua_pushfstring(L, "aicc.session (%s)", session->options.text[AICC_BASE_URL]);
  else
    lua_pushliteral(L, "aicc.session (closed)");
  return 1;
}

/* ---- calls ---- */

/*
** Makes the transfer what Lua gets for it, and gives it back to the pool. `aicc_reading_read` and the reading were pushed before
** the transfer was taken, so that nothing can raise in between.
*/
static int read_reply(lua_State *L, struct aicc_reading *reading) {
  int base = lua_gettop(L) - 2;
  int status = lua_pcall(L, 1, LUA_MULTRET, 0);
  aicc_pool_recycle(&reading->session->pool, reading->xfer);
  if (status != LUA_OK) return lua_error(L);
  return lua_gettop(L) - base;
}

/* The function is an upvalue: pushing it allocates nothing, so that nothing can raise once a call has been started. */
static void push_reading(lua_State *L, int upvalue, struct aicc_reading *reading) {
  lua_pushvalue(L, lua_upvalueindex(upvalue));
  lua_pushlightuserdata(L, reading);
}

/* Steps until the transfer has ended, in slices, so that Ctrl-C can end it. */
static struct aicc_xfer *await(lua_State *L, struct aicc_session *session, uint64_t ticket) {
  struct aicc_wait wait;
  struct aicc_sys_sigpipe sigpipe;
  struct aicc_xfer *xfer;
  aicc_wait_begin(L, &wait);
  aicc_session_hold_sigpipe(session, &sigpipe);
  do {
    if (aicc_wait_interrupted(&wait))
      aicc_pool_abort(&session->pool, ticket);
    else
      aicc_pool_step(&session->pool, AICC_WAIT_SLICE);
  } while ((xfer = aicc_pool_take(&session->pool, ticket)) == NULL);
  aicc_session_release_sigpipe(session, &sigpipe);
  return xfer;
}

/* Raises the error on top again; one that is a message, at the line that called, which a protected call hides. */
static int raise_at_caller(lua_State *L) {
  if (lua_type(L, -1) == LUA_TSTRING) {
    luaL_where(L, 1);
    lua_insert(L, -2);
    lua_concat(L, 2);
  }
  return lua_error(L);
}

/* Starts a call. Returns its ticket, or 0 with nil and an error pushed; or raises. */
static uint64_t start(lua_State *L, struct aicc_session *session, const struct aicc_operation *operation, int at) {
  uint64_t ticket = 0;
  switch (aicc_call_start(L, session, operation, at, &ticket)) {
    case AICC_CALL_STARTED:
    case AICC_CALL_REFUSED: break;
    case AICC_CALL_CLOSED: aicc_session_refuse(L, operation->name); break;
    case AICC_CALL_RAISED: raise_at_caller(L); break;
    case AICC_CALL_NO_MEMORY: luaL_error(L, "not enough memory"); break;
  }
  return ticket;
}

/*
** session:token(arguments [, limits]), session:release_agent_by_skill(token, arguments [, limits]), ... -> result | nil, err.
** The limits are a table, or two numbers: timeout and deadline.
*/
static int session_call(lua_State *L) {
  const struct aicc_operation *operation = lua_touserdata(L, lua_upvalueindex(1));
  struct aicc_reading reading = {to_session_by(L, 3), NULL, 0, 0, 0};
  uint64_t ticket = start(L, reading.session, operation, 2);
  if (ticket == 0) return 2;
  push_reading(L, 2, &reading);
  reading.xfer = await(L, reading.session, ticket);
  return read_reply(L, &reading);
}

/* session:start(operation, token, arguments [, limits]) -> ticket | nil, err; `token` is nil for the operation of that name */
static int session_start(lua_State *L) {
  struct aicc_session *session = to_session_by(L, 1);
  const struct aicc_operation *operation = aicc_operation_check(L, 2);
  lua_settop(L, 7);
  if (!operation->with_token && !lua_isnil(L, 3)) return luaL_argerror(L, 3, "expected nil: the operation takes no token");
  uint64_t ticket = start(L, session, operation, operation->with_token ? 3 : 4);
  if (ticket == 0) return 2;
  lua_pushinteger(L, (lua_Integer)ticket);
  return 1;
}

/*
** Lets the calls proceed for at most so many seconds, or until one has ended. Returns how many have not; sets whether Ctrl-C
** ended the wait.
*/
static size_t proceed(lua_State *L, struct aicc_session *session, double seconds, int *interrupted) {
  struct aicc_wait wait;
  struct aicc_sys_sigpipe sigpipe;
  size_t left = 0;
  *interrupted = 0;
  if (!session->is_open) return 0;
  double until = aicc_sys_now(AICC_MONOTONIC) + seconds, slice;
  aicc_wait_begin(L, &wait);
  aicc_session_hold_sigpipe(session, &sigpipe);
  do {
    slice = session->pool.ended.count > 0 ? 0 : until - aicc_sys_now(AICC_MONOTONIC);
    left = aicc_pool_step(&session->pool, slice < AICC_WAIT_SLICE ? slice : AICC_WAIT_SLICE);
    *interrupted = aicc_wait_interrupted(&wait);
  } while (slice > 0 && left > 0 && session->pool.ended.count == 0 && !*interrupted);
  aicc_session_release_sigpipe(session, &sigpipe);
  return left;
}

/* session:step([seconds = 0]) -> number still running, whether Ctrl-C ended the wait; returns as soon as one call has ended */
static int session_step(lua_State *L) {
  struct aicc_session *session = aicc_session_check(L);
  double seconds = (double)luaL_optnumber(L, 2, 0);
  int interrupted;
  luaL_argcheck(L, seconds >= 0, 2, "expected seconds from 0");
  lua_pushinteger(L, (lua_Integer)proceed(L, session, seconds, &interrupted));
  lua_pushboolean(L, interrupted);
  return 2;
}

/*
** session:turn(seconds, into [, behind [, waiting]]) -> number of calls that have ended, number still running, whether Ctrl-C
** ended the wait [, ticket, problem]. As `step`, and then as `result` for all that have ended: of each, in the order in which
** they ended, ticket, result or nil, error or nil, and facts or false stand in the table `into` one after the other behind number
** `behind` (0). What stood behind them there is left alone. With `waiting`, a table of who waits for which ticket, not the ticket
** comes first but who waits for it, who is taken out of `waiting`; what nobody waits for is dropped, and what is nil is false.
**
** Where an error is raised while an outcome is read (for want of memory, say), that outcome is lost. With `waiting` the error
** goes on; without, its call's ticket and it are returned with those that stand in the table, and the rest is for another turn.
*/
static int session_turn(lua_State *L) {
  struct aicc_reading reading = {to_session_by(L, 2), NULL, 1, 0, 0};
  double seconds = (double)luaL_checknumber(L, 2);
  int interrupted;
  luaL_argcheck(L, seconds >= 0, 2, "expected seconds from 0");
  luaL_checktype(L, 3, LUA_TTABLE);
  lua_settop(L, 5);
  reading.behind = (lua_Integer)luaL_optinteger(L, 4, 0);
  if (!lua_isnil(L, 5)) luaL_checktype(L, 5, LUA_TTABLE);
  size_t left = proceed(L, reading.session, seconds, &interrupted);
  if (reading.session->pool.ended.count > 0) {
    push_reading(L, 1, &reading);
    lua_pushvalue(L, 3);
    lua_pushvalue(L, 5);
    int status = lua_pcall(L, 3, 0, 0);
    if (reading.xfer != NULL) {
      lua_pushinteger(L, (lua_Integer)reading.xfer->ticket);
      aicc_pool_recycle(&reading.session->pool, reading.xfer);
    }
    if (status != LUA_OK && (reading.xfer == NULL || !lua_isnil(L, 5))) {
      lua_settop(L, 6);
      return lua_error(L);
    }
  }
  int has_problem = lua_gettop(L) > 5; /* then at 6, and at 7 the ticket */
  lua_pushinteger(L, reading.count);
  lua_pushinteger(L, (lua_Integer)left);
  lua_pushboolean(L, interrupted);
  if (!has_problem) return 3;
  lua_pushvalue(L, 7);
  lua_pushvalue(L, 6);
  return 5;
}

/* Fills in the sessions of the list at index 2; raises for what is none. */
static void find_sessions(lua_State *L, struct aicc_watch_pool *watched, size_t count) {
  luaL_getmetatable(L, AICC_SESSION_META);
  for (size_t i = 0; i < count; i++) {
    aicc_rawgeti(L, 2, (lua_Integer)i + 1);
    struct aicc_session *session = lua_touserdata(L, -1);
    if (session == NULL || !lua_getmetatable(L, -1) || !lua_rawequal(L, -1, -3))
      luaL_argerror(L, 2, "expected a list of sessions");
    watched[i].pool = &session->pool;
    lua_pop(L, 2);
  }
  lua_pop(L, 1);
}

/*
** session:wait(sessions, seconds) -> those that are to be stepped, whether Ctrl-C ended the wait. Each has been stepped since a
** call was started on it. Returns as soon as there is one. With a table as third argument they stand in that from 1 on, and how
** many they are is returned in their place; what stood behind them there is left alone.
*/
static int session_wait(lua_State *L) {
  struct aicc_session *session = aicc_session_check(L);
  double seconds = (double)luaL_checknumber(L, 3);
  luaL_checktype(L, 2, LUA_TTABLE);
  luaL_argcheck(L, seconds >= 0, 3, "expected seconds from 0");
  int has_table = !lua_isnoneornil(L, 4);
  lua_settop(L, 4);
  if (has_table) luaL_checktype(L, 4, LUA_TTABLE);
  if (!has_table) {
    lua_newtable(L); /* now, and not below, where what runs finalizers might begin another wait on this session */
    lua_replace(L, 4);
  }
  size_t count = lua_rawlen(L, 2), due;
  if (count > session->most_watched) {
    struct aicc_watch_pool *more = realloc(session->watched, count * 2 * sizeof *more);
    if (more == NULL) return luaL_error(L, "not enough memory");
    session->watched = more;
    session->most_watched = count * 2;
  }
  struct aicc_watch_pool *watched = session->watched;
  struct aicc_wait wait;
  find_sessions(L, watched, count);
  double until = aicc_sys_now(AICC_MONOTONIC) + seconds, slice;
  int interrupted;
  aicc_wait_begin(L, &wait);
  do {
    slice = until - aicc_sys_now(AICC_MONOTONIC);
    due = aicc_watch_pools(watched, count, slice < 0 ? 0 : slice < AICC_WAIT_SLICE ? slice : AICC_WAIT_SLICE);
    interrupted = aicc_wait_interrupted(&wait);
  } while (slice > 0 && due == 0 && !interrupted);
  int found = 0;
  for (size_t i = 0; i < count; i++) {
    if (!watched[i].is_due) continue;
    aicc_rawgeti(L, 2, (lua_Integer)i + 1);
    lua_rawseti(L, 4, ++found);
  }
  if (has_table)
    lua_pushinteger(L, found);
  else
    lua_pushvalue(L, 4);
  lua_pushboolean(L, interrupted);
  return 2;
}

/* session:result() -> ticket, result | ticket, nil, err | nothing; with the option `facts` they follow as fourth value */
static int session_result(lua_State *L) {
  struct aicc_reading reading = {aicc_session_check(L), NULL, 1, 0, 0};
  if (reading.session->pool.ended.count == 0) return 0;
  push_reading(L, 1, &reading);
  reading.xfer = aicc_pool_take(&reading.session->pool, 0);
  return reading.xfer != NULL ? read_reply(L, &reading) : 0;
}

/* session:cancel(ticket) -> boolean: whether there was such a call; its result is dropped */
static int session_cancel(lua_State *L) {
  struct aicc_session *session = aicc_session_check(L);
  uint64_t ticket = (uint64_t)luaL_checkinteger(L, 2);
  struct aicc_xfer *xfer = NULL;
  if (session->is_open && ticket != 0) {
    struct aicc_sys_sigpipe sigpipe;
    aicc_session_hold_sigpipe(session, &sigpipe);
    aicc_pool_abort(&session->pool, ticket);
    aicc_session_release_sigpipe(session, &sigpipe);
    xfer = aicc_pool_take(&session->pool, ticket);
    if (xfer != NULL) aicc_pool_recycle(&session->pool, xfer);
  }
  lua_pushboolean(L, xfer != NULL);
  return 1;
}

void aicc_sessionlib_open(lua_State *L) {
  static const luaL_Reg methods[] = {{"step", session_step}, {"wait", session_wait}, {"cancel", session_cancel},
                                     {"close", session_close}, {NULL, NULL}};
  static const luaL_Reg meta[] = {
      {"__gc", session_gc}, {"__close", session_close}, {"__tostring", session_tostring}, {NULL, NULL}};
  lua_pushcfunction(L, session_new);
  lua_setfield(L, -2, "session");
  luaL_newmetatable(L, AICC_SESSION_META);
  luaL_setfuncs(L, meta, 0);
  luaL_newlib(L, methods);
  lua_pushcfunction(L, aicc_reading_read);
  lua_pushcclosure(L, session_result, 1);
  lua_setfield(L, -2, "result");
  lua_pushcfunction(L, aicc_reading_read_all);
  luaL_getmetatable(L, AICC_SESSION_META);
  lua_pushcclosure(L, session_turn, 2);
  lua_setfield(L, -2, "turn");
  luaL_getmetatable(L, AICC_SESSION_META);
  lua_pushcclosure(L, session_start, 1);
  lua_setfield(L, -2, "start");
  for (int i = 0; i < AICC_OPERATION_COUNT; i++) {
    lua_pushlightuserdata(L, (void *)&aicc_operation_table[i]);
    lua_pushcfunction(L, aicc_reading_read);
    luaL_getmetatable(L, AICC_SESSION_META);
    lua_pushcclosure(L, session_call, 3);
    lua_pushvalue(L, -1);
    lua_setfield(L, -3, aicc_operation_table[i].name);
    lua_setfield(L, -4, aicc_operation_table[i].name); /* core.token(session, ...) is session:token(...) */
  }
  lua_setfield(L, -2, "__index");
  lua_pop(L, 1);
}
