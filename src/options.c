/* options.c - a session's options. See options.h. */
#include "options.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "arguments.h"
#include "endpoint.h"
#include "libcurl.h"
#include "sys.h"
#include "version.h"

#define MAX_IN_FLIGHT 1024

#define AS_NAME(constant, name) name,
static const char *const names[AICC_OPTIONS + 1] = {AICC_OPTIONS_TEXTS(AS_NAME) AICC_OPTIONS_OTHERS(AS_NAME) NULL};

void aicc_options_only(lua_State *L, int index, const char *const *known) {
  index = lua_absindex(L, index);
  for (lua_pushnil(L); lua_next(L, index) != 0; lua_pop(L, 1)) {
    const char *key = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : NULL;
    const char *const *name = known;
    while (*name != NULL && (key == NULL || strcmp(*name, key) != 0)) name++;
    if (*name == NULL) luaL_error(L, "unknown option '%s'", key != NULL ? key : luaL_typename(L, -2));
  }
}

double aicc_options_seconds(lua_State *L, int index, const char *name, double otherwise) {
  double seconds = otherwise;
  int type = aicc_getfield(L, index, name);
  if (type == LUA_TNUMBER) seconds = (double)lua_tonumber(L, -1);
  if ((type != LUA_TNUMBER && type != LUA_TNIL) || !(seconds > 0) || isinf(seconds))
    luaL_error(L, "%s: expected a number of seconds above 0, got %s", name,
               type == LUA_TNUMBER ? lua_tostring(L, -1) : luaL_typename(L, -1));
  lua_pop(L, 1);
  return seconds;
}

static void read_texts(lua_State *L, int index, struct aicc_options *options) {
  for (int i = 0; i < AICC_OPTION_TEXTS; i++) {
    int type = aicc_getfield(L, index, names[i]);
    size_t size = 0;
    const char *text = type == LUA_TSTRING ? lua_tolstring(L, -1, &size) : NULL;
    if (text == NULL && type != LUA_TNIL) luaL_error(L, "%s: expected a string, got %s", names[i], lua_typename(L, type));
    if (text != NULL && strlen(text) != size) luaL_error(L, "%s: expected no NUL byte in it", names[i]);
    if (text != NULL && (options->text[i] = strdup(text)) == NULL) luaL_error(L, "not enough memory");
    lua_pop(L, 1);
  }
}

static int read_boolean(lua_State *L, int index, const char *name, int otherwise) {
  int type = aicc_getfield(L, index, name);
  int value = type == LUA_TNIL ? otherwise : lua_toboolean(L, -1);
  if (type != LUA_TNIL && type != LUA_TBOOLEAN) luaL_error(L, "%s: expected a boolean, got %s", name, lua_typename(L, type));
  lua_pop(L, 1);
  return value;
}

static int refuse(struct aicc_error *failure) {
  failure->kind = "config";
  return 0;
}

/* The same for a text, and why; where memory ran out it is no option's fault, and the failure has no kind. */
static int refuse_text(struct aicc_error *failure, enum aicc_options_name which, const char *why) {
  aicc_error_say(failure, "%s: %s", names[which], why);
  refuse(failure);
  if (why == aicc_endpoint_no_memory) failure->kind = NULL;
  return 0;
}

static int check_header_text(const struct aicc_options *options, enum aicc_options_name which, size_t least,
                             struct aicc_error *failure) {
  const char *text = options->text[which];
  if (text == NULL || (strlen(text) >= least && aicc_arguments_fit_header(text, strlen(text), which == AICC_USER_AGENT)))
    return 1;
  aicc_error_say(failure, "%s: expected %zu to %d visible ASCII characters", names[which], least, AICC_MAX_HEADER_VALUE);
  return refuse(failure);
}

static int check_texts(const struct aicc_options *options, struct aicc_error *failure) {
  const char *secret = options->text[AICC_APP_SECRET];
  if (secret != NULL && strlen(secret) < AICC_LEAST_SECRET) {
    aicc_error_say(failure, "%s: expected at least %d bytes", names[AICC_APP_SECRET], AICC_LEAST_SECRET);
    return refuse(failure);
  }
  return check_header_text(options, AICC_APP_KEY, AICC_LEAST_SECRET, failure) &&
         check_header_text(options, AICC_TENANT, 1, failure) && check_header_text(options, AICC_USER_AGENT, 1, failure);
}

/* Where trust comes from: what was asked for, else libcurl's hashed directory alone (much the fastest), else its bundle alone. */
static int choose_authorities(struct aicc_options *options, struct aicc_error *failure) {
  struct aicc_handle_settings *settings = &options->settings;
  for (int which = AICC_CA_FILE; which <= AICC_CA_PATH; which++) {
    const char *text = options->text[which];
    const char *problem = text != NULL ? aicc_sys_unreadable(text, which == AICC_CA_PATH) : NULL;
    if (problem == NULL) continue;
    aicc_error_say(failure, "%s: cannot read %s: %s", names[which], text, problem);
    return refuse(failure);
  }
  settings->ca_file = options->text[AICC_CA_FILE];
  settings->ca_path = options->text[AICC_CA_PATH];
  if (settings->ca_file != NULL || settings->ca_path != NULL) return 1;
  const struct aicc_libcurl *libcurl = aicc_libcurl_start();
  if (libcurl->ca_path != NULL && aicc_sys_has_hashed_certificates(libcurl->ca_path))
    settings->ca_path = libcurl->ca_path;
  else
    settings->ca_file = libcurl->ca_file;
  return 1;
}

/* Makes the addresses of the operations that are at one base URL: those with a token, or the one for it. Tells what URL it is. */
static int check_address(struct aicc_options *options, enum aicc_options_name which, int with_token, int *https, int *loopback,
                         struct aicc_error *failure) {
  CURLU *base = NULL;
  const char *why = aicc_endpoint_parse(options->text[which], &base, https, loopback);
  for (int i = 0; why == NULL && i < AICC_OPERATION_COUNT; i++) {
    if (aicc_operation_table[i].with_token != with_token) continue;
    const char *problem = NULL;
    options->targets[i] = aicc_endpoint_target(base, aicc_operation_table[i].path, &problem);
    if (options->targets[i] == NULL) why = problem;
  }
  /* The path is the request's target, which libcurl sends as it is; one in the URL it would encode anew for each request. */
  if (why == NULL && curl_url_set(base, CURLUPART_PATH, "/", 0) != CURLUE_OK) why = aicc_endpoint_no_memory;
  options->urls[with_token] = base;
  return why == NULL || refuse_text(failure, which, why);
}

static int check_endpoints(struct aicc_options *options, struct aicc_error *failure) {
  struct aicc_handle_settings *settings = &options->settings;
  int loopback = 0, tokens_https = 0, tokens_loopback = 0;
  if (options->text[AICC_BASE_URL] == NULL) {
    aicc_error_say(failure, "base_url: it is missing");
    return refuse(failure);
  }
  enum aicc_options_name tokens = options->text[AICC_TOKEN_URL] != NULL ? AICC_TOKEN_URL : AICC_BASE_URL;
  if (!check_address(options, AICC_BASE_URL, 1, &settings->https, &loopback, failure) ||
      !check_address(options, tokens, 0, &tokens_https, &tokens_loopback, failure))
    return 0;
  if (tokens_https != settings->https) {
    aicc_error_say(failure, "token_url: expected the scheme of base_url, %s", settings->https ? "https" : "http");
    return refuse(failure);
  }
  if (!options->verify && !(loopback && tokens_loopback)) {
    aicc_error_say(failure, "verify: false is allowed only for a loopback address");
    return refuse(failure);
  }
  settings->verify = options->verify;
  const char *proxy = options->text[AICC_PROXY];
  settings->proxy = settings->https && proxy != NULL ? proxy : "";
  if (!options->verify && settings->proxy[0] != '\0') {
    aicc_error_say(failure, "verify: false is not allowed through a proxy: what is dialled is not this machine");
    return refuse(failure);
  }
  const char *why = proxy != NULL && proxy[0] != '\0' ? aicc_endpoint_check_proxy(proxy) : NULL;
  return why == NULL || refuse_text(failure, AICC_PROXY, why); /* never the text itself: it may hold a password */
}

int aicc_options_read(lua_State *L, int index, struct aicc_options *options, struct aicc_error *failure) {
  luaL_checktype(L, index, LUA_TTABLE);
  aicc_options_only(L, index, names);
  read_texts(L, index, options);
  options->verify = read_boolean(L, index, names[AICC_VERIFY], 1);
  options->settings.facts = read_boolean(L, index, names[AICC_FACTS], 0);
  int type = aicc_getfield(L, index, names[AICC_MAX_IN_FLIGHT]);
  if (type != LUA_TNIL && type != LUA_TNUMBER) luaL_error(L, "max_in_flight: expected an integer, got %s", lua_typename(L, type));
  double window = type == LUA_TNIL ? 8 : (double)lua_tonumber(L, -1);
  lua_pop(L, 1);
  options->timeout = aicc_options_seconds(L, index, names[AICC_TIMEOUT], 15);
  options->connect_timeout = aicc_options_seconds(L, index, names[AICC_CONNECT_TIMEOUT], 5);
  aicc_error_init(failure, NULL, "config", AICC_NOT_SENT);
  if (!(window >= 1 && window <= MAX_IN_FLIGHT) || window != floor(window)) {
    aicc_error_say(failure, "max_in_flight: expected an integer from 1 to %d, got %.14g", MAX_IN_FLIGHT, window);
    return 0;
  }
  options->max_in_flight = (size_t)window;
  if (options->text[AICC_USER_AGENT] == NULL && (options->text[AICC_USER_AGENT] = strdup("aicc/" AICC_VERSION)) == NULL)
    luaL_error(L, "not enough memory");
  int is_good = check_texts(options, failure) && check_endpoints(options, failure) && choose_authorities(options, failure);
  if (!is_good && failure->kind == NULL) luaL_error(L, "not enough memory");
  return is_good;
}

void aicc_options_free(struct aicc_options *options) {
  for (int i = 0; i < AICC_OPTION_TEXTS; i++) {
    if (options->text[i] != NULL) aicc_buf_overwrite(options->text[i], strlen(options->text[i]));
    free(options->text[i]);
    options->text[i] = NULL;
  }
  for (int i = 0; i < AICC_OPERATION_COUNT; i++) {
    free(options->targets[i]);
    options->targets[i] = NULL;
  }
  for (int i = 0; i < 2; i++) {
    curl_url_cleanup(options->urls[i]);
    options->urls[i] = NULL;
  }
}
