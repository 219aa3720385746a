/*
** lua.c - fuzzes what is written in Lua: target NAME runs spec/fuzz/NAME.lua, which returns a function that takes the input, a
** string, and raises where what must hold does not. The C half is linked into it, with the sanitizers.
**
** libFuzzer sees the C half's branches by itself. Of Lua it is told here: a hook counts each step from one line to another in
** what libFuzzer takes for counters of its own, so that an input that goes a new way in Lua is kept like any other.
*/
#include <lauxlib.h>
#include <lualib.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int luaopen_aicc_core(lua_State *L);

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

#define STEPS (1u << 15)

__attribute__((section("__libfuzzer_extra_counters"))) static unsigned char steps[STEPS];

static lua_State *L;
static uint32_t line_before;

/* A line of a file begins. The file is told by its name's address, which is the same in all of its functions. */
static void on_line(lua_State *thread, lua_Debug *info) {
  lua_getinfo(thread, "S", info);
  uint32_t line = ((uint32_t)((uintptr_t)info->source >> 4) + (uint32_t)info->currentline) * 2654435761u;
  steps[(line ^ line_before) >> 17]++;
  line_before = line >> 1;
}

static int with_traceback(lua_State *thread) {
  luaL_traceback(thread, thread, luaL_tolstring(thread, 1, NULL), 1);
  return 1;
}

static void fail(void) {
  fprintf(stderr, "%s\n", lua_tostring(L, -1));
  abort();
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
  const char *name = strrchr((*argv)[0], '/'), *folder = getenv("AICC_FUZZ_TARGETS");
  (void)argc;
  L = luaL_newstate();
  luaL_openlibs(L);
  lua_getglobal(L, "package");
  lua_getfield(L, -1, "preload");
  lua_pushcfunction(L, luaopen_aicc_core);
  lua_setfield(L, -2, "aicc.core");
  lua_settop(L, 0);
  lua_pushcfunction(L, with_traceback);
  lua_pushfstring(L, "%s/%s.lua", folder != NULL ? folder : "spec/fuzz", name != NULL ? name + 1 : (*argv)[0]);
  if (luaL_loadfile(L, lua_tostring(L, -1)) != LUA_OK || lua_pcall(L, 0, 1, 1) != LUA_OK) fail();
  lua_replace(L, 2); /* from here on: the handler, the target */
  lua_sethook(L, on_line, LUA_MASKLINE, 0);
  return 0;
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size) {
  line_before = 0;
  lua_settop(L, 2);
  lua_pushvalue(L, 2);
  lua_pushlstring(L, (const char *)data, size);
  if (lua_pcall(L, 1, 0, 1) != LUA_OK) fail();
  return 0;
}
