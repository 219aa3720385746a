/*
** call.c - starts a call on a session: arguments, headers, limits. See call.h.
**
** Making Lua strings may run finalizers, and those may start calls on the same session, or close it. So the transfer is taken off
** the session while it is filled in, in a protected call, and the session is looked at again afterwards. What `close` leaves
** alone until the session is collected (the options) may be used throughout.
*/
#include "call.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "arguments.h"
#include "prepared.h"
#include "sys.h"

#define EXPECT_LIMIT (1u << 20) /* from this size on libcurl would add `Expect: 100-continue` */

static int add_header(void *data, const char *name, const char *value, size_t size) {
  return aicc_headers_add(data, name, value, size);
}

/* ---- headers of the caller's ---- */

#define MAX_FORWARDED 512 /* bytes of a value */

/* A letter of a header's name in lower case, whatever the locale; "_" is "-", as some servers read it. */
static char lower(char letter) { return letter >= 'A' && letter <= 'Z' ? (char)(letter + 32) : letter == '_' ? '-' : letter; }

/* What a request has itself, what is between two hops, and what says who somebody is: none of them is a caller's to give. */
static int is_own_header(const char *name) {
  static const char *const own[] = {
      "host",           "content-type",        "content-length",  "content-encoding", "transfer-encoding", "authorization",
      "x-app-key",      "proxy-authorization", "x-tenantspaceid", "x-token-expire",   "user-agent",        "connection",
      "keep-alive",     "proxy-connection",    "te",              "trailer",          "upgrade",           "expect",
      "accept",         "accept-encoding",     "cookie",          "range",            NULL};
  for (int i = 0; own[i] != NULL; i++) {
    size_t at = 0;
    while (own[i][at] != '\0' && own[i][at] == lower(name[at])) at++;
    if (own[i][at] == '\0' && name[at] == '\0') return 1;
  }
  return 0;
}

static int is_header_name(const char *name, size_t size) {
  static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
  return size > 0 && strspn(name, letters) == size;
}

/* Reads the table at `index`, name -> value, into a list that the caller frees. Raises what is wrong in it. */
static void read_headers(lua_State *L, int index, struct aicc_headers **headers) {
  luaL_checktype(L, index, LUA_TTABLE);
  for (lua_pushnil(L); lua_next(L, index) != 0; lua_pop(L, 1)) {
    size_t name_size = 0, size = 0;
    const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tolstring(L, -2, &name_size) : NULL;
    const char *value = lua_type(L, -1) == LUA_TSTRING ? lua_tolstring(L, -1, &size) : NULL;
    if (name == NULL || !is_header_name(name, name_size))
      luaL_error(L, "headers: expected names of letters, digits, '-' and '_'");
    if (is_own_header(name)) luaL_error(L, "headers: '%s' is not a caller's to give", name);
    if (value == NULL || size > MAX_FORWARDED || value[0] == ' ' || !aicc_arguments_fit_header(value, size, 1))
      luaL_error(L, "headers['%s']: expected 1 to %d visible ASCII characters", name, MAX_FORWARDED);
    if (*headers == NULL) *headers = aicc_headers_new();
    if (*headers == NULL || !aicc_headers_add(*headers, name, value, size)) luaL_error(L, "not enough memory");
  }
}

/* ---- the headers of a call ---- */

static struct aicc_text text_of(const char *data) {
  struct aicc_text text = {data, data != NULL ? strlen(data) : 0};
  return text;
}

/* Whether headers with that token are kept: then it was looked at when they were made. */
static int is_kept(const struct aicc_session *session, const char *token, size_t size) {
  const char *kept = session->headers_token;
  /* A token that is refused may have a NUL in it. */
  return kept != NULL && strlen(kept) == size && memcmp(kept, token, size) == 0;
}

/*
** The headers of one call, as a reference of its own; NULL when out of memory. Those of the last token are kept. `more`: those of
** the caller's, or NULL.
*/
static struct aicc_headers *headers_for(struct aicc_session *session, const struct aicc_arguments *call, const char *token,
                                        size_t size, const struct aicc_headers *more) {
  const struct aicc_operation *operation = call->operation;
  int can_keep = operation->with_token && call->body->length < EXPECT_LIMIT && more == NULL;
  if (can_keep && is_kept(session, token, size)) {
    session->headers->references++;
    return session->headers;
  }
  struct aicc_operation_caller who;
  memset(&who, 0, sizeof who);
  who.token.data = token;
  who.token.size = size;
  who.app_key = text_of(session->options.text[AICC_APP_KEY]);
  who.tenant = text_of(session->options.text[AICC_TENANT]);
  who.user_agent = text_of(session->options.text[AICC_USER_AGENT]);
  who.expires = (int)call->expires;
  struct aicc_headers *headers = aicc_headers_new();
  if (headers == NULL) return NULL;
  if (!aicc_operation_headers(operation, &who, add_header, headers) || !aicc_headers_add(headers, "Accept", NULL, 0) ||
      (call->body->length >= EXPECT_LIMIT && !aicc_headers_add(headers, "Expect", NULL, 0)) ||
      !aicc_headers_add_all(headers, more)) {
    aicc_headers_release(headers);
    return NULL;
  }
  char *kept = can_keep ? malloc(size + 1) : NULL;
  if (kept == NULL) return headers;
  memcpy(kept, token, size + 1);
  if (session->headers_token != NULL) aicc_buf_overwrite(session->headers_token, strlen(session->headers_token));
  free(session->headers_token);
  aicc_headers_release(session->headers);
  session->headers_token = kept;
  session->headers = headers;
  headers->references++;
  return headers;
}

/*
** The options of a single call, at `index`: a table of them; or two numbers, the timeout and the deadline, in seconds, and
** perhaps the caller's headers.
*/
static void read_limits(lua_State *L, int index, const struct aicc_session *session, struct aicc_xfer *xfer,
                        struct aicc_headers **headers) {
  static const char *const names[] = {"timeout", "connect_timeout", "deadline", "fresh_connection", "headers", NULL};
  xfer->started = aicc_sys_now(AICC_MONOTONIC);
  xfer->timeout = session->options.timeout;
  xfer->connect_timeout = session->options.connect_timeout;
  xfer->not_after = HUGE_VAL;
  xfer->fresh_connection = 0;
  if (lua_isnoneornil(L, index)) return;
  if (lua_type(L, index) == LUA_TNUMBER) {
    double timeout = (double)lua_tonumber(L, index), deadline = (double)luaL_checknumber(L, index + 1);
    if (!(timeout > 0) || !(deadline > 0) || isinf(timeout)) luaL_error(L, "expected numbers of seconds above 0");
    xfer->timeout = timeout;
    xfer->not_after = xfer->started + deadline;
    if (!lua_isnil(L, index + 2)) read_headers(L, index + 2, headers);
    return;
  }
  luaL_checktype(L, index, LUA_TTABLE);
  aicc_options_only(L, index, names);
  xfer->timeout = aicc_options_seconds(L, index, "timeout", xfer->timeout);
  xfer->connect_timeout = aicc_options_seconds(L, index, "connect_timeout", xfer->connect_timeout);
  xfer->not_after = xfer->started + aicc_options_seconds(L, index, "deadline", 1e9);
  aicc_getfield(L, index, "fresh_connection");
  xfer->fresh_connection = lua_toboolean(L, -1);
  if (aicc_getfield(L, index, "headers") != LUA_TNIL) read_headers(L, lua_gettop(L), headers);
  lua_pop(L, 2);
}

/* Remembers what the reply's error must not show, now that the arguments are known to be strings without NUL. */
static void keep_secrets(lua_State *L, int arguments, struct aicc_xfer *xfer) {
  static const char *const names[] = {"app_key", "app_secret"};
  for (int i = 0; i < 2; i++) {
    size_t size = 0;
    lua_pushstring(L, names[i]);
    lua_rawget(L, arguments);
    const char *text = lua_tolstring(L, -1, &size);
    if (text == NULL) luaL_error(L, "%s: it changed while it was read", names[i]);
    if (aicc_buf_append(&xfer->secrets, text, size + 1) != AICC_OK) luaL_error(L, "not enough memory");
    lua_pop(L, 1);
  }
}

/* A call on its way into a transfer that nobody else has meanwhile. */
struct start {
  struct aicc_session *session;
  struct aicc_xfer *xfer;
  struct aicc_arguments call;
  const char *token;
  size_t token_size;
  struct aicc_headers *headers; /* of the caller's, or NULL; freed by who calls `fill_in` */
};

/*
** Called protected with the `struct start`, token or nil, arguments, limits (one value to three): nothing, or nil and an error.
*/
static int fill_in(lua_State *L) {
  struct start *start = lua_touserdata(L, 1);
  struct aicc_arguments *call = &start->call;
  struct aicc_xfer *xfer = start->xfer;
  call->arguments = 3;
  call->body = &xfer->request;
  aicc_buf_wipe(&xfer->secrets);
  read_limits(L, 4, start->session, xfer, &start->headers);
  if (!aicc_prepared_write(call)) return aicc_error_push(L, &call->failure, NULL);
  if (!call->operation->with_token) keep_secrets(L, 3, xfer);
  if (start->token == NULL || is_kept(start->session, start->token, start->token_size) ||
      aicc_arguments_fit_header(start->token, start->token_size, 0))
    return 0;
  aicc_error_init(&call->failure, call->operation->name, "argument", AICC_NOT_SENT);
  aicc_error_say(&call->failure, "token: expected 1 to %d visible ASCII characters without spaces", AICC_MAX_HEADER_VALUE);
  return aicc_error_push(L, &call->failure, NULL);
}

/*
** Whether all is known to be good in a call whose arguments, limits and headers stand from `index` on: they were prepared, there
** are two numbers and no headers, and the token is the one that was used before. Such a call needs no protected one.
*/
static int is_known_good(lua_State *L, int index, struct start *start, struct aicc_text *body) {
  return start->token != NULL && lua_type(L, index + 1) == LUA_TNUMBER && lua_type(L, index + 2) == LUA_TNUMBER &&
         lua_isnil(L, index + 3) && lua_tonumber(L, index + 1) > 0 && lua_tonumber(L, index + 2) > 0 &&
         !isinf((double)lua_tonumber(L, index + 1)) && is_kept(start->session, start->token, start->token_size) &&
         aicc_prepared_find(L, index, start->call.operation, body, &start->call.everybody);
}

/* Fills in such a call. Nothing here raises. */
static enum aicc_call_status fill_in_known(lua_State *L, int index, struct start *start, struct aicc_text body) {
  struct aicc_xfer *xfer = start->xfer;
  start->call.body = &xfer->request;
  xfer->started = aicc_sys_now(AICC_MONOTONIC);
  xfer->timeout = (double)lua_tonumber(L, index + 1);
  xfer->connect_timeout = start->session->options.connect_timeout;
  xfer->not_after = xfer->started + (double)lua_tonumber(L, index + 2);
  xfer->fresh_connection = 0;
  aicc_buf_wipe(&xfer->secrets);
  aicc_buf_wipe(&xfer->request);
  return aicc_buf_append(&xfer->request, body.data, body.size) == AICC_OK ? AICC_CALL_STARTED : AICC_CALL_NO_MEMORY;
}

/* Keeps a transfer that was not started, for the next call. */
static void put_back(struct aicc_session *session, struct aicc_xfer *xfer) {
  aicc_buf_wipe(&xfer->request);
  aicc_buf_wipe(&xfer->secrets);
  if (session->draft == NULL)
    session->draft = xfer;
  else
    aicc_xfer_free(xfer);
}

/* Gives the transfer, which is filled in, its headers and addresses, and to the pool. Nothing here raises. */
static enum aicc_call_status send_off(struct start *start) {
  struct aicc_session *session = start->session;
  struct aicc_xfer *xfer = start->xfer;
  const struct aicc_operation *operation = start->call.operation;
  if (!session->is_open) return AICC_CALL_CLOSED; /* by a finalizer, while it was filled in */
  xfer->headers = headers_for(session, &start->call, start->token, start->token_size, start->headers);
  if (xfer->headers == NULL) return AICC_CALL_NO_MEMORY;
  if (start->call.everybody) xfer->fresh_connection = 1; /* doc/semantics.md 1.5: on a kept one it might be sent twice */
  xfer->operation = operation;
  xfer->url = session->options.urls[operation->with_token];
  xfer->target = session->options.targets[operation - aicc_operation_table];
  xfer->ticket = ++session->last_ticket;
  if (aicc_pool_start(&session->pool, xfer)) return AICC_CALL_STARTED;
  aicc_headers_release(xfer->headers);
  xfer->headers = NULL;
  return AICC_CALL_NO_MEMORY;
}

enum aicc_call_status aicc_call_start(lua_State *L, struct aicc_session *session, const struct aicc_operation *operation, int at,
                                      uint64_t *ticket) {
  struct start start;
  start.session = session;
  start.headers = NULL;
  start.token_size = 0;
  aicc_operation_begin(&start.call, L, operation);
  int arguments = operation->with_token ? at + 1 : at;
  if (operation->with_token) luaL_checktype(L, at, LUA_TSTRING); /* a number is none */
  start.token = operation->with_token ? lua_tolstring(L, at, &start.token_size) : NULL;
  lua_settop(L, arguments + 3);
  if (!session->is_open) return AICC_CALL_CLOSED;
  struct aicc_text body;
  int is_known = is_known_good(L, arguments, &start, &body);
  /* From here to the protected call nothing may raise: the transfer would be lost. Seven slots are free (LUA_MINSTACK). */
  if (!is_known) {
    lua_pushcfunction(L, fill_in);
    lua_pushlightuserdata(L, &start);
    lua_pushnil(L);
    for (int i = 0; i <= 3; i++) lua_pushvalue(L, arguments + i);
  }
  start.xfer = session->draft != NULL ? session->draft : aicc_pool_acquire(&session->pool);
  session->draft = NULL;
  if (start.xfer == NULL) return AICC_CALL_NO_MEMORY;
  enum aicc_call_status status = AICC_CALL_STARTED;
  if (is_known)
    status = fill_in_known(L, arguments, &start, body);
  else if (lua_pcall(L, 6, LUA_MULTRET, 0) != LUA_OK)
    status = AICC_CALL_RAISED;
  else if (lua_gettop(L) > arguments + 3)
    status = AICC_CALL_REFUSED;
  if (status == AICC_CALL_STARTED) status = send_off(&start);
  aicc_headers_release(start.headers);
  if (status == AICC_CALL_STARTED)
    *ticket = start.xfer->ticket;
  else
    put_back(session, start.xfer);
  return status;
}
