/*
** reply.c - what a reply means. See reply.h; the table is that of doc/semantics.md, sections 2 and 3.
*/
#include "reply.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "date.h"
#include "flat.h"
#include "text.h"
#include "shape.h"

#define SHORTEST_IN_NAME 12 /* bytes of a secret that is looked for in the name of a field */

/* ---- headers ---- */

/* A header's value without the blanks around it. */
static struct aicc_text trimmed(struct aicc_text value) {
  static const char blanks[] = " \t\r\n";
  while (value.size > 0 && memchr(blanks, value.data[0], sizeof blanks - 1) != NULL) value.data++, value.size--;
  while (value.size > 0 && memchr(blanks, value.data[value.size - 1], sizeof blanks - 1) != NULL) value.size--;
  return value;
}

/* The seconds that `text` says, the next integer where it has a fraction; -1 if it is no number. No locale has a say in it. */
static double whole_seconds(char *text) {
  static const char digits[] = "0123456789";
  size_t size = strspn(text, digits);
  const char *fraction = text[size] == '.' ? text + size + 1 : "";
  if (size == 0 || (text[size] != '\0' && *fraction == '\0') || fraction[strspn(fraction, digits)] != '\0') return -1;
  int is_more = fraction[strspn(fraction, "0")] != '\0';
  text[size] = '\0';
  return strtod(text, NULL) + is_more;
}

/* The seconds that a Retry-After asks for, -1 if it is none. A date is read against the reply's own clock. */
static double retry_seconds(const struct aicc_reply *reply) {
  char text[64], number[64];
  struct aicc_text value = reply->retry_after.data != NULL ? trimmed(reply->retry_after) : reply->retry_after;
  size_t size = value.size;
  if (value.data == NULL || size == 0 || size >= sizeof text) return -1;
  memcpy(text, value.data, size);
  text[size] = '\0';
  double seconds = strlen(text) == size ? whole_seconds(strcpy(number, text)) : -1;
  if (seconds >= 0) return seconds;
  double then = aicc_date_read(text, size), now = -1;
  struct aicc_text date = reply->date.data != NULL ? trimmed(reply->date) : reply->date;
  if (date.data != NULL) now = aicc_date_read(date.data, date.size);
  if (now < 0) now = (double)time(NULL);
  if (then < 0) return -1;
  return then > now ? then - now : 0;
}

/* ---- the verdict ---- */

/* A firewall says so to a host that it does not know, and the API to an app key that it does not know. */
#define NOT_LET_IN \
  "not let in: ask for this host's address to be allow-listed, and check the app key's kind (a UUID is wanted)"

/* What a status means that is not 200. */
static const struct verdict {
  long from, to;
  const char *kind, *outcome;
  int retryable;
  const char *advice;
} verdicts[] = {
    {300, 399, "redirect", AICC_REJECTED, 0, "a redirect, which is never followed: check base_url, and a token's token_url"},
    {400, 400, "bad_request", AICC_REJECTED, 0, "incorrect request: check the path and the parameters"},
    {401, 401, "auth", AICC_REJECTED, 0,
     "unauthorized: check the app key and secret, whether the service has been purchased, and the state of the account"},
    {403, 403, "forbidden", AICC_REJECTED, 0, NOT_LET_IN},
    {404, 404, "not_found", AICC_REJECTED, 0, "not found: check the path in base_url, and a token's in token_url"},
    {408, 408, "http", AICC_UNKNOWN, 1, "the server gave up waiting for the request"},
    {413, 413, "too_large", AICC_REJECTED, 0, "the request is too large: send fewer accounts"},
    {418, 418, "blocked", AICC_REJECTED, 0, NOT_LET_IN},
    {425, 425, "http", AICC_UNKNOWN, 1, "too early"},
    {429, 429, "throttled", AICC_REJECTED, 1, "too many requests: send fewer"},
    {400, 499, "http", AICC_REJECTED, 0, "the server refused the request"},
    {500, 500, "server", AICC_UNKNOWN, 1, "the server failed"},
    {502, 504, "server", AICC_UNKNOWN, 1, "the server, or a proxy before it, is not well"},
    {500, 599, "server", AICC_UNKNOWN, 0, "the server failed"},
    {LONG_MIN, LONG_MAX, "http", AICC_UNKNOWN, 0, "an unexpected status"},
};

/* How much of a text of the server's fits into a message, for "%.*s". */
static int shown(struct aicc_text text) { return (int)aicc_text_cut(text.data, text.size, 250); }

static void judge_status(const struct aicc_reply *reply, int is_json, struct aicc_error *failure) {
  const struct verdict *verdict = verdicts;
  while (reply->status < verdict->from || reply->status > verdict->to) verdict++;
  failure->kind = verdict->kind;
  failure->outcome = verdict->outcome;
  failure->retryable = verdict->retryable;
  const char *advice = verdict->advice;
  if (reply->status == 403 && !is_json) failure->kind = "blocked";
  if (reply->status == 503 && failure->retry_after >= 0) failure->outcome = AICC_REJECTED;
  struct aicc_text said = failure->result_message;
  if (said.data != NULL)
    aicc_error_say(failure, "HTTP %ld: %s: %.*s", reply->status, advice, shown(said), said.data);
  else
    aicc_error_say(failure, "HTTP %ld: %s", reply->status, advice);
}

/* Sets `text` to the field of the object at `index` that is a string or a number; that stays on the stack, which grows by one. */
static void get_text(lua_State *L, int index, const char *name, struct aicc_text *text) {
  int type = aicc_getfield(L, index, name);
  if (type == LUA_TSTRING || type == LUA_TNUMBER) text->data = lua_tolstring(L, -1, &text->size);
}

static int is_zero(struct aicc_text code) { return code.size == 1 && code.data[0] == '0'; }

/*
** Sets `code` to what the object at `index` says of its success; it stays on the stack. Where an operation has a name of its own
** for it, the usual one counts too: of two, the one that tells of a failure.
*/
static void get_code(lua_State *L, const struct aicc_operation *operation, int index, struct aicc_text *code) {
  struct aicc_text other = {NULL, 0};
  get_text(L, index, "resultCode", code);
  if (!operation->returns_code || (code->data != NULL && !is_zero(*code))) return;
  get_text(L, index, "returnCode", &other);
  if (other.data != NULL) *code = other;
}

/* Whether a reply may have a token in it, under whatever name: a new one, which nothing could take out of an error. */
static int may_bring_token(const struct aicc_reply *reply) {
  static const char name[] = "token";
  if (reply->status >= 200 && reply->status <= 299) return 1;
  for (size_t at = 0; at + sizeof name - 1 <= reply->body.size; at++)
    if (strncasecmp(reply->body.data + at, name, sizeof name - 1) == 0) return 1;
  return 0;
}

/*
** What a 200 that says nothing of a failure lacks to be a result, or NULL. `found` is what aicc_shape_push said of its body; the
** object, if there is one, is at `object`.
*/
static const char *find_lack(lua_State *L, const struct aicc_operation *operation, int found, int object, struct aicc_text code) {
  if (found < 0) return "each name once, and a schema that agrees with what stands beside it";
  if (found == 0) return "a JSON object";
  if (operation->only_code && code.data == NULL) return "a resultCode";
  lua_pushvalue(L, object);
  return operation->read(L);
}

/* The server's own words, without the secrets: taken out before a message is cut from them, lest the cut hides one. */
static void get_words(lua_State *L, const struct aicc_operation *operation, int object, struct aicc_error *failure,
                      const struct aicc_error_secrets *secrets) {
  get_code(L, operation, object, &failure->result_code);
  if (failure->result_code.data != NULL) aicc_error_scrub(L, secrets, &failure->result_code);
  if (operation->returns_code) get_text(L, object, "description", &failure->result_message);
  if (failure->result_message.data == NULL) get_text(L, object, "resultMessage", &failure->result_message);
  if (failure->result_message.data != NULL) aicc_error_scrub(L, secrets, &failure->result_message);
}

#define CODE "resultCode"
#define MESSAGE "resultMessage"
#define SUCCESS "success" /* the message that the API's documents show of every success */

#define is(text, literal) ((text).size == sizeof(literal) - 1 && memcmp((text).data, literal, sizeof(literal) - 1) == 0)

/* Whether a text is what the API's documents say of every success: nobody's secret, whatever secrets look like. */
static int is_documented(struct aicc_text text) { return is(text, SUCCESS); }

/*
** Whether the name of a field holds a whole secret. Short ones are not looked for: the API's own names are as long
** (`userAccount`), and a field of theirs must not go.
*/
static int names_secret(const struct aicc_error_secrets *secrets, struct aicc_text name) {
  for (int i = 0; i < secrets->count; i++) {
    struct aicc_text secret = secrets->text[i];
    for (size_t at = 0; secret.size >= SHORTEST_IN_NAME && at + secret.size <= name.size; at++)
      if (memcmp(name.data + at, secret.data, secret.size) == 0) return 1;
  }
  return 0;
}

/*
** Takes the secrets out of the result on top, and of the tables in it: what a server says of a success is shown and kept, too. A
** field whose very name holds one goes. Accounts are who they are, and the table called `but`, if there is one, is left alone.
*/
static void scrub_result(lua_State *L, const struct aicc_error_secrets *secrets, const char *but) {
  luaL_checkstack(L, 8, "reply");
  for (lua_pushnil(L); lua_next(L, -2) != 0;) {
    struct aicc_text text = {NULL, 0}, name = {"", 0};
    if (lua_type(L, -2) == LUA_TSTRING) name.data = lua_tolstring(L, -2, &name.size);
    if (lua_type(L, -1) == LUA_TSTRING && strcmp(name.data, "userAccount") != 0) text.data = lua_tolstring(L, -1, &text.size);
    if (names_secret(secrets, name)) {
      lua_pop(L, 1);
      lua_pushvalue(L, -1);
      lua_pushnil(L);
      lua_rawset(L, -4);
      continue;
    }
    if (lua_istable(L, -1) && (but == NULL || strcmp(name.data, but) != 0)) scrub_result(L, secrets, NULL);
    if (text.data != NULL && !is_documented(text) && aicc_error_would_scrub(secrets, text)) {
      lua_pushvalue(L, -2);
      aicc_error_scrub(L, secrets, &text);
      lua_rawset(L, -5); /* a field that is there may be given another value while its table is walked */
    }
    lua_pop(L, 1);
  }
}

static void judge_business(const struct aicc_operation *operation, struct aicc_error *failure) {
  struct aicc_text code = failure->result_code, said = failure->result_message;
  failure->kind = "business";
  failure->outcome = AICC_REJECTED;
  aicc_error_say(failure, "%s %.*s: %.*s (check the values of the parameters)",
                   operation->returns_code ? "returnCode" : "resultCode", shown(code), code.data,
                   said.data != NULL ? shown(said) : 10, said.data != NULL ? said.data : "no message");
}

static void judge_lack(const struct aicc_operation *operation, const char *lacks, int is_empty, struct aicc_error *failure) {
  failure->retryable = operation->once;
  aicc_error_say(failure, "expected a reply with %s, got %s", lacks, is_empty ? "an empty body" : "something else");
}

int aicc_reply_push_success(lua_State *L, const struct aicc_operation *operation, const struct aicc_reply *reply) {
  struct aicc_flat flat;
  int has_code = 0, has_message = 0;
  if (reply->status != 200 || reply->truncated || !operation->only_code || !aicc_flat_read(reply->body, &flat)) return 0;
  for (int i = 0; i < flat.count; i++) {
    if (is(flat.names[i], CODE) && is_zero(flat.values[i]))
      has_code = 1;
    else if (is(flat.names[i], MESSAGE) && is_documented(flat.values[i]))
      has_message = 1;
    else
      return 0;
  }
  if (!has_code) return 0;
  luaL_checkstack(L, 2, "reply");
  lua_createtable(L, 0, AICC_FLAT_ROOM);
  lua_pushliteral(L, "0");
  lua_setfield(L, -2, CODE);
  if (!has_message) return 1;
  lua_pushliteral(L, SUCCESS);
  lua_setfield(L, -2, MESSAGE);
  return 1;
}

int aicc_reply_push(lua_State *L, const struct aicc_operation *operation, const struct aicc_reply *reply,
                    const struct aicc_error_secrets *secrets) {
  struct aicc_text code = {NULL, 0};
  const char *lacks = NULL;
  luaL_checkstack(L, 40, "reply");
  int base = lua_gettop(L);
  int found = reply->truncated ? 0 : aicc_shape_push(L, reply->body);
  int object = found > 0 ? base + 1 : 0;
  if (object != 0) get_code(L, operation, object, &code);
  /* A 500 that says "0" contradicts itself: it is one of the server's failures, whose outcome nobody knows. */
  int tells = reply->status == 200 || (reply->status == 500 && !operation->may_crash);
  int is_refusal = tells && code.data != NULL && !is_zero(code);
  if (reply->status == 200 && !reply->truncated && !is_refusal) {
    lacks = find_lack(L, operation, found, object, code);
    if (lacks == NULL) {
      lua_settop(L, object);
      if (operation->with_token) scrub_result(L, secrets, operation->read == aicc_shape_page ? "data" : NULL);
      return 1;
    }
  }
  struct aicc_error failure;
  aicc_error_init(&failure, operation->name, "protocol", AICC_UNKNOWN);
  failure.status = reply->status;
  failure.retry_after = retry_seconds(reply);
  if (object != 0) get_words(L, operation, object, &failure, secrets);
  if (reply->truncated) {
    failure.truncated = failure.retryable = 1;
    aicc_error_say(&failure, "the reply was cut short after %zu bytes", reply->body.size);
  } else if (is_refusal) {
    judge_business(operation, &failure);
  } else if (lacks != NULL) {
    judge_lack(operation, lacks, reply->body.size == 0, &failure);
  } else {
    judge_status(reply, object != 0, &failure);
  }
  int may_show = !operation->is_personal && (operation->with_token || !may_bring_token(reply));
  if (reply->body.size > 0 && may_show) failure.body = reply->body;
  return aicc_error_push(L, &failure, secrets);
}
