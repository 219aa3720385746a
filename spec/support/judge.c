/*
** judge.c - the Lua module `judge`: what the C half makes of a transfer that libcurl ended. judge(code, sent) -> kind, outcome,
** retryable
*/
#include "../../src/buf.c"
#include "../../src/curlerror.c"
#include "../../src/error.c"
#include "../../src/json.c"
#include "../../src/scratch.c"
#include "../../src/text.c"
#include "../../src/scrub.c"

static int judge(lua_State *L) {
  struct aicc_xfer xfer;
  struct aicc_error failure;
  memset(&xfer, 0, sizeof xfer);
  xfer.ending = AICC_BY_CURL;
  xfer.code = (CURLcode)luaL_checkinteger(L, 1);
  xfer.was_written = lua_toboolean(L, 2);
  xfer.requests = (unsigned)xfer.was_written;
  aicc_error_init(&failure, "release_agent_by_skill", "network", AICC_UNKNOWN);
  aicc_curlerror_judge(&xfer, &failure);
  lua_pushstring(L, failure.kind);
  lua_pushstring(L, failure.outcome);
  lua_pushboolean(L, failure.retryable);
  return 3;
}

int luaopen_judge(lua_State *L) {
  lua_pushcfunction(L, judge);
  return 1;
}
