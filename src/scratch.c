/* scratch.c - a buffer on the Lua stack. See scratch.h. */
#include "scratch.h"

#define META "aicc.buffer"

static int buffer_gc(lua_State *L) {
  aicc_buf_free(luaL_checkudata(L, 1, META));
  return 0;
}

void aicc_scratch_open(lua_State *L) {
  if (luaL_newmetatable(L, META)) {
    lua_pushcfunction(L, buffer_gc);
    lua_setfield(L, -2, "__gc");
  }
  lua_pop(L, 1);
}

struct aicc_buf *aicc_scratch_push(lua_State *L) {
  struct aicc_buf *buf = aicc_newuserdata(L, sizeof *buf);
  aicc_buf_init(buf, AICC_REQUEST_LIMIT);
  luaL_setmetatable(L, META);
  return buf;
}
