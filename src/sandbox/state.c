/*
** state.c - every entry into the handler's Lua state. See state.h.
**
** An entry takes the lock and makes one protected call of `protected_step`, which runs a job and then tells the gate how many
** requests the log has: log and count change together. The stack's two bottom slots keep that function and the service, so
** that nothing is allocated outside of the protection.
*/
#include "state.h"

#include <stdlib.h>
#include <string.h>

#include "compat.h"
#include "wire.h"

#define SERVICE "aicc.sandbox.service"
#define SLOT_STEP 1
#define SLOT_SERVICE 2

struct aicc_state {
  pthread_mutex_t lock;
  lua_State *H;
  struct aicc_gate *gate;
};

/* What an entry does. `run` finds the service (or nil) at index 1, and may raise. */
struct job {
  void (*run)(lua_State *H, struct job *job);
  struct aicc_gate *gate;
  struct aicc_request *request;
  const struct aicc_buf *in;
  struct aicc_buf *out;
  const char *path;
  const char *cpath;
};

/* (service, job) -> what the job left on top */
static int protected_step(lua_State *H) {
  struct job *job = lua_touserdata(H, 2);
  lua_pop(H, 1);
  job->run(H, job);
  if (lua_istable(H, 1)) {
    lua_getfield(H, 1, "arrived");
    aicc_gate_set_arrived(job->gate, (unsigned long)lua_tointeger(H, -1));
    lua_pop(H, 1);
  }
  return 1;
}

/* Runs the job; its result, or the error's message, is left on top for the caller to pop. The caller holds the lock. */
static bool enter(struct aicc_state *state, struct job *job) {
  job->gate = state->gate;
  lua_pushvalue(state->H, SLOT_STEP);
  lua_pushvalue(state->H, SLOT_SERVICE);
  lua_pushlightuserdata(state->H, job);
  return lua_pcall(state->H, 2, 1, 0) == LUA_OK;
}

/* The error message on top. A copy made by Lua could raise, so a number is not converted. */
static const char *message_of(lua_State *H, size_t *size) {
  static const char unknown[] = "an error that is not a string";
  if (lua_type(H, -1) == LUA_TSTRING) return lua_tolstring(H, -1, size);
  *size = sizeof unknown - 1;
  return unknown;
}

/* Runs the job for a request; an error becomes its reply. */
static void enter_for(struct aicc_state *state, struct aicc_request *request, void (*run)(lua_State *, struct job *)) {
  struct job job = {0};
  job.run = run;
  job.request = request;
  pthread_mutex_lock(&state->lock);
  if (!enter(state, &job)) {
    size_t size;
    const char *message = message_of(state->H, &size);
    aicc_request_fail(request, message, size);
  }
  lua_pop(state->H, 1);
  pthread_mutex_unlock(&state->lock);
}

/* Pushes service[name] and the service. */
static void push_method(lua_State *H, const char *name) {
  lua_getfield(H, 1, name);
  lua_pushvalue(H, 1);
}

static void set_string(lua_State *H, const char *name, const char *text, size_t size) {
  lua_pushlstring(H, text, size);
  lua_setfield(H, -2, name);
}

/* Pushes { {name, value}, ... }. */
static void push_headers(lua_State *H, const struct aicc_buf *headers) {
  lua_newtable(H);
  const char *next = headers->data, *end = headers->data + headers->length;
  for (int n = 1; next < end; n++) {
    lua_createtable(H, 2, 0);
    for (int part = 1; part <= 2; part++) {
      lua_pushstring(H, next);
      lua_rawseti(H, -2, part);
      next += strlen(next) + 1;
    }
    lua_rawseti(H, -2, n);
  }
}

static void run_admit(lua_State *H, struct job *job) {
  struct aicc_request *request = job->request;
  push_method(H, "admit");
  lua_createtable(H, 0, 8);
  set_string(H, "method", request->method, strlen(request->method));
  set_string(H, "path", request->path, strlen(request->path));
  push_headers(H, &request->headers);
  lua_setfield(H, -2, "headers");
  lua_pushinteger(H, (lua_Integer)request->connection);
  lua_setfield(H, -2, "connection");
  lua_pushboolean(H, request->for_tokens);
  lua_setfield(H, -2, "for_tokens");
  lua_pushnumber(H, request->time);
  lua_setfield(H, -2, "time");
  lua_call(H, 2, 1);
  request->drop = !lua_toboolean(H, -1);
  request->ticket = request->drop ? 0 : (long)lua_tointeger(H, -1);
}

static double number_field(lua_State *H, int index, const char *name, double otherwise) {
  double number = aicc_getfield(H, index, name) == LUA_TNUMBER ? (double)lua_tonumber(H, -1) : otherwise;
  lua_pop(H, 1);
  return number;
}

/* True where the string field `name` is `word`. */
static bool field_is(lua_State *H, int index, const char *name, const char *word) {
  bool is = aicc_getfield(H, index, name) == LUA_TSTRING && strcmp(lua_tostring(H, -1), word) == 0;
  lua_pop(H, 1);
  return is;
}

static void append_string(lua_State *H, int index, struct aicc_buf *buf, bool with_nul) {
  size_t size;
  const char *text = luaL_checklstring(H, index, &size);
  if (aicc_buf_append(buf, text, size + (with_nul ? 1 : 0)) != AICC_OK) luaL_error(H, "out of memory");
}

/* Copies a string field; false where there is none. */
static bool take_string(lua_State *H, int index, const char *name, struct aicc_buf *buf) {
  bool there = aicc_getfield(H, index, name) != LUA_TNIL;
  if (there) append_string(H, -1, buf, false);
  lua_pop(H, 1);
  return there;
}

static void take_headers(lua_State *H, int index, struct aicc_buf *headers) {
  if (aicc_getfield(H, index, "headers") == LUA_TTABLE) {
    for (int n = 1; aicc_rawgeti(H, -1, n) == LUA_TTABLE; n++) {
      for (int part = 1; part <= 2; part++) {
        lua_rawgeti(H, -1, part);
        append_string(H, -1, headers, true);
        lua_pop(H, 1);
      }
      lua_pop(H, 1);
    }
    lua_pop(H, 1);
  }
  lua_pop(H, 1);
}

static void run_answer(lua_State *H, struct job *job) {
  struct aicc_request *request = job->request;
  struct aicc_request_answer *reply = &request->reply;
  push_method(H, "answer");
  lua_pushinteger(H, (lua_Integer)request->ticket);
  lua_pushlstring(H, request->body.data != NULL ? request->body.data : "", request->body.length);
  request->ticket = 0;
  lua_call(H, 3, 1);
  luaL_checktype(H, -1, LUA_TTABLE);
  int index = lua_gettop(H);
  reply->status = (unsigned)number_field(H, index, "status", 200);
  reply->delay = number_field(H, index, "delay", 0);
  reply->drip = number_field(H, index, "drip", 0);
  reply->cut = (long long)number_field(H, index, "cut", -1);
  reply->close = field_is(H, index, "close", "request") ? AICC_CLOSE_REQUEST
               : field_is(H, index, "close", "reset")   ? AICC_CLOSE_RESET
                                                        : AICC_CLOSE_NO;
  reply->endless = field_is(H, index, "endless", "body")      ? AICC_ENDLESS_BODY
                 : field_is(H, index, "endless", "headers")   ? AICC_ENDLESS_HEADERS
                                                              : AICC_ENDLESS_NO;
  lua_getfield(H, index, "hold");
  reply->hold = lua_toboolean(H, -1);
  lua_pop(H, 1);
  take_string(H, index, "body", &reply->body);
  reply->has_raw = take_string(H, index, "raw", &reply->raw);
  take_headers(H, index, &reply->headers);
}

static void run_forget(lua_State *H, struct job *job) {
  push_method(H, "forget");
  lua_pushinteger(H, (lua_Integer)job->request->ticket);
  job->request->ticket = 0;
  lua_call(H, 2, 1);
}

static void run_call(lua_State *H, struct job *job) {
  int count = aicc_wire_get(H, job->in); /* service, name, arguments */
  lua_pushvalue(H, 2);
  lua_gettable(H, 1);
  lua_replace(H, 2); /* service, method, arguments */
  lua_pushvalue(H, 1);
  lua_insert(H, 3); /* service, method, service, arguments */
  lua_call(H, count, LUA_MULTRET);
  aicc_wire_put(H, 2, job->out);
}

static void run_open(lua_State *H, struct job *job) {
  luaL_openlibs(H);
  lua_getglobal(H, "package");
  set_string(H, "path", job->path, strlen(job->path));
  set_string(H, "cpath", job->cpath, strlen(job->cpath));
  lua_getglobal(H, "require");
  lua_pushliteral(H, SERVICE);
  lua_call(H, 1, 1);
  lua_getfield(H, -1, "new");
  lua_call(H, aicc_wire_get(H, job->in), 1);
}

void aicc_state_admit(struct aicc_state *state, struct aicc_request *request) {
  enter_for(state, request, run_admit);
}

void aicc_state_answer(struct aicc_state *state, struct aicc_request *request) {
  enter_for(state, request, run_answer);
}

void aicc_state_forget(struct aicc_state *state, struct aicc_request *request) {
  enter_for(state, request, run_forget);
}

/* Runs the job and leaves its result on top; `out` gets the message where it fails. */
static bool enter_or_tell(struct aicc_state *state, struct job *job, struct aicc_buf *out) {
  if (enter(state, job)) return true;
  size_t size;
  const char *message = message_of(state->H, &size);
  aicc_buf_wipe(out);
  aicc_buf_append(out, message, size); /* without memory there is no message either */
  return false;
}

bool aicc_state_call(struct aicc_state *state, const struct aicc_buf *in, struct aicc_buf *out) {
  struct job job = {0};
  job.run = run_call;
  job.in = in;
  job.out = out;
  pthread_mutex_lock(&state->lock);
  bool done = enter_or_tell(state, &job, out);
  lua_pop(state->H, 1);
  pthread_mutex_unlock(&state->lock);
  return done;
}

static bool open_service(struct aicc_state *state, struct job *job, struct aicc_buf *why) {
  lua_pushcfunction(state->H, protected_step); /* SLOT_STEP; the one thing 5.1 allocates without protection */
  lua_pushnil(state->H);                       /* SLOT_SERVICE, until there is one */
  if (!enter_or_tell(state, job, why)) return false;
  lua_replace(state->H, SLOT_SERVICE);
  return true;
}

struct aicc_state *aicc_state_open(const char *path, const char *cpath, const struct aicc_buf *options,
                                   struct aicc_gate *gate, struct aicc_buf *why) {
  struct aicc_state *state = calloc(1, sizeof *state);
  if (state == NULL) return NULL;
  state->gate = gate;
  state->H = luaL_newstate();
  if (state->H == NULL || pthread_mutex_init(&state->lock, NULL) != 0) {
    if (state->H != NULL) lua_close(state->H);
    free(state);
    return NULL;
  }
  struct job job = {0};
  job.run = run_open;
  job.in = options;
  job.path = path;
  job.cpath = cpath;
  if (open_service(state, &job, why)) return state;
  aicc_state_close(state);
  return NULL;
}

void aicc_state_close(struct aicc_state *state) {
  if (state == NULL) return;
  lua_close(state->H);
  pthread_mutex_destroy(&state->lock);
  free(state);
}
