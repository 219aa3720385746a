/*
** httplib.c - core.http_*: a request's bytes, and what an answer's mean, for aicc.transport.egress.
**
** The same as core.encode and core.decode, and the framing that those leave to others: in one step each, with no table between.
** All may raise; what they allocate is Lua's.
*/
#include "lib.h"

#include <stdio.h>
#include <string.h>

#include "arguments.h"
#include "httphead.h"
#include "prepared.h"
#include "reply.h"
#include "scratch.h"

#define HEAD_LIMIT (1u << 20) /* bytes of a request's head */

/* A request's body, and the whole of it, on the Lua stack: a finalizer that Lua runs meanwhile may make requests too. */
struct buffers {
  struct aicc_buf *body, *whole;
  enum aicc_buf_status status; /* of what was appended */
};

static void append(struct buffers *buffers, const char *bytes, size_t size) {
  if (buffers->status == AICC_OK) buffers->status = aicc_buf_append(buffers->whole, bytes, size);
}

static void append_string(struct buffers *buffers, const char *text) { append(buffers, text, strlen(text)); }

static int append_header(void *data, const char *name, const char *value, size_t size) {
  struct buffers *buffers = data;
  append_string(buffers, name);
  append(buffers, ": ", 2);
  append(buffers, value, size);
  append(buffers, "\r\n", 2);
  return buffers->status == AICC_OK;
}

/* The string at `index`, which stays there; none for nil. Raises for anything else. */
static struct aicc_text text_at(lua_State *L, int index) {
  struct aicc_text text = {NULL, 0};
  if (!lua_isnil(L, index)) text.data = luaL_checklstring(L, index, &text.size);
  return text;
}

/* The string field of the table at `index`; its value stays on the stack. Raw: what a metamethod returned nobody would hold. */
static struct aicc_text field(lua_State *L, int index, const char *name) {
  lua_pushstring(L, name);
  lua_rawget(L, index);
  if (!lua_isnil(L, -1) && lua_type(L, -1) != LUA_TSTRING) luaL_error(L, "%s: expected a string", name);
  return text_at(L, lua_gettop(L));
}

/*
** core.http_request(operation, arguments, token | nil, who, lines) -> string | nil, err. `who` has `app_key`, `tenant_space_id`,
** `user_agent` (each may be nil), `authority`, `prefix` (of the path) and `version` ("1.0" or "1.1"). `lines` are more headers,
** each with its end; they, `authority` and `prefix` are the caller's to check.
*/
static int http_request(lua_State *L) {
  struct aicc_arguments call;
  struct aicc_operation_caller who;
  memset(&who, 0, sizeof who);
  lua_settop(L, 5);
  aicc_operation_begin(&call, L, aicc_operation_check(L, 1));
  call.arguments = 2;
  who.token = text_at(L, 3);
  luaL_checktype(L, 4, LUA_TTABLE);
  struct aicc_text lines = text_at(L, 5);
  if (call.operation->with_token && who.token.data == NULL) return luaL_argerror(L, 3, "expected a token");
  struct buffers buffers = {aicc_scratch_push(L, AICC_REQUEST_LIMIT),
                            aicc_scratch_push(L, AICC_REQUEST_LIMIT + HEAD_LIMIT), AICC_OK};
  call.body = buffers.body;
  if (!aicc_prepared_write(&call)) return aicc_error_push(L, &call.failure, NULL);
  struct aicc_text authority = field(L, 4, "authority"), prefix = field(L, 4, "prefix"), version = field(L, 4, "version");
  aicc_error_init(&call.failure, call.operation->name, "argument", AICC_NOT_SENT);
  if (!aicc_operation_read_caller(L, 4, &who, &call.failure)) return aicc_error_push(L, &call.failure, NULL);
  who.expires = (int)call.expires;

  char length[32];
  snprintf(length, sizeof length, "%zu\r\n", buffers.body->length);
  append(&buffers, "POST ", 5);
  append(&buffers, prefix.data, prefix.size);
  append_string(&buffers, call.operation->path);
  append(&buffers, " HTTP/", 6);
  append(&buffers, version.data, version.size);
  append(&buffers, "\r\nHost: ", 8);
  append(&buffers, authority.data, authority.size);
  append(&buffers, "\r\n", 2);
  aicc_operation_headers(call.operation, &who, append_header, &buffers);
  append(&buffers, lines.data, lines.size);
  append(&buffers, "Content-Length: ", 16);
  append_string(&buffers, length);
  append(&buffers, "\r\n", 2);
  append(&buffers, buffers.body->data, buffers.body->length);
  if (!aicc_arguments_judge(&call, buffers.status, "arguments")) return aicc_error_push(L, &call.failure, NULL);
  lua_pushlstring(L, buffers.whole->data, buffers.whole->length);
  aicc_buf_free(buffers.body);
  aicc_buf_free(buffers.whole);
  return 1;
}

/*
** core.http_head(text) -> status, size of the head, bytes that the body has or nil, X-Aicc-Egress or nil, in_chunks, keeps; nil
** where the head is incomplete; false where that is no HTTP.
*/
static int http_head(lua_State *L) {
  size_t size;
  const char *text = luaL_checklstring(L, 1, &size);
  struct aicc_httphead head;
  enum aicc_httphead_result result = aicc_httphead_read(text, size, &head);
  if (result != AICC_HTTPHEAD_READ) {
    if (result == AICC_HTTPHEAD_NONE)
      lua_pushboolean(L, 0);
    else
      lua_pushnil(L);
    return 1;
  }
  lua_pushinteger(L, head.status);
  lua_pushinteger(L, (lua_Integer)head.size);
  if (head.length < 0)
    lua_pushnil(L);
  else
    aicc_pushwhole(L, head.length);
  if (head.progress.data == NULL)
    lua_pushnil(L);
  else
    lua_pushlstring(L, head.progress.data, head.progress.size);
  lua_pushboolean(L, head.in_chunks);
  lua_pushboolean(L, head.keeps);
  return 6;
}

static struct aicc_text text_of(struct aicc_httphead_value value) {
  struct aicc_text text = {value.data, value.size};
  return text;
}

/*
** core.http_result(operation, text, truncated, token | nil, who) -> result | nil, err: what an answer comes to, of which `text`
** is the head and the body behind it, without chunks; `truncated`: some of the body is missing. In no error is the token, nor
** what `who` has as `app_key` and `app_secret`.
*/
static int http_result(lua_State *L) {
  const struct aicc_operation *operation = aicc_operation_check(L, 1);
  size_t size;
  const char *text = luaL_checklstring(L, 2, &size);
  struct aicc_reply reply;
  struct aicc_error_secrets secrets;
  struct aicc_httphead head;
  lua_settop(L, 5);
  luaL_checktype(L, 5, LUA_TTABLE);
  luaL_argcheck(L, aicc_httphead_read(text, size, &head) == AICC_HTTPHEAD_READ, 2, "expected an answer");
  secrets.count = 0;
  struct aicc_text token = text_at(L, 4), key = field(L, 5, "app_key"), secret = field(L, 5, "app_secret");
  aicc_error_add_secret(&secrets, token.data, token.size);
  aicc_error_add_secret(&secrets, key.data, key.size);
  aicc_error_add_secret(&secrets, secret.data, secret.size);
  reply.status = head.status;
  reply.truncated = lua_toboolean(L, 3);
  reply.body.data = text + head.size;
  reply.body.size = size - head.size;
  reply.retry_after = text_of(head.retry_after);
  reply.date = text_of(head.date);
  return aicc_reply_push(L, operation, &reply, &secrets);
}

void aicc_httplib_open(lua_State *L) {
  static const luaL_Reg functions[] = {{"http_request", http_request}, {"http_head", http_head},
                                       {"http_result", http_result}, {NULL, NULL}};
  luaL_setfuncs(L, functions, 0);
}
