/*
** accounts.c - lists of accounts, checked and written as JSON, each account once. See accounts.h.
**
** The one place that decides what an account list is, and the only one that can write an empty one. Nothing is held on the C
** stack while Lua may raise: a large set of strings is a userdata on the Lua stack.
*/
#include "accounts.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "json.h"
#include "strset.h"

#define FEW 16          /* accounts whose set fits on the C stack */
#define BATCH 32        /* accounts that are fetched from their list at once */

#define ALL_KEY "aicc.ALL" /* in the registry, where aicc.core and aicc.curl find the same one */

/* The memory of a small set. */
union few {
  struct aicc_strset_item aligned;
  char bytes[AICC_STRSET_SIZE(FEW)];
};

/* ---- everybody ---- */

static int all_tostring(lua_State *L) {
  lua_pushliteral(L, "aicc.ALL");
  return 1;
}

void aicc_accounts_push_all(lua_State *L) {
  lua_getfield(L, LUA_REGISTRYINDEX, ALL_KEY);
  if (!lua_isnil(L, -1)) return;
  lua_pop(L, 1);
  aicc_newuserdata(L, 1);
  lua_createtable(L, 0, 3);
  lua_pushcfunction(L, all_tostring);
  lua_setfield(L, -2, "__tostring");
  lua_pushliteral(L, "aicc.ALL");
  lua_setfield(L, -2, "__name");
  lua_pushliteral(L, "aicc.ALL");
  lua_setfield(L, -2, "__metatable"); /* nobody's setmetatable can change or copy it */
  lua_setmetatable(L, -2);
  lua_pushvalue(L, -1);
  lua_setfield(L, LUA_REGISTRYINDEX, ALL_KEY);
}

static int is_all(lua_State *L, int index) {
  const void *value = lua_touserdata(L, index);
  if (value == NULL) return 0;
  lua_getfield(L, LUA_REGISTRYINDEX, ALL_KEY);
  int same = value == lua_touserdata(L, -1);
  lua_pop(L, 1);
  return same;
}

/* Counts the keys of the table on top, whatever they are. */
static size_t number_of_keys(lua_State *L) {
  size_t count = 0;
  for (lua_pushnil(L); lua_next(L, -2) != 0; lua_pop(L, 1)) count++;
  return count;
}

/*
** Counts the keys of the table on top, which must be integers from 1 on; a key that is not is a failure (returns 0). Where *count
** is below the largest key the list has a hole.
*/
static int count_keys(struct aicc_arguments *call, const char *name, size_t *count) {
  lua_State *L = call->L;
  *count = 0;
  for (lua_pushnil(L); lua_next(L, -2) != 0; lua_pop(L, 1)) {
    int type = lua_type(L, -2);
    double key = type == LUA_TNUMBER ? (double)lua_tonumber(L, -2) : 0;
    if (key >= 1 && key == floor(key)) {
      (*count)++;
      continue;
    }
    struct aicc_error *failure = aicc_arguments_refuse(call, "argument");
    name = aicc_arguments_called(call, name);
    if (type == LUA_TNUMBER)
      aicc_error_say(failure, "%s[%.14g]: expected only the keys 1..n of a list", name, key);
    else if (type == LUA_TSTRING)
      aicc_error_say(failure, "%s[\"%.*s\"]: expected only the keys 1..n of a list", name,
                     (int)aicc_text_cut(lua_tostring(L, -2), lua_rawlen(L, -2), 64), lua_tostring(L, -2));
    else
      aicc_error_say(failure, "%s[%s]: expected only the keys 1..n of a list", name, lua_typename(L, type));
    return 0;
  }
  return 1;
}

/* ---- one account ---- */

/* Checks and writes list[at], which is on top. A failure names it. */
static int put_account(struct aicc_arguments *call, const char *name, size_t at, struct aicc_strset *seen, int *written) {
  lua_State *L = call->L;
  size_t size;
  if (lua_type(L, -1) != LUA_TSTRING) {
    struct aicc_error *failure = aicc_arguments_refuse(call, "argument");
    aicc_error_say(failure, "%s[%zu]: expected a string, got %s", aicc_arguments_called(call, name), at, luaL_typename(L, -1));
    return 0;
  }
  const char *text = lua_tolstring(L, -1, &size);
  if (size == 0 || size > AICC_MAX_ACCOUNT) {
    struct aicc_error *failure = aicc_arguments_refuse(call, "argument");
    name = aicc_arguments_called(call, name);
    if (size == 0)
      aicc_error_say(failure, "%s[%zu]: expected 1 to %d bytes, got an empty string", name, at, AICC_MAX_ACCOUNT);
    else
      aicc_error_say(failure, "%s[%zu]: expected 1 to %d bytes, got %zu", name, at, AICC_MAX_ACCOUNT, size);
    return 0;
  }
  enum aicc_buf_status status = aicc_json_check_text(text, size);
  if (status != AICC_OK) {
    char item[64];
    snprintf(item, sizeof item, "%s[%zu]", aicc_arguments_called(call, name), at);
    return aicc_arguments_judge(call, status, item);
  }
  *written = aicc_strset_add(seen, text, size);
  if (!*written || call->body == NULL) return 1;
  if (call->body->data[call->body->length - 1] == '"') status = aicc_json_literal(call->body, ",");
  if (status == AICC_OK) status = aicc_json_string(call->body, text, size);
  return aicc_arguments_judge(call, status, name);
}

/* ---- a list ---- */

/* Makes an empty set for so many strings: on the C stack where they are few, else in a userdata that is pushed. */
static void push_set(lua_State *L, struct aicc_strset *set, union few *few, size_t count) {
  if (count >= AICC_STRSET_MOST) luaL_error(L, "not enough memory");
  void *memory = few;
  if (count > FEW)
    memory = aicc_newuserdata(L, aicc_strset_size(count));
  else
    lua_pushnil(L);
  aicc_strset_init(set, memory, count);
}

/* Checks and writes an account that is not plain. Returns 0 if it is none. */
static int append_text(struct aicc_buf *body, const char *text, size_t size) {
  if (aicc_json_check_text(text, size) != AICC_OK) return 0;
  if (body == NULL) return 1;
  if (memchr(text, '"', size) != NULL || memchr(text, '\\', size) != NULL)
    return aicc_json_string(body, text, size) == AICC_OK && aicc_json_literal(body, ",") == AICC_OK;
  return aicc_json_literal(body, "\"") == AICC_OK && aicc_buf_append(body, text, size) == AICC_OK &&
         aicc_json_literal(body, "\",") == AICC_OK;
}

/* Checks and writes the string at `index`, without looking whether it came before. Returns 0 if it is no account. */
static int append_account(lua_State *L, int index, struct aicc_buf *body, struct aicc_strset *seen) {
  size_t size;
  const char *text = lua_tolstring(L, index, &size);
  if (size == 0 || size > AICC_MAX_ACCOUNT) return 0;
  aicc_strset_append(seen, text, size);
  if (body == NULL) return aicc_json_is_plain(text, size) || append_text(body, text, size);
  if (body->capacity - body->length < size + 3 && aicc_buf_reserve(body, size + 3) != AICC_OK) return 0;
  char *out = body->data + body->length;
  if (!aicc_json_copy_plain(out + 1, text, size)) return append_text(body, text, size);
  out[0] = '"';
  out[size + 1] = '"';
  out[size + 2] = ',';
  body->length += size + 3;
  return 1;
}

/*
** Pushes `batch` items of the list, those behind number `at`, and has their strings brought from memory, where they may lie in
** any order: to wait for them one by one would take longer than all else. Returns 0 if one is no string.
*/
static int push_batch(lua_State *L, int list, size_t at, int batch) {
  for (int i = 1; i <= batch; i++) {
    if (aicc_rawgeti(L, list, (lua_Integer)at + i) != LUA_TSTRING) return 0;
    aicc_strset_prefetch(lua_topointer(L, -1));
  }
  return 1;
}

/*
** Checks and writes the list on top, which has `count` keys and one at least, if all is well with it, as with nearly every one:
** its keys are 1 to count, its items good and all different. Else returns 0, and nothing is written: write_slowly finds out what
** it is. No Lua value is made while the strings are looked at, so no finalizer runs that could change the list.
*/
static int write_quickly(struct aicc_arguments *call, const char *name, size_t count) {
  lua_State *L = call->L;
  struct aicc_buf *body = call->body;
  int list = lua_gettop(L), is_good = 1, batch;
  size_t begin = body != NULL ? body->length : 0;
  union few few;
  struct aicc_strset seen;
  luaL_checkstack(L, BATCH + 4, "account list");
  if (!aicc_arguments_put_literal(call, "[")) return 0;
  push_set(L, &seen, &few, count);
  if (call->copy != 0)
    lua_createtable(L, (int)count, 0);
  else
    lua_pushnil(L);
  int copy = lua_gettop(L);
  for (size_t at = 0; is_good && at < count; at += (size_t)batch) {
    batch = count - at < BATCH ? (int)(count - at) : BATCH;
    is_good = push_batch(L, list, at, batch);
    if (is_good && body != NULL && at == 0) aicc_buf_reserve(body, count * (lua_rawlen(L, -1) + 3)); /* a guess: as long as one */
    for (int i = 1; is_good && i <= batch; i++) is_good = append_account(L, copy + i, body, &seen);
    for (int i = batch; is_good && call->copy != 0 && i > 0; i--) lua_rawseti(L, copy, (int)at + i);
    lua_settop(L, copy);
  }
  is_good = is_good && aicc_strset_are_distinct(&seen);
  if (body != NULL && is_good) body->data[body->length - 1] = ']'; /* in place of the last one's comma */
  if (body != NULL && !is_good) aicc_buf_cut(body, begin);
  if (is_good && call->copy != 0) lua_setfield(L, call->copy, name);
  call->accounts = count;
  lua_settop(L, list);
  return is_good;
}

/* Writes the list on top, which has `count` keys, or says which of its items is wrong. */
static int write_slowly(struct aicc_arguments *call, const char *name, size_t count) {
  lua_State *L = call->L;
  int list = lua_gettop(L), copy = 0, copied = 0;
  union few few;
  struct aicc_strset seen;
  luaL_checkstack(L, 6, "account list");
  call->accounts = 0;
  if (!aicc_arguments_put_literal(call, "[")) return 0;
  push_set(L, &seen, &few, count);
  if (call->copy != 0) {
    lua_newtable(L);
    copy = lua_gettop(L);
  }
  for (size_t at = 1; at <= count; at++) {
    int written = 0;
    aicc_rawgeti(L, list, (lua_Integer)at);
    if (!put_account(call, name, at, &seen, &written)) return 0;
    call->accounts += (size_t)written;
    if (copy != 0 && written)
      lua_rawseti(L, copy, ++copied);
    else
      lua_pop(L, 1);
  }
  if (copy != 0) {
    lua_pushvalue(L, copy);
    lua_setfield(L, call->copy, name);
  }
  lua_settop(L, list);
  return aicc_arguments_put_literal(call, "]");
}

/* What is no list. For one account, given alone, it says what to write. */
static int refuse_type(struct aicc_arguments *call, const char *name, int or_all) {
  lua_State *L = call->L;
  const char *expected = or_all ? "a list of strings or aicc.ALL" : "a list of strings";
  if (lua_type(L, -1) != LUA_TSTRING) return aicc_arguments_mistyped(call, name, expected, -1);
  return aicc_arguments_raise(call, "%s: %s: expected %s, got string: write { \"%s\" } for one account", call->method,
                              aicc_arguments_called(call, name), expected,
                              lua_rawlen(L, -1) <= AICC_MAX_ACCOUNT ? lua_tostring(L, -1) : "...");
}

int aicc_accounts_put(struct aicc_arguments *call, const char *name, size_t most, int or_all) {
  lua_State *L = call->L;
  int type = aicc_arguments_get(call, name);
  if (or_all && is_all(L, -1)) {
    call->everybody = 1;
    aicc_arguments_done(call, name);
    return aicc_arguments_put_literal(call, "[]");
  }
  if (type != LUA_TTABLE && type != LUA_TNIL) return refuse_type(call, name, or_all);
  luaL_checkstack(L, 3, "account list");
  size_t count = type == LUA_TTABLE ? number_of_keys(L) : 0;
  if (count > 0 && (most == 0 || count <= most) && write_quickly(call, name, count)) {
    lua_pop(L, 1);
    return 1;
  }
  if (type == LUA_TTABLE && !count_keys(call, name, &count)) return 0;
  if (count == 0) {
    aicc_error_say(aicc_arguments_refuse(call, "guard"), "%s: expected at least one account, got %s%s",
                   aicc_arguments_called(call, name), type == LUA_TNIL ? "nil" : "an empty list",
                   or_all ? " (the API would take an empty list for everybody; to unbind everybody, pass aicc.ALL)" : "");
    return 0;
  }
  if (most > 0 && count > most) {
    aicc_error_say(aicc_arguments_refuse(call, "argument"), "%s: expected at most %zu accounts, got %zu",
                   aicc_arguments_called(call, name), most, count);
    return 0;
  }
  if (!write_slowly(call, name, count)) return 0;
  lua_pop(L, 1);
  return 1;
}
