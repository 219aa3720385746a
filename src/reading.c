/* reading.c - what Lua gets for transfers that have ended. See reading.h. */
#include "reading.h"

#include <string.h>

#include "curlerror.h"
#include "reply.h"

static struct aicc_text header_of(const struct aicc_xfer *xfer, enum aicc_xfer_known_header which) {
  struct aicc_text text = {NULL, 0};
  text.data = aicc_xfer_header(xfer, which, &text.size);
  return text;
}

/* Adds the token that a transfer was sent with, which stands in its own headers. */
static void add_token(struct aicc_error_secrets *secrets, const struct aicc_xfer *xfer) {
  static const char name[] = "Authorization: Bearer ";
  for (const struct curl_slist *line = xfer->headers->list; line != NULL; line = line->next)
    if (strncmp(line->data, name, sizeof name - 1) == 0)
      aicc_error_add_secret(secrets, line->data + sizeof name - 1, strlen(line->data) - (sizeof name - 1));
}

/* What must not be seen in the error of this call. */
static void collect_secrets(struct aicc_error_secrets *secrets, const struct aicc_reading *reading) {
  const struct aicc_buf *own = &reading->xfer->secrets;
  const char *app_key = reading->session->options.text[AICC_APP_KEY];
  secrets->count = 0;
  add_token(secrets, reading->xfer);
  const char *app_secret = reading->session->options.text[AICC_APP_SECRET];
  if (app_key != NULL) aicc_error_add_secret(secrets, app_key, strlen(app_key));
  if (app_secret != NULL) aicc_error_add_secret(secrets, app_secret, strlen(app_secret));
  for (size_t at = 0; at < own->length; at += strlen(own->data + at) + 1)
    aicc_error_add_secret(secrets, own->data + at, strlen(own->data + at));
}

static void set_number(lua_State *L, const char *name, double value) {
  lua_pushnumber(L, (lua_Number)value);
  lua_setfield(L, -2, name);
}

/* Pushes what is known of the transfer beside its result: seconds from its beginning on the wire, `elapsed` from the call's. */
static void push_facts(lua_State *L, const struct aicc_xfer *xfer) {
  static const char *const phases[] = {"name_lookup", "connect", "tls", "request", "first_byte"};
  lua_createtable(L, 0, 10);
  for (size_t i = 0; i < sizeof phases / sizeof *phases; i++) set_number(L, phases[i], xfer->timing[i]);
  set_number(L, "elapsed", xfer->elapsed);
  set_number(L, "bytes_sent", (double)xfer->sent);
  set_number(L, "bytes_received", (double)xfer->body.length);
  lua_pushboolean(L, xfer->reused);
  lua_setfield(L, -2, "reused");
}

/* Pushes the result, or nil and an error; returns how many values that is. */
static int push_outcome(lua_State *L, const struct aicc_reading *reading) {
  const struct aicc_xfer *xfer = reading->xfer;
  const struct aicc_operation *operation = xfer->operation;
  struct aicc_error_secrets secrets;
  if (xfer->ending != AICC_BY_CURL || xfer->code != CURLE_OK) {
    struct aicc_error failure;
    aicc_error_init(&failure, operation->name, "network", AICC_UNKNOWN);
    aicc_curlerror_judge(xfer, &failure);
    collect_secrets(&secrets, reading);
    return aicc_error_push(L, &failure, &secrets);
  }
  struct aicc_reply reply;
  reply.status = xfer->status;
  reply.body.data = xfer->body.length > 0 ? xfer->body.data : "";
  reply.body.size = xfer->body.length;
  reply.truncated = !xfer->has_head;
  if (aicc_reply_push_success(L, operation, &reply)) return 1;
  reply.retry_after = header_of(xfer, AICC_RETRY_AFTER);
  reply.date = header_of(xfer, AICC_DATE);
  collect_secrets(&secrets, reading);
  return aicc_reply_push(L, operation, &reply, &secrets);
}

int aicc_reading_read(lua_State *L) {
  const struct aicc_reading *reading = lua_touserdata(L, 1);
  int count = push_outcome(L, reading);
  if (reading->session->options.settings.facts) {
    if (count == 1) lua_pushnil(L);
    push_facts(L, reading->xfer);
    count = 3;
  }
  if (reading->with_ticket) {
    lua_pushinteger(L, (lua_Integer)reading->xfer->ticket);
    lua_insert(L, -count - 1);
    count++;
  }
  return count;
}

/* Pushes who waits for the ticket, and takes that out of the table at 3; pushes nothing and returns 0 if nobody does. */
static int push_waiter(lua_State *L, lua_Integer ticket) {
  lua_pushinteger(L, ticket);
  lua_rawget(L, 3);
  if (lua_isnil(L, -1)) {
    lua_pop(L, 1);
    return 0;
  }
  lua_pushinteger(L, ticket);
  lua_pushnil(L);
  lua_rawset(L, 3);
  return 1;
}

/* Puts the value on top into the table at 2: `false` for nil where the list is to have no holes. */
static void put(lua_State *L, lua_Integer at, int is_whole) {
  if (is_whole && lua_isnil(L, -1)) {
    lua_pop(L, 1);
    lua_pushboolean(L, 0);
  }
  lua_rawseti(L, 2, at);
}

int aicc_reading_read_all(lua_State *L) {
  struct aicc_reading *reading = lua_touserdata(L, 1);
  struct aicc_pool *pool = &reading->session->pool;
  lua_Integer at = reading->behind;
  int is_whole = !lua_isnil(L, 3);
  luaL_checkstack(L, LUA_MINSTACK, "turn");
  while ((reading->xfer = aicc_pool_take(pool, 0)) != NULL) {
    lua_Integer ticket = (lua_Integer)reading->xfer->ticket;
    if (!is_whole) lua_pushinteger(L, ticket);
    if (!is_whole || push_waiter(L, ticket)) {
      if (push_outcome(L, reading) == 1) lua_pushnil(L);
      if (reading->session->options.settings.facts)
        push_facts(L, reading->xfer);
      else
        lua_pushboolean(L, 0);
      for (int i = 4; i > 1; i--) put(L, at + i, is_whole);
      lua_pushvalue(L, 4);
      put(L, at + 1, is_whole);
      at += 4;
      reading->count++;
    }
    lua_settop(L, 3); /* what else the outcome was made of */
    aicc_pool_recycle(pool, reading->xfer);
  }
  return 0;
}
