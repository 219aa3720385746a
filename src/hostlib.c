/*
** hostlib.c - core.in_haproxys_coroutine: whether what runs is a coroutine that HAProxy itself resumes.
**
** HAProxy keeps, in the extra space that Lua has for each coroutine, a pointer to its own record of it, whose first member is the
** coroutine's lua_State: from 1.6 on, which had Lua first, to 3.5 (hlua_gethlua in its hlua.c, struct hlua in hlua-t.h). A
** coroutine that Lua code makes has NULL there, as the main thread has, or, from 2.8 on where coroutine.create made it, its maker's
** record.
*/
#include "hostlib.h"

/* core.in_haproxys_coroutine() -> boolean: only to be called in HAProxy */
static int in_haproxys_coroutine(lua_State *L) {
  lua_State **record = aicc_extra(L);
  lua_pushboolean(L, record != NULL && *record == L);
  return 1;
}

void aicc_hostlib_open(lua_State *L) {
  lua_pushcfunction(L, in_haproxys_coroutine);
  lua_setfield(L, -2, "in_haproxys_coroutine");
}
