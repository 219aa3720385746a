/* wait.c - lets Ctrl-C end a wait in C. See wait.h. */
#include "portable.h" /* sigset_t, in sys.h */

#include "wait.h"

#include "sys.h"

/*
** Whether the main thread has a hook that fires at its very next instruction, as the interpreter's SIGINT handler sets: then that
** thread has not run since. The signal may have come while a coroutine ran, or while the call's arguments were written.
*/
static int is_due(lua_State *L) {
  static const int all = LUA_MASKCALL | LUA_MASKRET | LUA_MASKCOUNT;
  return lua_gethook(L) != NULL && lua_gethookcount(L) == 1 && (lua_gethookmask(L) & all) == all;
}

void aicc_wait_begin(lua_State *L, struct aicc_wait *wait) {
  wait->main = aicc_mainthread(L);
  wait->hook = is_due(wait->main) ? NULL : lua_gethook(wait->main);
  wait->was_interrupted = aicc_sys_interrupted();
}

int aicc_wait_interrupted(const struct aicc_wait *wait) {
  return lua_gethook(wait->main) != wait->hook || aicc_sys_interrupted() != wait->was_interrupted;
}
