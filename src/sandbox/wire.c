/*
** wire.c - Lua values as bytes. See wire.h.
**
** A tag, then what it needs: a double, or a size and that many bytes, or pairs of keys and values up to the closing tag. Both
** ends are this very code in this very process, so there is neither byte order nor a version, and nothing is checked twice.
*/
#include "wire.h"

#include <stdint.h>
#include <string.h>

#include "compat.h"

#define MAX_DEPTH 32
#define EXACT 9007199254740992.0 /* 2^53 */

struct reader {
  const char *next;
  const char *end;
};

static void put_bytes(lua_State *L, struct aicc_buf *bytes, const void *data, size_t size) {
  if (aicc_buf_append(bytes, data, size) != AICC_OK) luaL_error(L, "sandbox: a value is too large to be passed on");
}

static void put_tag(lua_State *L, struct aicc_buf *bytes, char tag) { put_bytes(L, bytes, &tag, 1); }

static void put_value(lua_State *L, int index, struct aicc_buf *bytes, int depth) {
  switch (lua_type(L, index)) {
    case LUA_TNIL: put_tag(L, bytes, 'z'); break;
    case LUA_TBOOLEAN: put_tag(L, bytes, lua_toboolean(L, index) ? 't' : 'f'); break;
    case LUA_TNUMBER: {
      double number = (double)lua_tonumber(L, index);
      put_tag(L, bytes, 'n');
      put_bytes(L, bytes, &number, sizeof number);
      break;
    }
    case LUA_TSTRING: {
      size_t size;
      const char *text = lua_tolstring(L, index, &size);
      put_tag(L, bytes, 's');
      put_bytes(L, bytes, &size, sizeof size);
      put_bytes(L, bytes, text, size);
      break;
    }
    case LUA_TTABLE:
      if (depth >= MAX_DEPTH) luaL_error(L, "sandbox: a table is nested too deep");
      luaL_checkstack(L, 4, "sandbox: a table is nested too deep");
      put_tag(L, bytes, '{');
      lua_pushnil(L);
      while (lua_next(L, index) != 0) {
        int value = lua_gettop(L);
        put_value(L, value - 1, bytes, depth + 1);
        put_value(L, value, bytes, depth + 1);
        lua_pop(L, 1);
      }
      put_tag(L, bytes, '}');
      break;
    default: luaL_error(L, "sandbox: cannot pass on a %s", luaL_typename(L, index));
  }
}

void aicc_wire_put(lua_State *L, int first, struct aicc_buf *bytes) {
  int last = lua_gettop(L);
  for (int index = first; index <= last; index++) put_value(L, index, bytes, 0);
}

static void get_bytes(struct reader *reader, void *data, size_t size) {
  memcpy(data, reader->next, size);
  reader->next += size;
}

static void get_number(lua_State *L, struct reader *reader) {
  double number;
  get_bytes(reader, &number, sizeof number);
  if (number >= -EXACT && number <= EXACT && (double)(int64_t)number == number)
    aicc_pushwhole(L, number);
  else
    lua_pushnumber(L, (lua_Number)number);
}

static void get_string(lua_State *L, struct reader *reader) {
  size_t size;
  get_bytes(reader, &size, sizeof size);
  lua_pushlstring(L, reader->next, size);
  reader->next += size;
}

/* Pushes one value; pushes nothing and returns 0 at a closing tag. */
static int get_value(lua_State *L, struct reader *reader) {
  luaL_checkstack(L, 4, "sandbox: too many values");
  switch (*reader->next++) {
    case 'z': lua_pushnil(L); break;
    case 't': lua_pushboolean(L, 1); break;
    case 'f': lua_pushboolean(L, 0); break;
    case 'n': get_number(L, reader); break;
    case 's': get_string(L, reader); break;
    case '{':
      lua_newtable(L);
      while (get_value(L, reader)) {
        get_value(L, reader);
        lua_rawset(L, -3);
      }
      break;
    default: return 0;
  }
  return 1;
}

int aicc_wire_get(lua_State *L, const struct aicc_buf *bytes) {
  struct reader reader = {bytes->data, bytes->data + bytes->length};
  int count = 0;
  while (reader.next < reader.end) count += get_value(L, &reader);
  return count;
}
