/*
** prepared.c - a call's arguments, checked and written once. See prepared.h.
**
** A body that is short is written on the C stack, and so costs no memory but that of the value itself; a long one into a buffer
** that the collector frees. Nothing is held on the C stack that needs freeing while Lua may raise.
*/
#include "prepared.h"

#include <stddef.h>
#include <string.h>

#include "accounts.h"
#include "scratch.h"
#include "shape.h"

#define SHORT 2048  /* bytes of a body on the C stack */
#define FEW 32      /* items of a list whose body may be that short */

/* Neither pointers nor addresses: aicc.core makes it, and aicc.curl, which has tables of its own, reads it. */
struct prepared {
  unsigned short operation;  /* its number */
  unsigned short everybody;
  char body[];
};

#define HEAD offsetof(struct prepared, body)

static struct aicc_text body_of(lua_State *L, int index, const struct prepared *prepared) {
  struct aicc_text body = {prepared->body, lua_rawlen(L, index) - HEAD};
  return body;
}

/* ---- making one ----

core.prepare(operation, level, ...) -> prepared, nil, skillId, number of accounts | nil, err: the values are the operation's
fields, in the order of operation.c. A wrong type raises, at the line `level` calls up; messages have the names of a method's
arguments, as with core.check's level. What is changed afterwards in a list that was given changes nothing. */

/* Whether the body of these values is worth a try on the C stack: one that turns out to be too long is written anew. */
static int may_be_short(lua_State *L, int first) {
  for (int i = first; i <= lua_gettop(L); i++)
    if (lua_type(L, i) == LUA_TTABLE && lua_rawlen(L, i) > FEW) return 0;
  return 1;
}

static int core_prepare(lua_State *L) {
  char memory[SHORT];
  struct aicc_buf small = {memory, 0, sizeof memory, sizeof memory}; /* neither grows nor is freed: its limit is what it has */
  struct aicc_arguments call;
  aicc_operation_begin(&call, L, aicc_operation_check(L, 1));
  call.is_method = 1;
  call.level = (int)luaL_checkinteger(L, 2);
  call.values = 3;
  call.last_value = lua_gettop(L);
  if (!call.operation->with_token) return luaL_argerror(L, 1, "a secret is not kept in one");
  int is_short = may_be_short(L, call.values);
  call.body = is_short ? &small : aicc_scratch_push(L, AICC_REQUEST_LIMIT);
  int is_good = aicc_operation_write(&call);
  if (!is_good && is_short && call.is_too_long) {
    call.body = aicc_scratch_push(L, AICC_REQUEST_LIMIT);
    is_good = aicc_operation_write(&call);
  }
  if (!is_good) return aicc_error_push(L, &call.failure, NULL);
  struct prepared *prepared = aicc_newuserdata(L, HEAD + call.body->length);
  prepared->operation = (unsigned short)(call.operation - aicc_operation_table);
  prepared->everybody = (unsigned short)call.everybody;
  memcpy(prepared->body, call.body->data, call.body->length);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_setmetatable(L, -2);
  if (call.body != &small) aicc_buf_free(call.body);
  lua_pushnil(L);
  aicc_pushwhole(L, (lua_Number)call.skill);
  if (call.everybody)
    lua_pushnil(L);
  else
    lua_pushinteger(L, (lua_Integer)call.accounts);
  return 4;
}

/* ---- reading it ---- */

/* Pushes the table that the body was written from, or one like it. */
static void push_arguments(lua_State *L, const struct prepared *prepared) {
  if (aicc_shape_push(L, body_of(L, 1, prepared)) != 1)
    luaL_error(L, "a prepared body that is no JSON"); /* it was written here */
  if (!prepared->everybody) return;
  aicc_accounts_push_all(L);
  lua_setfield(L, -2, "userAccounts");
}

/* prepared.everybody, whether the accounts are aicc.ALL; and each field of the arguments, read back from the body */
static int prepared_index(lua_State *L) {
  const struct prepared *prepared = luaL_checkudata(L, 1, AICC_PREPARED_META);
  const char *name = luaL_checkstring(L, 2);
  if (strcmp(name, "everybody") == 0) {
    lua_pushboolean(L, prepared->everybody);
  } else {
    push_arguments(L, prepared);
    lua_getfield(L, -1, name);
  }
  return 1;
}

/* core.arguments(prepared) -> a table of them, which is the caller's */
static int core_arguments(lua_State *L) {
  push_arguments(L, luaL_checkudata(L, 1, AICC_PREPARED_META));
  return 1;
}

/* Without the body: accounts are names of people. */
static int prepared_tostring(lua_State *L) {
  const struct prepared *prepared = luaL_checkudata(L, 1, AICC_PREPARED_META);
  lua_pushfstring(L, AICC_PREPARED_META " (%s)", aicc_operation_table[prepared->operation].name);
  return 1;
}

void aicc_prepared_open(lua_State *L) {
  static const luaL_Reg meta[] = {{"__index", prepared_index}, {"__tostring", prepared_tostring}, {NULL, NULL}};
  lua_pushcfunction(L, core_arguments);
  lua_setfield(L, -2, "arguments");
  if (luaL_newmetatable(L, AICC_PREPARED_META)) {
    luaL_setfuncs(L, meta, 0);
    lua_pushliteral(L, AICC_PREPARED_META);
    lua_setfield(L, -2, "__metatable"); /* nobody's code changes it */
  }
  lua_pushcclosure(L, core_prepare, 1);
  lua_setfield(L, -2, "prepare");
}

int aicc_prepared_find(lua_State *L, int index, const struct aicc_operation *operation, struct aicc_text *body, int *everybody) {
  const struct prepared *prepared = luaL_testudata(L, index, AICC_PREPARED_META);
  if (prepared == NULL || aicc_operation_table + prepared->operation != operation) return 0;
  *body = body_of(L, index, prepared);
  *everybody = prepared->everybody;
  return 1;
}

int aicc_prepared_write(struct aicc_arguments *call) {
  if (lua_type(call->L, call->arguments) != LUA_TUSERDATA) return aicc_operation_write(call);
  const struct prepared *prepared = luaL_testudata(call->L, call->arguments, AICC_PREPARED_META);
  if (prepared == NULL) return aicc_arguments_mistyped(call, "arguments", "a table", call->arguments);
  if (aicc_operation_table + prepared->operation != call->operation)
    return aicc_arguments_raise(call, "%s: the arguments were prepared for %s", call->name,
                                aicc_operation_table[prepared->operation].name);
  struct aicc_text body = body_of(call->L, call->arguments, prepared);
  call->everybody = prepared->everybody;
  if (call->body != NULL) aicc_buf_wipe(call->body);
  return aicc_arguments_put_json(call, body.data, body.size);
}
