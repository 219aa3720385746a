/*
** arguments.c - a call's arguments, checked and written as JSON. See arguments.h.
**
** A wrong type raises, a wrong content becomes a failure (doc/semantics.md, sections 1 and 2). Nothing here is held on the C
** stack while Lua may raise: the body is its owner's.
*/
#include "arguments.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "json.h"

const char *aicc_arguments_called(const struct aicc_arguments *call, const char *name) {
  static const char *const names[][2] = {
      {"skillId", "skill_id"},         {"userAccounts", "accounts"},    {"userAccount", "account"},
      {"agentWeight", "agent_weight"}, {"skillWeight", "skill_weight"}, {"skillIds", "ids"},
  };
  for (size_t i = 0; call->is_method && i < sizeof names / sizeof *names; i++)
    if (strcmp(names[i][0], name) == 0) return names[i][1];
  return name;
}

struct aicc_error *aicc_arguments_refuse(struct aicc_arguments *call, const char *kind) {
  aicc_error_init(&call->failure, call->name, kind, AICC_NOT_SENT);
  return &call->failure;
}

int aicc_arguments_judge(struct aicc_arguments *call, enum aicc_buf_status status, const char *name) {
  if (status == AICC_OK) return 1;
  if (status == AICC_NO_MEMORY) return luaL_error(call->L, "not enough memory");
  call->is_too_long = status == AICC_TOO_LONG;
  name = aicc_arguments_called(call, name);
  if (status == AICC_BAD_UTF8)
    aicc_error_say(aicc_arguments_refuse(call, "argument"), "%s: expected valid UTF-8, got broken bytes", name);
  else if (status == AICC_CONTROL)
    aicc_error_say(aicc_arguments_refuse(call, "argument"), "%s: expected no control characters, got one (a line's end?)",
                     name);
  else
    aicc_error_say(aicc_arguments_refuse(call, "argument"), "%s: the request would be larger than %zu bytes", name,
                     call->body->limit);
  return 0;
}

int aicc_arguments_put_json(struct aicc_arguments *call, const char *text, size_t size) {
  return call->body == NULL || aicc_arguments_judge(call, aicc_buf_append(call->body, text, size), "arguments");
}

/* Pushes the value of the field, one of those that stand on the stack in the order of the operation's fields. */
static void push_value(struct aicc_arguments *call, const char *name) {
  int at = 0;
  while (strcmp(call->fields[at], name) != 0) at++;
  if (call->values + at <= call->last_value)
    lua_pushvalue(call->L, call->values + at);
  else
    lua_pushnil(call->L);
}

int aicc_arguments_get(struct aicc_arguments *call, const char *name) {
  if (call->values != 0) {
    push_value(call, name);
  } else {
    lua_pushstring(call->L, name);
    lua_rawget(call->L, call->arguments);
  }
  return lua_type(call->L, -1);
}

int aicc_arguments_have(struct aicc_arguments *call, const char *name) {
  int type = aicc_arguments_get(call, name);
  lua_pop(call->L, 1);
  return type != LUA_TNIL;
}

void aicc_arguments_done(struct aicc_arguments *call, const char *name) {
  if (call->copy != 0)
    lua_setfield(call->L, call->copy, name);
  else
    lua_pop(call->L, 1);
}

int aicc_arguments_raise(struct aicc_arguments *call, const char *format, ...) {
  va_list values;
  va_start(values, format);
  luaL_where(call->L, call->level);
  lua_pushvfstring(call->L, format, values);
  va_end(values);
  lua_concat(call->L, 2);
  return lua_error(call->L);
}

int aicc_arguments_mistyped(struct aicc_arguments *call, const char *name, const char *expected, int index) {
  return aicc_arguments_raise(call, "%s: %s: expected %s, got %s", call->method, aicc_arguments_called(call, name), expected,
                              luaL_typename(call->L, index));
}

/* ---- integers ---- */

int aicc_arguments_get_integer(struct aicc_arguments *call, const char *name, double least, double most, double otherwise,
                               int64_t *found) {
  lua_State *L = call->L;
  int type = aicc_arguments_get(call, name);
  if (type != LUA_TNUMBER && !(type == LUA_TNIL && otherwise != AICC_REQUIRED))
    return aicc_arguments_mistyped(call, name, "an integer", -1);
  double value = type == LUA_TNIL ? otherwise : (double)lua_tonumber(L, -1);
  if (!(value >= least && value <= most) || value != floor(value)) {
    char got[40];
    if (isnan(value))
      strcpy(got, "NaN");
    else
      snprintf(got, sizeof got, "%.17g", value);
    aicc_error_say(aicc_arguments_refuse(call, "argument"), "%s: expected an integer from %.0f to %.0f, got %s",
                   aicc_arguments_called(call, name), least, most, got);
    return 0;
  }
  lua_pop(L, 1);
  aicc_pushwhole(L, value);
  aicc_arguments_done(call, name);
  *found = (int64_t)value;
  return 1;
}

int aicc_arguments_put_integer(struct aicc_arguments *call, const char *name, double least, double most, double otherwise) {
  int64_t value;
  if (!aicc_arguments_get_integer(call, name, least, most, otherwise, &value)) return 0;
  return call->body == NULL || aicc_arguments_judge(call, aicc_json_integer(call->body, value), name);
}

int aicc_arguments_put_skill(struct aicc_arguments *call) {
  static const char name[] = "skillId";
  return aicc_arguments_get_integer(call, name, 1, AICC_MAX_INTEGER, AICC_REQUIRED, &call->skill) &&
         (call->body == NULL || aicc_arguments_judge(call, aicc_json_integer(call->body, call->skill), name));
}

/* Checks and writes list[at], which is on top, as a string. */
static int put_item(struct aicc_arguments *call, const char *name, size_t at) {
  double value = lua_type(call->L, -1) == LUA_TNUMBER ? (double)lua_tonumber(call->L, -1) : 0;
  if (!(value >= 1 && value <= AICC_MAX_INTEGER) || value != floor(value)) {
    char got[40];
    if (lua_type(call->L, -1) == LUA_TNUMBER)
      snprintf(got, sizeof got, "%.17g", value);
    else
      snprintf(got, sizeof got, "%s", luaL_typename(call->L, -1));
    aicc_error_say(aicc_arguments_refuse(call, "argument"), "%s[%zu]: expected an integer from 1 to %.0f, got %s",
                   aicc_arguments_called(call, name), at, AICC_MAX_INTEGER, got);
    return 0;
  }
  return call->body == NULL || ((at == 1 || aicc_arguments_put_literal(call, ",")) && aicc_arguments_put_literal(call, "\"") &&
                                aicc_arguments_judge(call, aicc_json_integer(call->body, (int64_t)value), name) &&
                                aicc_arguments_put_literal(call, "\""));
}

int aicc_arguments_put_integers(struct aicc_arguments *call, const char *name, size_t most) {
  lua_State *L = call->L;
  if (aicc_arguments_get(call, name) != LUA_TTABLE) return aicc_arguments_mistyped(call, name, "a list of integers", -1);
  size_t keys = 0;
  for (lua_pushnil(L); lua_next(L, -2) != 0; lua_pop(L, 1)) keys++;
  if (keys == 0 || keys > most) {
    aicc_error_say(aicc_arguments_refuse(call, "argument"), "%s: expected 1 to %zu integers, got %zu",
                   aicc_arguments_called(call, name), most, keys);
    return 0;
  }
  lua_createtable(L, (int)keys, 0);
  if (!aicc_arguments_put_literal(call, "[")) return 0;
  for (size_t at = 1; at <= keys; at++) {
    aicc_rawgeti(L, -2, (lua_Integer)at);
    if (!put_item(call, name, at)) return 0;
    double value = (double)lua_tonumber(L, -1);
    lua_pop(L, 1);
    aicc_pushwhole(L, value);
    lua_rawseti(L, -2, (int)at);
  }
  lua_remove(L, -2);
  aicc_arguments_done(call, name);
  return aicc_arguments_put_literal(call, "]");
}

/* ---- texts ---- */

int aicc_arguments_put_text(struct aicc_arguments *call, const char *name, size_t most) {
  size_t size;
  if (aicc_arguments_get(call, name) != LUA_TSTRING) return aicc_arguments_mistyped(call, name, "a string", -1);
  const char *text = lua_tolstring(call->L, -1, &size);
  if (size == 0 || size > most) {
    struct aicc_error *failure = aicc_arguments_refuse(call, "argument");
    name = aicc_arguments_called(call, name);
    if (size == 0)
      aicc_error_say(failure, "%s: expected 1 to %zu bytes, got an empty string", name, most);
    else
      aicc_error_say(failure, "%s: expected 1 to %zu bytes, got %zu", name, most, size);
    return 0;
  }
  enum aicc_buf_status status = aicc_json_check_text(text, size);
  if (status == AICC_OK && call->body != NULL) status = aicc_json_string(call->body, text, size);
  aicc_arguments_done(call, name);
  return aicc_arguments_judge(call, status, name);
}

int aicc_arguments_get_word(struct aicc_arguments *call, const char *name, const char *const *words, int *found) {
  int type = aicc_arguments_get(call, name);
  if (type != LUA_TNIL && type != LUA_TSTRING) return aicc_arguments_mistyped(call, name, "a string", -1);
  const char *word = type == LUA_TSTRING ? lua_tostring(call->L, -1) : words[0];
  for (*found = 0; words[*found] != NULL && strcmp(words[*found], word) != 0;) ++*found;
  if (words[*found] == NULL) {
    aicc_error_say(aicc_arguments_refuse(call, "argument"), "%s: expected %s or %s, got '%.*s'", name, words[0], words[1],
                   (int)aicc_text_cut(word, strlen(word), 40), word);
    return 0;
  }
  aicc_arguments_done(call, name);
  return 1;
}

/* ---- credentials ---- */

int aicc_arguments_fit_header(const char *text, size_t size, int spaces) {
  if (size == 0 || size > AICC_MAX_HEADER_VALUE) return 0;
  for (size_t i = 0; i < size; i++)
    if ((unsigned char)text[i] < (spaces ? 0x20 : 0x21) || (unsigned char)text[i] > 0x7E) return 0;
  return 1;
}

int aicc_arguments_put_credential(struct aicc_arguments *call, const char *name, int for_header) {
  size_t size;
  if (aicc_arguments_get(call, name) != LUA_TSTRING) return aicc_arguments_mistyped(call, name, "a string", -1);
  const char *text = lua_tolstring(call->L, -1, &size);
  if (size < AICC_LEAST_SECRET || size > AICC_MAX_HEADER_VALUE || (for_header && !aicc_arguments_fit_header(text, size, 0))) {
    aicc_error_say(aicc_arguments_refuse(call, "argument"), "%s: expected %d to %d %s", name, AICC_LEAST_SECRET,
                   AICC_MAX_HEADER_VALUE,
                     for_header ? "visible ASCII characters without spaces" : "bytes");
    return 0;
  }
  enum aicc_buf_status status = aicc_json_check_text(text, size);
  if (status == AICC_OK && call->body != NULL) status = aicc_json_string(call->body, text, size);
  aicc_arguments_done(call, name);
  return aicc_arguments_judge(call, status, name);
}
