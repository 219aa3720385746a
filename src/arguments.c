/*
** arguments.c - a call's arguments, checked and written as JSON. See arguments.h.
**
** A wrong type raises, a wrong content becomes a failure (semantics.md, sections 1 and 2). Nothing here is held on the C stack
** while Lua may raise: the body is its owner's, and a large set of strings is a userdata on the stack.
*/
#include "arguments.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "json.h"
#include "strset.h"

#define MAX_ACCOUNT 128  /* bytes */
#define SMALL_LIST 16    /* accounts whose set fits on the C stack */

#define ALL_KEY "aicc.ALL" /* in the registry, where aicc.core and aicc.curl find the same one */

static int refuse_memory(struct aicc_call *call) { return luaL_error(call->L, "not enough memory"); }

/* Begins the failure: its message is the caller's to say, and 0 to return. */
static struct aicc_failure *refuse(struct aicc_call *call, const char *kind) {
  aicc_failure_init(&call->failure, call->operation->name, kind, AICC_NOT_SENT);
  return &call->failure;
}

/* Turns the status of a write into success or a failure. */
static int put_done(struct aicc_call *call, enum aicc_status status, const char *name) {
  if (status == AICC_OK) return 1;
  if (status == AICC_NO_MEMORY) return refuse_memory(call);
  if (status == AICC_BAD_UTF8)
    aicc_failure_say(refuse(call, "argument"), "%s: expected valid UTF-8, got broken bytes", name);
  else if (status == AICC_CONTROL)
    aicc_failure_say(refuse(call, "argument"), "%s: expected no control characters, got one (a line's end?)", name);
  else
    aicc_failure_say(refuse(call, "argument"), "%s: the request would be larger than %zu bytes", name, call->body->limit);
  return 0;
}

int aicc_put_json(struct aicc_call *call, const char *text, size_t size) {
  return call->body == NULL || put_done(call, aicc_buf_append(call->body, text, size), "arguments");
}

/* Pushes the field; tells its type. */
static int get_field(struct aicc_call *call, const char *name) {
  lua_pushstring(call->L, name);
  lua_rawget(call->L, call->arguments);
  return lua_type(call->L, -1);
}

/* Pops the value on top, into the copy if there is one. */
static void done_with(struct aicc_call *call, const char *name) {
  if (call->copy != 0)
    lua_setfield(call->L, call->copy, name);
  else
    lua_pop(call->L, 1);
}

static int wrong_type(struct aicc_call *call, const char *name, const char *expected, int index) {
  return luaL_error(call->L, "%s: %s: expected %s, got %s", call->operation->name, name, expected, luaL_typename(call->L, index));
}

/* ---- integers ---- */

int aicc_get_integer(struct aicc_call *call, const char *name, double least, double most, double otherwise, int64_t *found) {
  lua_State *L = call->L;
  int type = get_field(call, name);
  if (type != LUA_TNUMBER && !(type == LUA_TNIL && otherwise != AICC_REQUIRED)) return wrong_type(call, name, "an integer", -1);
  double value = type == LUA_TNIL ? otherwise : (double)lua_tonumber(L, -1);
  if (!(value >= least && value <= most) || value != floor(value)) {
    char got[40];
    if (isnan(value))
      strcpy(got, "NaN");
    else
      snprintf(got, sizeof got, "%.17g", value);
    aicc_failure_say(refuse(call, "argument"), "%s: expected an integer from %.0f to %.0f, got %s", name, least, most, got);
    return 0;
  }
  lua_pop(L, 1);
  aicc_pushwhole(L, value);
  done_with(call, name);
  *found = (int64_t)value;
  return 1;
}

int aicc_put_integer(struct aicc_call *call, const char *name, double least, double most, double otherwise) {
  int64_t value;
  if (!aicc_get_integer(call, name, least, most, otherwise, &value)) return 0;
  return call->body == NULL || put_done(call, aicc_json_integer(call->body, value), name);
}

int aicc_get_word(struct aicc_call *call, const char *name, const char *const *words, int *found) {
  int type = get_field(call, name);
  if (type != LUA_TNIL && type != LUA_TSTRING) return wrong_type(call, name, "a string", -1);
  const char *word = type == LUA_TSTRING ? lua_tostring(call->L, -1) : words[0];
  for (*found = 0; words[*found] != NULL && strcmp(words[*found], word) != 0;) ++*found;
  if (words[*found] == NULL) {
    aicc_failure_say(refuse(call, "argument"), "%s: expected %s or %s, got '%.40s'", name, words[0], words[1], word);
    return 0;
  }
  done_with(call, name);
  return 1;
}

/* ---- credentials ---- */

int aicc_header_value_ok(const char *text, size_t size, int spaces) {
  if (size == 0 || size > AICC_MAX_HEADER_VALUE) return 0;
  for (size_t i = 0; i < size; i++)
    if ((unsigned char)text[i] < (spaces ? 0x20 : 0x21) || (unsigned char)text[i] > 0x7E) return 0;
  return 1;
}

int aicc_put_credential(struct aicc_call *call, const char *name, int for_header) {
  size_t size;
  if (get_field(call, name) != LUA_TSTRING) return wrong_type(call, name, "a string", -1);
  const char *text = lua_tolstring(call->L, -1, &size);
  if (size == 0 || size > AICC_MAX_HEADER_VALUE || (for_header && !aicc_header_value_ok(text, size, 0))) {
    aicc_failure_say(refuse(call, "argument"), "%s: expected 1 to %d %s", name, AICC_MAX_HEADER_VALUE,
                     for_header ? "visible ASCII characters without spaces" : "bytes");
    return 0;
  }
  enum aicc_status status = aicc_json_check_text(text, size);
  if (status == AICC_OK && call->body != NULL) status = aicc_json_string(call->body, text, size);
  done_with(call, name);
  return put_done(call, status, name);
}

/* ---- accounts ---- */

static int all_tostring(lua_State *L) {
  lua_pushliteral(L, "aicc.ALL");
  return 1;
}

void aicc_push_all(lua_State *L) {
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

/*
** Counts the keys of the table on top, which must be integers from 1 on; a key that is not is a failure (returns 0). Where *count
** is below the largest key the list has a hole.
*/
static int count_keys(struct aicc_call *call, const char *name, size_t *count) {
  lua_State *L = call->L;
  *count = 0;
  for (lua_pushnil(L); lua_next(L, -2) != 0; lua_pop(L, 1)) {
    int type = lua_type(L, -2);
    double key = type == LUA_TNUMBER ? (double)lua_tonumber(L, -2) : 0;
    if (key >= 1 && key == floor(key)) {
      (*count)++;
      continue;
    }
    struct aicc_failure *failure = refuse(call, "argument");
    if (type == LUA_TNUMBER)
      aicc_failure_say(failure, "%s[%.14g]: expected only the keys 1..n of a list", name, key);
    else if (type == LUA_TSTRING)
      aicc_failure_say(failure, "%s[\"%.64s\"]: expected only the keys 1..n of a list", name, lua_tostring(L, -2));
    else
      aicc_failure_say(failure, "%s[%s]: expected only the keys 1..n of a list", name, lua_typename(L, type));
    return 0;
  }
  return 1;
}

/* Checks and writes list[at], which is on top. A failure names it. */
static int put_account(struct aicc_call *call, const char *name, size_t at, struct aicc_strset *seen, int *written) {
  lua_State *L = call->L;
  size_t size;
  if (lua_type(L, -1) != LUA_TSTRING) {
    aicc_failure_say(refuse(call, "argument"), "%s[%zu]: expected a string, got %s", name, at, luaL_typename(L, -1));
    return 0;
  }
  const char *text = lua_tolstring(L, -1, &size);
  if (size == 0 || size > MAX_ACCOUNT) {
    struct aicc_failure *failure = refuse(call, "argument");
    if (size == 0)
      aicc_failure_say(failure, "%s[%zu]: expected 1 to %d bytes, got an empty string", name, at, MAX_ACCOUNT);
    else
      aicc_failure_say(failure, "%s[%zu]: expected 1 to %d bytes, got %zu", name, at, MAX_ACCOUNT, size);
    return 0;
  }
  enum aicc_status status = aicc_json_check_text(text, size);
  if (status != AICC_OK) {
    char item[64];
    snprintf(item, sizeof item, "%s[%zu]", name, at);
    return put_done(call, status, item);
  }
  *written = aicc_strset_add(seen, text, size);
  if (!*written || call->body == NULL) return 1;
  if (call->body->data[call->body->length - 1] == '"') status = aicc_json_literal(call->body, ",");
  if (status == AICC_OK) status = aicc_json_string(call->body, text, size);
  return put_done(call, status, name);
}

/* Writes the items of the list on top, which has `count` keys. */
static int put_items(struct aicc_call *call, const char *name, size_t count) {
  lua_State *L = call->L;
  int list = lua_gettop(L), copy = 0;
  struct aicc_strset_slot small[SMALL_LIST * 2], *slots = small;
  struct aicc_strset seen;
  size_t slot_count = aicc_strset_slots(count);
  luaL_checkstack(L, 6, "account list");
  if (slot_count > SMALL_LIST * 2) slots = aicc_newuserdata(L, slot_count * sizeof *slots);
  aicc_strset_init(&seen, slots, slot_count);
  if (call->copy != 0) {
    lua_newtable(L);
    copy = lua_gettop(L);
  }
  int copied = 0;
  for (size_t at = 1; at <= count; at++) {
    int written = 0;
    aicc_rawgeti(L, list, (lua_Integer)at);
    if (!put_account(call, name, at, &seen, &written)) return 0;
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
  return 1;
}

int aicc_put_accounts(struct aicc_call *call, const char *name, size_t most, int or_all) {
  lua_State *L = call->L;
  int type = get_field(call, name);
  if (or_all && is_all(L, -1)) {
    call->everybody = 1;
    done_with(call, name);
    return aicc_put_literal(call, "[]");
  }
  if (type != LUA_TTABLE && type != LUA_TNIL)
    return wrong_type(call, name, or_all ? "a list of strings or aicc.ALL" : "a list of strings", -1);
  size_t count = 0;
  if (type == LUA_TTABLE && !count_keys(call, name, &count)) return 0;
  if (count == 0) {
    aicc_failure_say(refuse(call, "guard"), "%s: expected at least one account, got %s%s", name,
                     type == LUA_TNIL ? "nil" : "an empty list",
                     or_all ? " (the API would take an empty list for everybody; to unbind everybody, pass aicc.ALL)" : "");
    return 0;
  }
  if (most > 0 && count > most) {
    aicc_failure_say(refuse(call, "argument"), "%s: expected at most %zu accounts, got %zu", name, most, count);
    return 0;
  }
  if (!aicc_put_literal(call, "[") || !put_items(call, name, count)) return 0;
  lua_pop(L, 1);
  return aicc_put_literal(call, "]");
}

/* ---- the whole call ---- */

static void check_fields(struct aicc_call *call) {
  lua_State *L = call->L;
  for (lua_pushnil(L); lua_next(L, call->arguments) != 0; lua_pop(L, 1)) {
    const char *const *known = call->operation->fields;
    const char *key = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : NULL;
    while (*known != NULL && (key == NULL || strcmp(*known, key) != 0)) known++;
    if (*known == NULL)
      luaL_error(L, "%s: unknown field '%s'", call->operation->name, key != NULL ? key : luaL_typename(L, -2));
  }
}

int aicc_call_write(struct aicc_call *call) {
  luaL_checkstack(call->L, 8, "arguments");
  if (lua_type(call->L, call->arguments) != LUA_TTABLE) return wrong_type(call, "arguments", "a table", call->arguments);
  call->everybody = 0;
  if (call->body != NULL) aicc_buf_wipe(call->body);
  check_fields(call);
  return call->operation->write(call);
}
