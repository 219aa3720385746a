/*
** operation.c - the API: one row and two small functions per operation. See operation.h.
**
** The facts are from the vendor's documents of tokenByAkSk, releaseAgentBySkillId, addSkillsToAgent, queryAgentInfoBySkillId,
** agentAccount/query and skill/querySkills.
*/
#include "operation.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "accounts.h"
#include "inquiry.h"
#include "shape.h"
#include "version.h"

/* ---- token ---- */

static int write_token(struct aicc_arguments *call) {
  return aicc_arguments_get_integer(call, "expires", 60, 3600, 3600, &call->expires) &&
         aicc_arguments_put_literal(call, "{\"app_key\":") && aicc_arguments_put_credential(call, "app_key", 1) &&
         aicc_arguments_put_literal(call, ",\"app_secret\":") && aicc_arguments_put_credential(call, "app_secret", 0) &&
         aicc_arguments_put_literal(call, "}");
}

static const char *read_token(lua_State *L) {
  size_t size = 0;
  int type = aicc_getfield(L, -1, "AccessToken");
  const char *token = type == LUA_TSTRING ? lua_tolstring(L, -1, &size) : NULL;
  int usable = token != NULL && aicc_arguments_fit_header(token, size, 0); /* it goes into a header: no CR, no LF */
  lua_pop(L, 1);
  return usable ? NULL : "a usable AccessToken";
}

/* ---- the skill queue ---- */

static int write_release(struct aicc_arguments *call) {
  return aicc_arguments_put_literal(call, "{\"skillId\":") && aicc_arguments_put_skill(call) &&
         aicc_arguments_put_literal(call, ",\"userAccounts\":") && aicc_accounts_put(call, "userAccounts", 0, 1) &&
         aicc_arguments_put_literal(call, "}");
}

static int write_bind(struct aicc_arguments *call) {
  return aicc_arguments_put_literal(call, "{\"userAccounts\":") && aicc_accounts_put(call, "userAccounts", 50, 0) &&
         aicc_arguments_put_literal(call, ",\"skillId\":") && aicc_arguments_put_skill(call) &&
         aicc_arguments_put_literal(call, ",\"agentWeight\":") &&
         aicc_arguments_put_integer(call, "agentWeight", 1, AICC_MAX_INTEGER, 1) &&
         aicc_arguments_put_literal(call, ",\"skillWeight\":") &&
         aicc_arguments_put_integer(call, "skillWeight", 1, AICC_MAX_INTEGER, 1) &&
         aicc_arguments_put_literal(call, "}");
}

/*
** In one of the two documented forms; or so, but without a queue: what a server makes of that shows what its answers are worth.
*/
static int write_query(struct aicc_arguments *call) {
  static const char *const forms[] = {"flat", "wrapped", "flat_nowhere", "wrapped_nowhere", NULL};
  int form;
  if (!aicc_arguments_get_word(call, "form", forms, &form)) return 0;
  int is_wrapped = form % 2, is_somewhere = form < 2;
  return (!is_wrapped || aicc_arguments_put_literal(call, "{\"requestParam\":")) && aicc_arguments_put_literal(call, "{") &&
         (!is_somewhere ||
          (aicc_arguments_put_literal(call, "\"skillId\":") && aicc_arguments_put_skill(call) &&
           aicc_arguments_put_literal(call, ","))) &&
         aicc_arguments_put_literal(call, "\"pageSize\":") && aicc_arguments_put_integer(call, "pageSize", 1, 100, 100) &&
         aicc_arguments_put_literal(call, ",\"pageNum\":") &&
         aicc_arguments_put_integer(call, "pageNum", 0, AICC_MAX_INTEGER, 0) &&
         aicc_arguments_put_literal(call, "}") && (!is_wrapped || aicc_arguments_put_literal(call, "}"));
}

/* ---- one agent, and all queues ---- */

/* The first of the words stands for the flat form, the second for the one in requestParam, which its sibling's table has. */
static int begin_form(struct aicc_arguments *call, const char *const *words, int *form) {
  return aicc_arguments_get_word(call, "form", words, form) &&
         (*form % 2 == 0 || aicc_arguments_put_literal(call, "{\"requestParam\":"));
}

static int end_form(struct aicc_arguments *call, int form) { return form % 2 == 0 || aicc_arguments_put_literal(call, "}"); }

/* Without an account: the first agent there is. Whether that is answered shows what a refusal of an account is worth. */
static int write_query_agent(struct aicc_arguments *call) {
  static const char *const forms[] = {"flat", "wrapped", "flat_anybody", "wrapped_anybody", NULL};
  int form;
  if (!begin_form(call, forms, &form)) return 0;
  if (form >= 2)
    return aicc_arguments_put_literal(call, "{\"pageNum\":0,\"pageSize\":1}") && end_form(call, form);
  return aicc_arguments_put_literal(call, "{\"userAccount\":") &&
         aicc_arguments_put_text(call, "userAccount", AICC_MAX_ACCOUNT) &&
         aicc_arguments_put_literal(call, "}") && end_form(call, form);
}

/* Numbers go as strings here: the documents have it so. */
static int write_query_skills(struct aicc_arguments *call) {
  static const char *const forms[] = {"flat", "wrapped", NULL};
  int form;
  return begin_form(call, forms, &form) && aicc_arguments_put_literal(call, "{\"limit\":\"") &&
         aicc_arguments_put_integer(call, "limit", 1, 100, 100) && aicc_arguments_put_literal(call, "\",\"offset\":\"") &&
         aicc_arguments_put_integer(call, "offset", 0, AICC_MAX_INTEGER, 0) && aicc_arguments_put_literal(call, "\"") &&
         (!aicc_arguments_have(call, "name") ||
          (aicc_arguments_put_literal(call, ",\"name\":") && aicc_arguments_put_text(call, "name", 100))) &&
         (!aicc_arguments_have(call, "skillIds") ||
          (aicc_arguments_put_literal(call, ",\"skillIds\":") && aicc_arguments_put_integers(call, "skillIds", 100))) &&
         aicc_arguments_put_literal(call, "}") && end_form(call, form);
}

static const char *read_nothing(lua_State *L) {
  (void)L;
  return NULL;
}

/* ---- the table ---- */

#define MANAGEMENT "/apiaccess/rest/cc-management/v1/"
#define ACCOUNT MANAGEMENT "agentAccount/"

const struct aicc_operation aicc_operation_table[AICC_OPERATION_COUNT] = {
    {.name = "token",
     .path = "/apigovernance/api/oauth/tokenByAkSk",
     .once = 1,
     .fields = {"app_key", "app_secret", "expires"},
     .write = write_token,
     .read = read_token},
    {.name = "release_agent_by_skill",
     .path = ACCOUNT "releaseAgentBySkillId",
     .with_token = 1,
     .only_code = 1,
     .fields = {"skillId", "userAccounts"},
     .write = write_release,
     .read = read_nothing},
    {.name = "bind_agents",
     .path = ACCOUNT "addSkillsToAgent",
     .with_token = 1,
     .only_code = 1,
     .fields = {"userAccounts", "skillId", "agentWeight", "skillWeight"},
     .write = write_bind,
     .read = read_nothing},
    {.name = "query_agents",
     .path = ACCOUNT "queryAgentInfoBySkillId",
     .with_token = 1,
     .once = 1,
     .fields = {"skillId", "pageSize", "pageNum", "form"},
     .write = write_query,
     .read = aicc_shape_page},
    {.name = "query_agent",
     .path = ACCOUNT "query",
     .with_token = 1,
     .once = 1,
     .is_personal = 1,
     .fields = {"userAccount", "form"},
     .write = write_query_agent,
     .read = aicc_inquiry_agent},
    {.name = "query_skills",
     .path = MANAGEMENT "skill/querySkills",
     .with_token = 1,
     .once = 1,
     .returns_code = 1,
     .may_crash = 1,
     .fields = {"name", "skillIds", "limit", "offset", "form"},
     .write = write_query_skills,
     .read = aicc_inquiry_queues},
};

const struct aicc_operation *aicc_operation_check(lua_State *L, int index) {
  const char *name = luaL_checkstring(L, index);
  for (int i = 0; i < AICC_OPERATION_COUNT; i++)
    if (strcmp(aicc_operation_table[i].name, name) == 0) return &aicc_operation_table[i];
  luaL_argerror(L, index, lua_pushfstring(L, "no operation is called '%s'", name));
  return NULL;
}

/* ---- a call ---- */

void aicc_operation_begin(struct aicc_arguments *call, lua_State *L, const struct aicc_operation *operation) {
  memset(call, 0, offsetof(struct aicc_arguments, failure)); /* that is large, and seldom set */
  call->L = L;
  call->operation = operation;
  call->name = call->method = operation->name;
  call->fields = operation->fields;
}

static void check_fields(struct aicc_arguments *call) {
  lua_State *L = call->L;
  for (lua_pushnil(L); lua_next(L, call->arguments) != 0; lua_pop(L, 1)) {
    const char *const *known = call->fields;
    const char *key = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : NULL;
    while (*known != NULL && (key == NULL || strcmp(*known, key) != 0)) known++;
    if (*known == NULL)
      aicc_arguments_raise(call, "%s: unknown field '%s'", call->method, key != NULL ? key : luaL_typename(L, -2));
  }
}

int aicc_operation_write(struct aicc_arguments *call) {
  luaL_checkstack(call->L, 8, "arguments");
  call->everybody = 0;
  if (call->body != NULL) aicc_buf_wipe(call->body);
  if (call->values == 0) {
    if (lua_type(call->L, call->arguments) != LUA_TTABLE)
      return aicc_arguments_mistyped(call, "arguments", "a table", call->arguments);
    check_fields(call);
  }
  return call->operation->write(call);
}

/* ---- headers ---- */

/* Reads a field of the table at `index`, unless there is a text already. Returns whether it is good, or there is none. */
static int read_header(lua_State *L, int index, const char *name, int spaces, struct aicc_text *text,
                       struct aicc_error *failure) {
  if (text->data == NULL) {
    lua_pushstring(L, name);
    lua_rawget(L, index); /* what a metamethod returned nobody would hold */
    int type = lua_type(L, -1);
    if (type != LUA_TNIL && type != LUA_TSTRING) luaL_error(L, "%s: expected a string, got %s", name, lua_typename(L, type));
    if (type == LUA_TSTRING) text->data = lua_tolstring(L, -1, &text->size);
  }
  if (text->data == NULL || aicc_arguments_fit_header(text->data, text->size, spaces)) return 1;
  aicc_error_say(failure, "%s: expected 1 to %d visible ASCII characters", name, AICC_MAX_HEADER_VALUE);
  return 0;
}

int aicc_operation_read_caller(lua_State *L, int index, struct aicc_operation_caller *who, struct aicc_error *failure) {
  static const char agent[] = "aicc/" AICC_VERSION;
  if (!read_header(L, index, "token", 0, &who->token, failure) || !read_header(L, index, "app_key", 0, &who->app_key, failure) ||
      !read_header(L, index, "tenant_space_id", 0, &who->tenant, failure) ||
      !read_header(L, index, "user_agent", 1, &who->user_agent, failure))
    return 0;
  if (who->user_agent.data == NULL) {
    who->user_agent.data = agent;
    who->user_agent.size = sizeof agent - 1;
  }
  return 1;
}

int aicc_operation_headers(const struct aicc_operation *operation, const struct aicc_operation_caller *who,
                           int (*emit)(void *data, const char *name, const char *value, size_t size), void *data) {
  static const char json[] = "application/json";
  if (!emit(data, "User-Agent", who->user_agent.data, who->user_agent.size) ||
      !emit(data, "Content-Type", json, sizeof json - 1))
    return 0;
  if (!operation->with_token) {
    char expires[16];
    int size = snprintf(expires, sizeof expires, "%d", who->expires);
    return emit(data, "X-Token-Expire", expires, (size_t)size);
  }
  static const char bearer[] = "Bearer ";
  char authorization[sizeof bearer + AICC_MAX_HEADER_VALUE];
  size_t size = sizeof bearer - 1 + who->token.size;
  memcpy(authorization, bearer, sizeof bearer - 1);
  memcpy(authorization + sizeof bearer - 1, who->token.data, who->token.size);
  int emitted = emit(data, "Authorization", authorization, size) &&
                (who->app_key.data == NULL || emit(data, "x-app-key", who->app_key.data, who->app_key.size)) &&
                (who->tenant.data == NULL || emit(data, "X-TenantSpaceID", who->tenant.data, who->tenant.size));
  aicc_buf_overwrite(authorization, size);
  return emitted;
}
