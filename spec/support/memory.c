/*
** memory.c - what malloc has given out in this process: the Lua module `memory`, with used() -> bytes, and trim(), which gives
** what is free back to the system. Of glibc.
*/
#include <lauxlib.h>
#include <malloc.h>

static int memory_used(lua_State *L) {
  struct mallinfo2 info = mallinfo2();
  lua_pushinteger(L, (lua_Integer)(info.uordblks + info.hblkhd));
  return 1;
}

static int memory_trim(lua_State *L) {
  (void)L;
  malloc_trim(0);
  return 0;
}

int luaopen_memory(lua_State *L) {
  static const luaL_Reg functions[] = {{"used", memory_used}, {"trim", memory_trim}, {NULL, NULL}};
  luaL_newlib(L, functions);
  return 1;
}
