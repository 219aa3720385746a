/* session.c - one pool of connections to one API. See session.h. */
#include "session.h"

#include <stdlib.h>
#include <string.h>

struct aicc_session *aicc_session_check(lua_State *L) { return luaL_checkudata(L, 1, AICC_SESSION_META); }

int aicc_session_refuse(lua_State *L, const char *operation) {
  struct aicc_error failure;
  aicc_error_init(&failure, operation, "closed", AICC_NOT_SENT);
  aicc_error_say(&failure, "the session is closed");
  return aicc_error_push(L, &failure, NULL);
}

void aicc_session_hold_sigpipe(const struct aicc_session *session, struct aicc_sys_sigpipe *held) {
  if (!session->libcurl->is_quiet) aicc_sys_hold_sigpipe(held);
}

void aicc_session_release_sigpipe(const struct aicc_session *session, const struct aicc_sys_sigpipe *held) {
  if (!session->libcurl->is_quiet) aicc_sys_release_sigpipe(held);
}

void aicc_session_close(struct aicc_session *session) {
  struct aicc_sys_sigpipe sigpipe;
  session->is_open = 0;
  aicc_session_hold_sigpipe(session, &sigpipe); /* TLS says goodbye */
  aicc_pool_close(&session->pool);
  aicc_session_release_sigpipe(session, &sigpipe);
  aicc_headers_release(session->headers);
  session->headers = NULL;
  if (session->headers_token != NULL) aicc_buf_overwrite(session->headers_token, strlen(session->headers_token));
  free(session->headers_token);
  session->headers_token = NULL;
}

void aicc_session_free(struct aicc_session *session) {
  aicc_session_close(session);
  aicc_pool_free(&session->pool);
  aicc_xfer_free(session->draft);
  session->draft = NULL;
  free(session->watched);
  session->watched = NULL;
  session->most_watched = 0;
  aicc_options_free(&session->options);
}
