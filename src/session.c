/*
** session.c - the userdata `aicc.session`. See session.h.
**
** A call is started, stepped and read, whether Lua waits for it (`call`) or not (`start`, `step`, `result`): one engine. Every C
** resource hangs on the session. Lua values are made only while nothing of libcurl's is on the C stack, and reading a reply runs
** in a protected call, so that a transfer always comes back to the pool.
*/
#include "session.h"

#include <stdlib.h>
#include <string.h>

#include "curlerror.h"
#include "reply.h"
#include "sys.h"
#include "wait.h"
#include "watch.h"

#define META "aicc.session"

/* ---- life ---- */

/* Ends the calls under way and the connections. What a function on the stack may still be using is left to `__gc`. */
static void close_session(struct aicc_session *session) {
  struct aicc_sigpipe sigpipe;
  session->is_open = 0;
  aicc_sys_hold_sigpipe(&sigpipe); /* TLS says goodbye */
  aicc_pool_close(&session->pool);
  aicc_sys_release_sigpipe(&sigpipe);
  aicc_headers_release(session->headers);
  session->headers = NULL;
  if (session->headers_token != NULL) aicc_wipe(session->headers_token, strlen(session->headers_token));
  free(session->headers_token);
  session->headers_token = NULL;
}

static struct aicc_session *to_session(lua_State *L) { return luaL_checkudata(L, 1, META); }

/* session:close(), __close: may be called again */
static int session_close(lua_State *L) {
  close_session(to_session(L));
  return 0;
}

/* Also of a session that was never quite made. */
static int session_gc(lua_State *L) {
  struct aicc_session *session = to_session(L);
  close_session(session);
  aicc_pool_free(&session->pool);
  aicc_xfer_free(session->draft);
  session->draft = NULL;
  aicc_options_free(&session->options);
  return 0;
}

/* core.session(options) -> session | nil, err */
static int session_new(lua_State *L) {
  struct aicc_failure failure;
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  struct aicc_session *session = aicc_newuserdata(L, sizeof *session);
  memset(session, 0, sizeof *session);
  luaL_setmetatable(L, META);
  if (!aicc_options_read(L, 1, &session->options, &failure)) return aicc_failure_push(L, &failure, NULL);
  if (!aicc_pool_open(&session->pool, &session->options.settings, session->options.max_in_flight))
    return luaL_error(L, "not enough memory");
  session->is_open = 1;
  return 1;
}

static int session_tostring(lua_State *L) {
  const struct aicc_session *session = to_session(L);
  if (session->is_open)
    lua_pushfstring(L, "aicc.session (%s)", session->options.text[AICC_BASE_URL]);
  else
    lua_pushliteral(L, "aicc.session (closed)");
  return 1;
}

int aicc_session_refuse(lua_State *L, const char *operation) {
  struct aicc_failure failure;
  aicc_failure_init(&failure, operation, "closed", AICC_NOT_SENT);
  aicc_failure_say(&failure, "the session is closed");
  return aicc_failure_push(L, &failure, NULL);
}

/* ---- reading ---- */

/* A transfer that was taken, on its way to Lua. */
struct reading {
  struct aicc_session *session;
  struct aicc_xfer *xfer;
  int with_ticket;
};

static struct aicc_text header_of(const struct aicc_xfer *xfer, const char *name) {
  struct aicc_text text = {NULL, 0};
  text.data = aicc_xfer_header(xfer, name, &text.size);
  return text;
}

/* Adds the token that a transfer was sent with, which stands in its own headers. */
static void add_token(struct aicc_secrets *secrets, const struct aicc_xfer *xfer) {
  static const char name[] = "Authorization: Bearer ";
  for (const struct curl_slist *line = xfer->headers->list; line != NULL; line = line->next)
    if (strncmp(line->data, name, sizeof name - 1) == 0)
      aicc_secrets_add(secrets, line->data + sizeof name - 1, strlen(line->data) - (sizeof name - 1));
}

/* What must not be seen in the error of this call. */
static void collect_secrets(struct aicc_secrets *secrets, const struct reading *reading) {
  const struct aicc_buf *own = &reading->xfer->secrets;
  const char *app_key = reading->session->options.text[AICC_APP_KEY];
  secrets->count = 0;
  add_token(secrets, reading->xfer);
  const char *app_secret = reading->session->options.text[AICC_APP_SECRET];
  if (app_key != NULL) aicc_secrets_add(secrets, app_key, strlen(app_key));
  if (app_secret != NULL) aicc_secrets_add(secrets, app_secret, strlen(app_secret));
  for (size_t at = 0; at < own->length; at += strlen(own->data + at) + 1)
    aicc_secrets_add(secrets, own->data + at, strlen(own->data + at));
}

static void set_number(lua_State *L, const char *name, double value) {
  lua_pushnumber(L, (lua_Number)value);
  lua_setfield(L, -2, name);
}

/* Pushes what is known of the transfer beside its result: seconds from its beginning on the wire, `elapsed` from the call's. */
static void push_facts(lua_State *L, const struct aicc_xfer *xfer) {
  static const char *const phases[] = {"name_lookup", "connect", "tls", "request", "first_byte"};
  lua_createtable(L, 0, 10);
  for (size_t i = 0; i < sizeof phases / sizeof *phases; i++) set_number(L, phases[i], xfer->timing[i]);
  set_number(L, "elapsed", xfer->elapsed);
  set_number(L, "bytes_sent", (double)xfer->sent);
  set_number(L, "bytes_received", (double)xfer->body.length);
  lua_pushboolean(L, xfer->reused);
  lua_setfield(L, -2, "reused");
}

/* Pushes the result, or nil and an error; returns how many values that is. */
static int push_outcome(lua_State *L, const struct reading *reading) {
  const struct aicc_xfer *xfer = reading->xfer;
  const struct aicc_operation *operation = xfer->operation;
  struct aicc_secrets secrets;
  collect_secrets(&secrets, reading);
  if (xfer->ending != AICC_BY_CURL || xfer->code != CURLE_OK) {
    struct aicc_failure failure;
    aicc_failure_init(&failure, operation->name, "network", AICC_UNKNOWN);
    aicc_curlerror_judge(xfer, &failure);
    return aicc_failure_push(L, &failure, &secrets);
  }
  struct aicc_reply reply;
  reply.status = xfer->status;
  reply.body.data = xfer->body.length > 0 ? xfer->body.data : "";
  reply.body.size = xfer->body.length;
  reply.retry_after = header_of(xfer, "retry-after");
  reply.date = header_of(xfer, "date");
  reply.truncated = !xfer->has_head;
  return aicc_reply_push(L, operation, &reply, &secrets);
}

/*
** Called protected with the `struct reading`: the ticket if it is wanted; the result, or nil and an error; and the facts if they
** are wanted, always as third after the ticket.
*/
static int read_protected(lua_State *L) {
  const struct reading *reading = lua_touserdata(L, 1);
  int count = push_outcome(L, reading);
  if (reading->session->options.facts) {
    if (count == 1) lua_pushnil(L);
    push_facts(L, reading->xfer);
    count = 3;
  }
  if (reading->with_ticket) {
    lua_pushinteger(L, (lua_Integer)reading->xfer->ticket);
    lua_insert(L, -count - 1);
    count++;
  }
  return count;
}

/*
** Makes the transfer what Lua gets for it, and gives it back to the pool. `read_protected` and the reading were pushed before the
** transfer was taken, so that nothing can raise in between.
*/
static int read_reply(lua_State *L, struct reading *reading) {
  int base = lua_gettop(L) - 2;
  int status = lua_pcall(L, 1, LUA_MULTRET, 0);
  aicc_pool_recycle(&reading->session->pool, reading->xfer);
  if (status != LUA_OK) return lua_error(L);
  return lua_gettop(L) - base;
}

/* The function is an upvalue: pushing it allocates nothing, so that nothing can raise once a call has been started. */
static void push_reading(lua_State *L, int upvalue, struct reading *reading) {
  lua_pushvalue(L, lua_upvalueindex(upvalue));
  lua_pushlightuserdata(L, reading);
}

/* ---- calls ---- */

/* Steps until the transfer has ended, in slices, so that Ctrl-C can end it. */
static struct aicc_xfer *await(lua_State *L, struct aicc_session *session, uint64_t ticket) {
  struct aicc_wait wait;
  struct aicc_sigpipe sigpipe;
  struct aicc_xfer *xfer;
  aicc_wait_begin(L, &wait);
  aicc_sys_hold_sigpipe(&sigpipe);
  do {
    if (aicc_wait_interrupted(&wait))
      aicc_pool_abort(&session->pool, ticket);
    else
      aicc_pool_step(&session->pool, AICC_WAIT_SLICE);
  } while ((xfer = aicc_pool_take(&session->pool, ticket)) == NULL);
  aicc_sys_release_sigpipe(&sigpipe);
  return xfer;
}

/* session:token(arguments [, limits]), session:release_agent_by_skill(token, arguments [, limits]), ... -> result | nil, err */
static int session_call(lua_State *L) {
  const struct aicc_operation *operation = lua_touserdata(L, lua_upvalueindex(1));
  struct reading reading = {to_session(L), NULL, 0};
  luaL_checkstack(L, LUA_MINSTACK, "call");
  uint64_t ticket = aicc_session_start(L, reading.session, operation, 2);
  if (ticket == 0) return 2;
  push_reading(L, 2, &reading);
  reading.xfer = await(L, reading.session, ticket);
  return read_reply(L, &reading);
}

/* session:start(operation, token, arguments [, limits]) -> ticket | nil, err; `token` is nil for the operation of that name */
static int session_start(lua_State *L) {
  struct aicc_session *session = to_session(L);
  const struct aicc_operation *operation = aicc_operation_check(L, 2);
  lua_settop(L, 5);
  if (!operation->with_token && !lua_isnil(L, 3)) return luaL_argerror(L, 3, "expected nil: the operation takes no token");
  uint64_t ticket = aicc_session_start(L, session, operation, operation->with_token ? 3 : 4);
  if (ticket == 0) return 2;
  lua_pushinteger(L, (lua_Integer)ticket);
  return 1;
}

/* session:step([seconds = 0]) -> number still running, whether Ctrl-C ended the wait; returns as soon as one call has ended */
static int session_step(lua_State *L) {
  struct aicc_session *session = to_session(L);
  double seconds = (double)luaL_optnumber(L, 2, 0);
  luaL_argcheck(L, seconds >= 0, 2, "expected seconds from 0");
  struct aicc_wait wait;
  struct aicc_sigpipe sigpipe;
  size_t left = 0;
  int interrupted = 0;
  if (session->is_open) {
    double until = aicc_sys_now(AICC_MONOTONIC) + seconds, slice;
    aicc_wait_begin(L, &wait);
    aicc_sys_hold_sigpipe(&sigpipe);
    do {
      slice = session->pool.ended.count > 0 ? 0 : until - aicc_sys_now(AICC_MONOTONIC);
      left = aicc_pool_step(&session->pool, slice < AICC_WAIT_SLICE ? slice : AICC_WAIT_SLICE);
      interrupted = aicc_wait_interrupted(&wait);
    } while (slice > 0 && left > 0 && session->pool.ended.count == 0 && !interrupted);
    aicc_sys_release_sigpipe(&sigpipe);
  }
  lua_pushinteger(L, (lua_Integer)left);
  lua_pushboolean(L, interrupted);
  return 2;
}

/*
** session:wait(sessions, seconds) -> those that are to be stepped, whether Ctrl-C ended the wait. Each has been stepped since a
** call was started on it. Returns as soon as there is one.
*/
static int session_wait(lua_State *L) {
  double seconds = (double)luaL_checknumber(L, 3);
  luaL_checktype(L, 2, LUA_TTABLE);
  luaL_argcheck(L, seconds >= 0, 3, "expected seconds from 0");
  size_t count = lua_rawlen(L, 2), due;
  struct aicc_watched *watched = aicc_newuserdata(L, (count + 1) * sizeof *watched);
  struct aicc_wait wait;
  for (size_t i = 0; i < count; i++) {
    aicc_rawgeti(L, 2, (lua_Integer)i + 1);
    struct aicc_session *session = luaL_testudata(L, -1, META);
    if (session == NULL) return luaL_argerror(L, 2, "expected a list of sessions");
    watched[i].pool = &session->pool;
    lua_pop(L, 1);
  }
  double until = aicc_sys_now(AICC_MONOTONIC) + seconds, slice;
  int interrupted;
  aicc_wait_begin(L, &wait);
  do {
    slice = until - aicc_sys_now(AICC_MONOTONIC);
    due = aicc_watch(watched, count, slice < 0 ? 0 : slice < AICC_WAIT_SLICE ? slice : AICC_WAIT_SLICE);
    interrupted = aicc_wait_interrupted(&wait);
  } while (slice > 0 && due == 0 && !interrupted);
  lua_createtable(L, (int)due, 0);
  int found = 0;
  for (size_t i = 0; i < count; i++) {
    if (!watched[i].is_due) continue;
    aicc_rawgeti(L, 2, (lua_Integer)i + 1);
    lua_rawseti(L, -2, ++found);
  }
  lua_pushboolean(L, interrupted);
  return 2;
}

/* session:result() -> ticket, result | ticket, nil, err | nothing; with the option `facts` they follow as fourth value */
static int session_result(lua_State *L) {
  struct reading reading = {to_session(L), NULL, 1};
  if (reading.session->pool.ended.count == 0) return 0;
  push_reading(L, 1, &reading);
  reading.xfer = aicc_pool_take(&reading.session->pool, 0);
  return reading.xfer != NULL ? read_reply(L, &reading) : 0;
}

/* session:cancel(ticket) -> boolean: whether there was such a call; its result is dropped */
static int session_cancel(lua_State *L) {
  struct aicc_session *session = to_session(L);
  uint64_t ticket = (uint64_t)luaL_checkinteger(L, 2);
  struct aicc_xfer *xfer = NULL;
  if (session->is_open && ticket != 0) {
    struct aicc_sigpipe sigpipe;
    aicc_sys_hold_sigpipe(&sigpipe);
    aicc_pool_abort(&session->pool, ticket);
    aicc_sys_release_sigpipe(&sigpipe);
    xfer = aicc_pool_take(&session->pool, ticket);
    if (xfer != NULL) aicc_pool_recycle(&session->pool, xfer);
  }
  lua_pushboolean(L, xfer != NULL);
  return 1;
}

void aicc_session_open(lua_State *L) {
  static const luaL_Reg methods[] = {{"start", session_start}, {"step", session_step},   {"wait", session_wait},
                                     {"cancel", session_cancel}, {"close", session_close}, {NULL, NULL}};
  static const luaL_Reg meta[] = {
      {"__gc", session_gc}, {"__close", session_close}, {"__tostring", session_tostring}, {NULL, NULL}};
  lua_pushcfunction(L, session_new);
  lua_setfield(L, -2, "session");
  luaL_newmetatable(L, META);
  luaL_setfuncs(L, meta, 0);
  luaL_newlib(L, methods);
  lua_pushcfunction(L, read_protected);
  lua_pushcclosure(L, session_result, 1);
  lua_setfield(L, -2, "result");
  for (int i = 0; i < AICC_OPERATION_COUNT; i++) {
    lua_pushlightuserdata(L, (void *)&aicc_operations[i]);
    lua_pushcfunction(L, read_protected);
    lua_pushcclosure(L, session_call, 2);
    lua_pushvalue(L, -1);
    lua_setfield(L, -3, aicc_operations[i].name);
    lua_setfield(L, -4, aicc_operations[i].name); /* core.token(session, ...) is session:token(...) */
  }
  lua_setfield(L, -2, "__index");
  lua_pop(L, 1);
}
