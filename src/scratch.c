/* scratch.c - a buffer on the Lua stack. See scratch.h. */
#include "scratch.h"

#define META "aicc.buffer" /* in the registry, where all modules of aicc find the same one */

static int buffer_gc(lua_State *L) {
  aicc_buf_free(luaL_checkudata(L, 1, META));
  return 0;
}

void aicc_scratch_open(lua_State *L) {
  luaL_newmetatable(L, META);
  lua_pushcfunction(L, buffer_gc); /* also where there is one: memory may have run out before it had this */
  lua_setfield(L, -2, "__gc");
  lua_pop(L, 1);
}

struct aicc_buf *aicc_scratch_push(lua_State *L, size_t limit) {
  struct aicc_buf *buf = aicc_newuserdata(L, sizeof *buf);
  aicc_buf_init(buf, limit);
  luaL_setmetatable(L, META);
  return buf;
}

struct aicc_buf *aicc_scratch_copy(lua_State *L, const char *text, size_t size) {
  struct aicc_buf *buf = aicc_scratch_push(L, size > 0 ? size : 1);
  if (aicc_buf_reserve(buf, 1) != AICC_OK || aicc_buf_append(buf, text, size) != AICC_OK) luaL_error(L, "not enough memory");
  return buf;
}

void aicc_scratch_finish(lua_State *L, struct aicc_buf *buf, size_t size) {
  lua_pushlstring(L, buf->data, size);
  aicc_buf_free(buf);
  lua_replace(L, -2);
}
