/* error.c - the error table. See error.h. Functions that push may raise; none holds a C resource meanwhile. */
#include "error.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "scratch.h"
#include "scrub.h"

#define BODY_SHOWN 512 /* bytes of the reply's body in an error */

/* A secret may begin in what is shown and end beyond it, in whatever encoding: so much more is looked at. */
#define BODY_SCRUBBED (BODY_SHOWN + (24u << 10))

void aicc_error_add_secret(struct aicc_error_secrets *secrets, const char *data, size_t size) {
  if (data == NULL || size == 0 || secrets->count == AICC_MAX_SECRETS) return;
  int at = secrets->count++;
  for (; at > 0 && secrets->text[at - 1].size < size; at--) secrets->text[at] = secrets->text[at - 1];
  secrets->text[at].data = data;
  secrets->text[at].size = size;
}

void aicc_error_init(struct aicc_error *failure, const char *operation, const char *kind, const char *outcome) {
  memset(failure, 0, sizeof *failure);
  failure->operation = operation;
  failure->kind = kind;
  failure->outcome = outcome;
  failure->retry_after = -1;
}

void aicc_error_say(struct aicc_error *failure, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  int size = vsnprintf(failure->message, sizeof failure->message, format, arguments);
  if (size >= (int)sizeof failure->message)
    failure->message[aicc_text_cut(failure->message, sizeof failure->message - 1, sizeof failure->message - 2)] = '\0';
  va_end(arguments);
}

/* Pushes the text without the secrets, at most `shown` bytes of it, as aicc_text_fit makes it. */
static void push_scrubbed(lua_State *L, const char *data, size_t size, size_t shown, int one_line,
                          const struct aicc_error_secrets *secrets) {
  struct aicc_buf *copy = aicc_scratch_copy(L, data, size);
  for (int i = 0; secrets != NULL && i < secrets->count; i++)
    size = aicc_scrub_replace(copy->data, size, secrets->text[i].data, secrets->text[i].size);
  aicc_scratch_finish(L, copy, aicc_text_fit(copy->data, size, shown, one_line));
}

void aicc_error_scrub(lua_State *L, const struct aicc_error_secrets *secrets, struct aicc_text *text) {
  size_t size = aicc_text_cut(text->data, text->size, BODY_SCRUBBED);
  push_scrubbed(L, text->data, size, size, 0, secrets);
  text->data = lua_tolstring(L, -1, &text->size);
}

int aicc_error_would_scrub(const struct aicc_error_secrets *secrets, struct aicc_text text) {
  if (text.size > BODY_SCRUBBED) return 1;
  for (int i = 0; i < secrets->count; i++)
    if (aicc_scrub_finds(text.data, text.size, secrets->text[i].data, secrets->text[i].size)) return 1;
  return 0;
}

static void set_text(lua_State *L, const char *name, struct aicc_text text, int one_line,
                     const struct aicc_error_secrets *secrets) {
  if (text.data == NULL) return;
  size_t size = aicc_text_cut(text.data, text.size, BODY_SCRUBBED);
  push_scrubbed(L, text.data, size, BODY_SHOWN, one_line, secrets);
  lua_setfield(L, -2, name);
}

static void set_string(lua_State *L, const char *name, const char *value) {
  if (value == NULL) return;
  lua_pushstring(L, value);
  lua_setfield(L, -2, name);
}

static void set_number(lua_State *L, const char *name, lua_Number value) {
  if (fabs(value) < 9007199254740992.0 && value == floor(value)) /* a Retry-After may be anything */
    aicc_pushwhole(L, value);
  else
    lua_pushnumber(L, value);
  lua_setfield(L, -2, name);
}

int aicc_error_push(lua_State *L, const struct aicc_error *failure, const struct aicc_error_secrets *secrets) {
  struct aicc_text message = {failure->message, strlen(failure->message)};
  lua_pushnil(L);
  lua_createtable(L, 0, 12);
  set_string(L, "kind", failure->kind);
  set_string(L, "operation", failure->operation);
  set_string(L, "outcome", failure->outcome);
  set_text(L, "message", message, 1, secrets);
  lua_pushboolean(L, failure->retryable);
  lua_setfield(L, -2, "retryable");
  if (failure->truncated) {
    lua_pushboolean(L, 1);
    lua_setfield(L, -2, "truncated");
  }
  if (failure->status != 0) set_number(L, "status", (lua_Number)failure->status);
  if (failure->curl_code != 0) set_number(L, "curl_code", failure->curl_code);
  if (failure->retry_after >= 0) set_number(L, "retry_after", failure->retry_after);
  set_text(L, "result_code", failure->result_code, 1, secrets);
  set_text(L, "result_message", failure->result_message, 1, secrets);
  set_text(L, "body", failure->body, 0, secrets);
  aicc_error_pushmeta(L);
  lua_setmetatable(L, -2);
  return 2;
}

/* A string field of the error at index 1, or `otherwise`; the string stays on the stack. */
static const char *field(lua_State *L, const char *name, const char *otherwise) {
  lua_pushstring(L, name);
  lua_rawget(L, 1);
  return lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : otherwise;
}

/* __tostring: "aicc: release_agent_by_skill: no answer within 15 s [timeout, unknown]" */
static int error_tostring(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  const char *operation = field(L, "operation", NULL);
  const char *message = field(L, "message", "?");
  const char *kind = field(L, "kind", "?");
  const char *outcome = field(L, "outcome", "?");
  lua_pushfstring(L, "aicc: %s%s%s [%s, %s]", operation != NULL ? operation : "", operation != NULL ? ": " : "", message, kind,
                  outcome);
  return 1;
}

/* __concat: so that "failed: " .. err works, as it would with a string. */
static int error_concat(lua_State *L) {
  for (int i = 1; i <= 2; i++) {
    if (luaL_callmeta(L, i, "__tostring")) lua_replace(L, i);
  }
  lua_settop(L, 2);
  lua_concat(L, 2);
  return 1;
}

void aicc_error_pushmeta(lua_State *L) {
  if (!luaL_newmetatable(L, AICC_ERROR_META)) return;
  lua_pushcfunction(L, error_tostring);
  lua_setfield(L, -2, "__tostring");
  lua_pushcfunction(L, error_concat);
  lua_setfield(L, -2, "__concat");
  lua_pushliteral(L, AICC_ERROR_META);
  lua_setfield(L, -2, "__name");
}
