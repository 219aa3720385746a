/*
** sharedlib.c - core.shared_*: shared.h's values for Lua (aicc.shared). All may raise; none holds the mutex or memory meanwhile.
*/
#include "lib.h"

#include <string.h>

#include "shared.h"

/* A part's prefix and a key in it, put together in `bytes`: so no string has to be made of them. */
struct whole_key {
  char bytes[AICC_SHARED_KEY];
  struct aicc_shared_key key;
};

/* The prefix at 1 and the key at 2, where it is wanted: 1 to AICC_SHARED_KEY bytes together, without NUL. */
static struct aicc_shared_key check_key(lua_State *L, struct whole_key *whole, int is_prefix) {
  size_t before, size = 0;
  const char *prefix = luaL_checklstring(L, 1, &before), *key = is_prefix ? "" : luaL_checklstring(L, 2, &size);
  luaL_argcheck(L, before <= sizeof whole->bytes && size <= sizeof whole->bytes - before && before + size > 0 &&
                memchr(prefix, '\0', before) == NULL && memchr(key, '\0', size) == NULL, is_prefix ? 1 : 2,
                "expected a key of 1 to 256 bytes without NUL, its part's name included");
  memcpy(whole->bytes, prefix, before);
  memcpy(whole->bytes + before, key, size);
  whole->key.text = whole->bytes;
  whole->key.size = before + size;
  return whole->key;
}

static double check_seconds(lua_State *L, int index) {
  double seconds = luaL_optnumber(L, index, 0);
  luaL_argcheck(L, seconds >= 0 && seconds < 1e9, index, "expected seconds, or 0 for no end");
  return seconds;
}

/* core.shared_get(prefix, key) -> string | number | nil */
static int shared_get(lua_State *L) {
  struct whole_key whole;
  struct aicc_shared_key key = check_key(L, &whole, 0);
  char few[512]; /* most values are short */
  char *text = few;
  size_t capacity = sizeof few, size = 0;
  for (;;) { /* it may have grown when there is room for it */
    double number = 0;
    enum aicc_shared_kind kind = aicc_shared_get(key, &number, text, capacity, &size);
    if (kind == AICC_SHARED_TEXT && size > capacity) {
      capacity = size;
      text = aicc_newuserdata(L, capacity);
      continue;
    }
    if (kind == AICC_SHARED_TEXT)
      lua_pushlstring(L, text, size);
    else if (kind == AICC_SHARED_NUMBER)
      lua_pushnumber(L, number);
    else
      lua_pushnil(L);
    return 1;
  }
}

static int push_result(lua_State *L, enum aicc_shared_result result) {
  static const char *const words[] = {NULL, "exists", "not found", "not a number", "no memory"}; /* as nginx says it */
  if (result == AICC_SHARED_DONE) {
    lua_pushboolean(L, 1);
    return 1;
  }
  lua_pushnil(L);
  lua_pushstring(L, words[result]);
  return 2;
}

/* core.shared_set(prefix, key, string | number, [seconds], [only_new]) -> true | nil, why */
static int shared_set(lua_State *L) {
  struct whole_key whole;
  struct aicc_shared_key key = check_key(L, &whole, 0);
  double seconds = check_seconds(L, 4);
  const char *text = NULL;
  size_t size = 0;
  double number = 0;
  if (lua_type(L, 3) == LUA_TNUMBER)
    number = lua_tonumber(L, 3);
  else
    text = luaL_checklstring(L, 3, &size);
  luaL_argcheck(L, size <= AICC_SHARED_VALUE, 3, "expected at most 65536 bytes");
  return push_result(L, aicc_shared_set(key, text, size, number, seconds, lua_toboolean(L, 5)));
}

/* core.shared_add(prefix, key, by, [first], [seconds]) -> the sum | nil, why */
static int shared_add(lua_State *L) {
  struct whole_key whole;
  struct aicc_shared_key key = check_key(L, &whole, 0);
  double by = luaL_checknumber(L, 3), first = luaL_optnumber(L, 4, 0), sum = 0;
  enum aicc_shared_result result =
      aicc_shared_add(key, by, lua_isnoneornil(L, 4) ? NULL : &first, check_seconds(L, 5), &sum);
  if (result != AICC_SHARED_DONE) return push_result(L, result);
  lua_pushnumber(L, sum);
  return 1;
}

/* core.shared_delete(prefix, key) */
static int shared_delete(lua_State *L) {
  struct whole_key whole;
  aicc_shared_delete(check_key(L, &whole, 0));
  return 0;
}

/* core.shared_keys(prefix) -> array of what is behind it in the keys that begin with it */
static int shared_keys(lua_State *L) {
  struct whole_key whole;
  struct aicc_shared_key prefix = check_key(L, &whole, 1);
  size_t capacity = 4096, size;
  char *text;
  for (;;) {
    text = aicc_newuserdata(L, capacity);
    size = aicc_shared_keys(prefix, text, capacity);
    if (size <= capacity) break;
    capacity = size + 4096;
  }
  lua_newtable(L);
  lua_Integer n = 0;
  for (size_t at = 0; at < size; at += strlen(text + at) + 1) {
    lua_pushstring(L, text + at);
    lua_rawseti(L, -2, (int)++n);
  }
  return 1;
}

void aicc_sharedlib_open(lua_State *L) {
  static const luaL_Reg functions[] = {{"shared_get", shared_get},       {"shared_set", shared_set},   {"shared_add", shared_add},
                                       {"shared_delete", shared_delete}, {"shared_keys", shared_keys}, {NULL, NULL}};
  luaL_setfuncs(L, functions, 0);
}
