/*
** shape.c - the shapes in which the API's replies come. See shape.h.
**
** The decoder is an instance of lua-cjson of our own, so that nobody's settings of the shared one change what a reply means.
**
** The documents contradict themselves: a table shows a listing in an object `schema`, the example beside it none; the table calls
** an agent's account `userAccount`, the example `accountCode`; a sibling's `count` is `total`, its numbers are strings of digits.
** Whoever reads only one of these takes the other for a queue without agents, and that for work that is done.
*/
#include "shape.h"

#include <math.h>
#include <string.h>

#include "flat.h"

#define MAX_DEPTH 32
#define TOO_LARGE 9007199254740992.0 /* 2^53: a double does not have every integer any more */
#define MAX_DIGITS 15                /* of which it has all */

static const char decode_key = 0; /* its address is the registry key of the decoder */

/* ---- JSON in ---- */

void aicc_shape_open(lua_State *L) {
  lua_getglobal(L, "require");
  lua_pushliteral(L, "cjson.safe");
  lua_call(L, 1, 1);
  lua_getfield(L, -1, "new");
  lua_call(L, 0, 1);
  lua_getfield(L, -1, "decode_invalid_numbers");
  lua_pushboolean(L, 0);
  lua_call(L, 1, 0);
  lua_getfield(L, -1, "decode_max_depth");
  lua_pushinteger(L, MAX_DEPTH);
  lua_call(L, 1, 0);
  lua_getfield(L, -1, "decode");
  lua_rawsetp(L, LUA_REGISTRYINDEX, &decode_key);
  lua_pop(L, 2);
}

/* How many members the objects in a text have that the decoder has taken: each has the one colon that is not in a string. */
static size_t count_members(struct aicc_text body) {
  size_t members = 0;
  int quoted = 0;
  for (size_t i = 0; i < body.size; i++) {
    if (body.data[i] == '"') quoted = !quoted;
    if (body.data[i] == '\\' && quoted) i++;
    members += body.data[i] == ':' && !quoted;
  }
  return members;
}

/*
** In the table on top and those in it: integral floats become integers, and null becomes nil (cjson's own is truthy), but
** false in an array, which nil at its end would make a shorter one. Returns how many members of objects there are, by their keys,
** which are strings.
*/
static size_t tidy(lua_State *L) {
  size_t members = 0;
  luaL_checkstack(L, 6, "reply");
  for (lua_pushnil(L); lua_next(L, -2) != 0;) {
    lua_Number number = aicc_is_float(L, -1) ? lua_tonumber(L, -1) : 0.5;
    members += lua_type(L, -2) == LUA_TSTRING;
    if (lua_istable(L, -1)) {
      members += tidy(L); /* no deeper than MAX_DEPTH */
      lua_pop(L, 1);
    } else if (number == floor(number) && fabs(number) < TOO_LARGE) {
      lua_pop(L, 1);
      lua_pushvalue(L, -1);
      aicc_pushwhole(L, number);
      lua_rawset(L, -4);
    } else if (lua_islightuserdata(L, -1)) {
      lua_pop(L, 1);
      lua_pushvalue(L, -1);
      if (lua_type(L, -1) == LUA_TSTRING)
        lua_pushnil(L);
      else
        lua_pushboolean(L, 0);
      lua_rawset(L, -4); /* giving a value, or nil, to a field that is there is allowed while its table is walked */
    } else {
      lua_pop(L, 1);
    }
  }
  return members;
}

/* Whether the two values on top, one beside `schema` and one in it, are both there and not the same. */
static int differ(lua_State *L) {
  if (lua_isnil(L, -1) || lua_isnil(L, -2)) return 0;
  lua_tostring(L, -1); /* both are copies: "0" and 0 mean the same */
  lua_tostring(L, -2);
  return !lua_rawequal(L, -1, -2);
}

/* Moves the fields of `schema` up, beside it. Returns 0 where a field that decides stands in both, and differs. */
static int lift_schema(lua_State *L) {
  static const char *const decisive[] = {"resultCode", "returnCode", "count", "total", "data"};
  int agrees = 1;
  if (aicc_getfield(L, -1, "schema") == LUA_TTABLE) {
    for (size_t i = 0; i < sizeof decisive / sizeof *decisive; i++) {
      lua_getfield(L, -2, decisive[i]);
      lua_getfield(L, -2, decisive[i]);
      if (differ(L)) agrees = 0;
      lua_pop(L, 2);
    }
    for (lua_pushnil(L); lua_next(L, -2) != 0; lua_pop(L, 1)) {
      lua_pushvalue(L, -2);
      lua_rawget(L, -5);
      int absent = lua_isnil(L, -1);
      lua_pop(L, 1);
      if (!absent) continue;
      lua_pushvalue(L, -2);
      lua_pushvalue(L, -2);
      lua_rawset(L, -6);
    }
    lua_pushnil(L);
    lua_setfield(L, -3, "schema");
  }
  lua_pop(L, 1);
  return agrees;
}

int aicc_shape_push(lua_State *L, struct aicc_text body) {
  static const char bom[] = "\xEF\xBB\xBF";
  if (body.size >= 3 && memcmp(body.data, bom, 3) == 0) {
    body.data += 3;
    body.size -= 3;
  }
  if (body.size == 0) return 0;
  if (aicc_flat_push(L, body)) return 1; /* with nothing in it to tidy or to lift */
  if (memchr(body.data, '\0', body.size) != NULL) return 0; /* which JSON has nowhere: for the decoder the text ends at one */
  lua_rawgetp(L, LUA_REGISTRYINDEX, &decode_key);
  lua_pushlstring(L, body.data, body.size);
  lua_call(L, 1, 1);
  if (!lua_istable(L, -1)) {
    lua_pop(L, 1);
    return 0;
  }
  /* Of a name that an object has twice, the decoder keeps the last, others the first: nobody knows which is meant. */
  if (tidy(L) == count_members(body) && lift_schema(L)) return 1;
  lua_pop(L, 1);
  return -1;
}

/* ---- a listing ---- */

/* Whether the value on top is a number, or a string of digits, that is an integer from 0. */
static int is_count(lua_State *L) {
  size_t size = 0;
  const char *text = lua_type(L, -1) == LUA_TSTRING ? lua_tolstring(L, -1, &size) : NULL;
  if (text != NULL) return size > 0 && size <= MAX_DIGITS && strspn(text, "0123456789") == size;
  lua_Number number = lua_type(L, -1) == LUA_TNUMBER ? lua_tonumber(L, -1) : -1;
  return number >= 0 && number < TOO_LARGE && number == floor(number);
}

void aicc_shape_number(lua_State *L, const char *name) {
  if (aicc_getfield(L, -1, name) == LUA_TSTRING && is_count(L)) {
    aicc_pushwhole(L, lua_tonumber(L, -1));
    lua_setfield(L, -3, name);
  }
  lua_pop(L, 1);
}

int aicc_shape_count(lua_State *L) {
  static const char *const names[] = {"count", "total"};
  lua_Number largest = -1;
  for (int i = 0; i < 2; i++) {
    int type = aicc_getfield(L, -1, names[i]);
    int usable = is_count(L);
    if (usable && lua_tonumber(L, -1) > largest) largest = lua_tonumber(L, -1);
    lua_pop(L, 1);
    if (type != LUA_TNIL && !usable) return 0;
  }
  if (largest < 0) return 0;
  aicc_pushwhole(L, largest);
  lua_setfield(L, -2, "count");
  return 1;
}

int aicc_shape_account(lua_State *L) {
  int own = aicc_getfield(L, -1, "userAccount"), other = aicc_getfield(L, -2, "accountCode");
  int has_own = own == LUA_TSTRING && lua_rawlen(L, -2) > 0, has_other = other == LUA_TSTRING && lua_rawlen(L, -1) > 0;
  if (!has_own) {
    if (has_other)
      lua_pushvalue(L, -1);
    else
      lua_pushnil(L);
    lua_setfield(L, -4, "userAccount");
    if (has_other) {
      lua_pushnil(L);
      lua_setfield(L, -4, "accountCode");
    }
  }
  lua_pop(L, 2);
  return (own == LUA_TSTRING || own == LUA_TNIL) && (other == LUA_TSTRING || other == LUA_TNIL);
}

lua_Integer aicc_shape_array(lua_State *L) {
  lua_Integer count = 0;
  for (lua_pushnil(L); lua_next(L, -2) != 0; lua_pop(L, 1)) count++;
  for (lua_Integer i = 1; i <= count; i++) { /* an object in place of the array leaves a hole */
    int type = aicc_rawgeti(L, -1, i);
    lua_pop(L, 1);
    if (type == LUA_TNIL) return -1;
  }
  return count;
}

/* Makes agents of the values of the table on top, with whatever fields they have; returns how many, or -1 where they are none. */
static lua_Integer read_agents(lua_State *L) {
  static const char *const numbers[] = {"workNo", "agentType", "agentWeight", "skillWeight"};
  for (lua_pushnil(L); lua_next(L, -2) != 0; lua_pop(L, 1)) {
    if (!lua_istable(L, -1) || !aicc_shape_account(L)) {
      lua_pop(L, 2);
      return -1;
    }
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) aicc_shape_number(L, numbers[i]);
  }
  return aicc_shape_array(L);
}

const char *aicc_shape_page(lua_State *L) {
  if (!aicc_shape_count(L)) return "a count";
  int type = aicc_getfield(L, -1, "data");
  lua_Integer agents = type == LUA_TTABLE ? read_agents(L) : -1;
  lua_pop(L, 1);
  if (agents < 0) return "an array of agents as data";
  type = aicc_getfield(L, -1, "resultCode");
  lua_pop(L, 1);
  /* It is optional in the table. Agents are an answer without it; "nobody" is one only if it is said to be a success. */
  return type == LUA_TSTRING || type == LUA_TNUMBER || (type == LUA_TNIL && agents > 0) ? NULL : "a resultCode";
}
