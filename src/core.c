/*
** core.c - the module `aicc.core`: registers the rest, and has what needs no session. Those are aicc.curl's.
**
** `encode`, `decode` and `check` do no I/O: they are for hosts that send by their own means, and for guards that must come before
** any token is asked for.
*/
#include <stdio.h>
#include <string.h>

#include "accounts.h"
#include "lib.h"
#include "prepared.h"
#include "text.h"
#include "reply.h"
#include "scratch.h"
#include "shape.h"
#include "strset.h"
#include "sys.h"
#include "version.h"
#include "wait.h"

int luaopen_aicc_core(lua_State *L);

/* ---- encode, decode, check ---- */

/*
** core.check(operation, arguments [, level [, method]]) -> arguments | nil, err: a copy that is known to be good, each account
** in it once. A wrong type raises, at the caller's line. With a level, at the line so many calls up, and what is wrong is said of
** a method of the client's that was called there, by the names of its arguments; `method`: its name, if not the operation's.
*/
static int core_check(lua_State *L) {
  struct aicc_arguments call;
  aicc_operation_begin(&call, L, aicc_operation_check(L, 1));
  call.arguments = 2;
  call.copy = 5;
  call.is_method = !lua_isnoneornil(L, 3);
  call.level = (int)luaL_optinteger(L, 3, 1);
  call.method = luaL_optstring(L, 4, call.method);
  lua_settop(L, 4); /* the method's name stays there while it is needed */
  lua_newtable(L);
  if (!aicc_prepared_write(&call)) return aicc_error_push(L, &call.failure, NULL);
  lua_settop(L, 5);
  return 1;
}

/* Pushes the field of the table at `index`; tells its type. Raw: what a metamethod returned would be held by nobody. */
static int raw_field(lua_State *L, int index, const char *name) {
  lua_pushstring(L, name);
  lua_rawget(L, index);
  return lua_type(L, -1);
}

/* The string field of the table at `index`; its value stays on the stack, which holds it whatever becomes of the table. */
static struct aicc_text text_field(lua_State *L, int index, const char *name) {
  struct aicc_text text = {NULL, 0};
  if (raw_field(L, index, name) == LUA_TSTRING) text.data = lua_tolstring(L, -1, &text.size);
  return text;
}

static int set_header(void *data, const char *name, const char *value, size_t size) {
  lua_State *L = data;
  lua_pushlstring(L, value, size);
  lua_setfield(L, -2, name);
  return 1;
}

/*
** core.encode(operation, arguments | prepared, {token=, app_key=, tenant_space_id=, user_agent=}) -> {path=, headers=, body=}
**   | nil, err
*/
static int core_encode(lua_State *L) {
  struct aicc_arguments call;
  struct aicc_operation_caller who;
  memset(&who, 0, sizeof who);
  aicc_operation_begin(&call, L, aicc_operation_check(L, 1));
  call.arguments = 2;
  call.level = 1;
  lua_settop(L, 3);
  if (lua_isnil(L, 3)) {
    lua_newtable(L);
    lua_replace(L, 3);
  }
  luaL_checktype(L, 3, LUA_TTABLE);
  call.body = aicc_scratch_push(L, AICC_REQUEST_LIMIT);
  if (!aicc_prepared_write(&call)) return aicc_error_push(L, &call.failure, NULL);
  aicc_error_init(&call.failure, call.operation->name, "argument", AICC_NOT_SENT);
  if (!aicc_operation_read_caller(L, 3, &who, &call.failure)) return aicc_error_push(L, &call.failure, NULL);
  if (call.operation->with_token && who.token.data == NULL) return luaL_argerror(L, 3, "expected a token");
  who.expires = (int)call.expires;
  lua_createtable(L, 0, 3);
  lua_pushstring(L, call.operation->path);
  lua_setfield(L, -2, "path");
  lua_pushlstring(L, call.body->data, call.body->length);
  lua_setfield(L, -2, "body");
  lua_createtable(L, 0, 5);
  aicc_operation_headers(call.operation, &who, set_header, L);
  lua_setfield(L, -2, "headers");
  aicc_buf_free(call.body);
  return 1;
}

/* Whether two names are the same but for the case of ASCII letters, whatever the locale. */
static int same_name(const char *a, const char *b) {
  for (; *a != '\0' && *b != '\0'; a++, b++) {
    int x = *a >= 'A' && *a <= 'Z' ? *a + ('a' - 'A') : *a, y = *b >= 'A' && *b <= 'Z' ? *b + ('a' - 'A') : *b;
    if (x != y) return 0;
  }
  return *a == *b;
}

/* The header of that name, in any spelling, of the table at `index`; its value stays on the stack. */
static struct aicc_text find_header(lua_State *L, int index, const char *wanted) {
  struct aicc_text text = {NULL, 0};
  lua_pushnil(L); /* the value */
  int value = lua_gettop(L);
  if (!lua_istable(L, index)) return text;
  for (lua_pushnil(L); lua_next(L, index) != 0; lua_pop(L, 1)) {
    if (lua_type(L, -2) != LUA_TSTRING || lua_type(L, -1) != LUA_TSTRING) continue;
    if (!same_name(lua_tostring(L, -2), wanted)) continue;
    lua_pushvalue(L, -1);
    lua_replace(L, value);
    text.data = lua_tolstring(L, value, &text.size);
  }
  return text;
}

/* core.decode(operation, {status=, headers=, body=, truncated=}, {token=, app_key=, app_secret=}) -> result | nil, err */
static int core_decode(lua_State *L) {
  static const char *const names[] = {"token", "app_key", "app_secret"};
  const struct aicc_operation *operation = aicc_operation_check(L, 1);
  struct aicc_reply reply;
  struct aicc_error_secrets secrets;
  luaL_checktype(L, 2, LUA_TTABLE);
  lua_settop(L, 3);
  raw_field(L, 2, "status");
  reply.status = (long)luaL_checkinteger(L, -1);
  raw_field(L, 2, "truncated");
  reply.truncated = lua_toboolean(L, -1);
  reply.body = text_field(L, 2, "body");
  if (reply.body.data == NULL) reply.body.data = "";
  if (aicc_reply_push_success(L, operation, &reply)) return 1;
  secrets.count = 0;
  for (int i = 0; i < 3 && lua_istable(L, 3); i++) {
    struct aicc_text text = text_field(L, 3, names[i]);
    aicc_error_add_secret(&secrets, text.data, text.size);
  }
  raw_field(L, 2, "headers");
  int headers = lua_gettop(L);
  reply.retry_after = find_header(L, headers, "retry-after");
  reply.date = find_header(L, headers, "date");
  return aicc_reply_push(L, operation, &reply, &secrets);
}

/* ---- time, hash ---- */

/* core.now([clock = "monotonic"]) -> seconds; "boottime" runs on while the machine sleeps, "realtime" is the time of day */
static int core_now(lua_State *L) {
  static const char *const clocks[] = {"monotonic", "boottime", "realtime", NULL};
  int clock = lua_isnoneornil(L, 1) ? AICC_MONOTONIC : luaL_checkoption(L, 1, NULL, clocks);
  lua_pushnumber(L, (lua_Number)aicc_sys_now((enum aicc_sys_clock)clock));
  return 1;
}

/* core.boottime() -> core.now "boottime" */
static int core_boottime(lua_State *L) {
  lua_pushnumber(L, (lua_Number)aicc_sys_now(AICC_BOOTTIME));
  return 1;
}

/* core.random() -> number from 0 to below 1, another one in every process: older Luas all start math.random from the same seed */
static int core_random(lua_State *L) {
  lua_pushnumber(L, (lua_Number)aicc_sys_random());
  return 1;
}

/* core.sleep(seconds) -> true, or false when Ctrl-C ended it */
static int core_sleep(lua_State *L) {
  double seconds = (double)luaL_checknumber(L, 1);
  luaL_argcheck(L, seconds >= 0, 1, "expected seconds from 0");
  struct aicc_wait wait;
  double left, until = aicc_sys_now(AICC_MONOTONIC) + seconds;
  aicc_wait_begin(L, &wait);
  while (!aicc_wait_interrupted(&wait) && (left = until - aicc_sys_now(AICC_MONOTONIC)) > 0)
    aicc_sys_nap(left < AICC_WAIT_SLICE ? left : AICC_WAIT_SLICE);
  lua_pushboolean(L, !aicc_wait_interrupted(&wait));
  return 1;
}

/* core.hash(string) -> 16 hex digits: names for files and shared entries, not for secrets */
static int core_hash(lua_State *L) {
  size_t size;
  const char *text = luaL_checklstring(L, 1, &size);
  char digits[17];
  snprintf(digits, sizeof digits, "%016llx", (unsigned long long)aicc_text_hash(text, size));
  lua_pushstring(L, digits);
  return 1;
}

/* core.printable(text, bytes) -> the text as one line of UTF-8, cut to so many bytes where a character ends (text.h) */
static int core_printable(lua_State *L) {
  size_t size;
  const char *text = luaL_checklstring(L, 1, &size);
  lua_Number most = luaL_checknumber(L, 2);
  luaL_argcheck(L, most >= 0, 2, "expected a number of bytes from 0");
  size_t left = most < (lua_Number)size ? (size_t)most : size;
  char few[256]; /* most texts are short */
  if (size <= sizeof few) {
    memcpy(few, text, size);
    lua_pushlstring(L, few, aicc_text_fit(few, size, left, 1));
  } else {
    struct aicc_buf *copy = aicc_scratch_copy(L, text, size);
    aicc_scratch_finish(L, copy, aicc_text_fit(copy->data, size, left, 1));
  }
  return 1;
}

/* core.equal(a, b) -> boolean: in a time that tells nothing of where two secrets differ, only whether their lengths do */
static int core_equal(lua_State *L) {
  size_t size, other;
  const char *a = luaL_checklstring(L, 1, &size), *b = luaL_checklstring(L, 2, &other);
  volatile unsigned char difference = size != other; /* volatile: so that no compiler ends the loop early */
  for (size_t i = 0; size == other && i < size; i++) difference = difference | (unsigned char)(a[i] ^ b[i]);
  lua_pushboolean(L, difference == 0);
  return 1;
}

/*
** core.may_yield_in(coroutine) -> boolean: whether the caller runs in it, and not in a function of C's in it that cannot be left
*/
static int core_may_yield_in(lua_State *L) {
  lua_pushboolean(L, lua_tothread(L, 1) == L && aicc_isyieldable(L));
  return 1;
}

/* ---- the module ---- */

/* The names of the API's operations, an array. */
static void push_operations(lua_State *L) {
  lua_createtable(L, AICC_OPERATION_COUNT, 0);
  for (int i = 0; i < AICC_OPERATION_COUNT; i++) {
    lua_pushstring(L, aicc_operation_table[i].name);
    lua_rawseti(L, -2, i + 1);
  }
}

__attribute__((visibility("default"))) int luaopen_aicc_core(lua_State *L) {
  static const luaL_Reg functions[] = {{"check", core_check}, {"encode", core_encode}, {"decode", core_decode},
                                       {"now", core_now},     {"boottime", core_boottime}, {"sleep", core_sleep},
                                       {"random", core_random}, {"hash", core_hash}, {"equal", core_equal},
                                       {"may_yield_in", core_may_yield_in}, {"printable", core_printable}, {NULL, NULL}};
  luaL_checkversion(L);
  aicc_mark_mainthread(L);
  aicc_sys_pin((void (*)(void))luaopen_aicc_core);
  aicc_strset_open();
  aicc_wait_open(L);
  aicc_shape_open(L);
  aicc_scratch_open(L);
  luaL_newlib(L, functions);
  aicc_prepared_open(L);
  aicc_appendlib_open(L);
  aicc_filelib_open(L);
  aicc_httplib_open(L);
  aicc_processlib_open(L);
  aicc_libpq_open(L);
  aicc_sharedlib_open(L);
  aicc_uncaught_open(L);
  aicc_accounts_push_all(L);
  lua_setfield(L, -2, "ALL");
  push_operations(L);
  lua_setfield(L, -2, "operations");
  aicc_error_pushmeta(L);
  lua_setfield(L, -2, "error_meta");
  lua_pushliteral(L, AICC_VERSION);
  lua_setfield(L, -2, "_VERSION");
  lua_pushliteral(L, "aicc.core for " LUA_VERSION); /* aicc.native looks for it in the file */
  lua_setfield(L, -2, "build");
  return 1;
}
