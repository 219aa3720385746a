/* engine.c - libcurl's handles. See engine.h. */
#include "engine.h"

#include <stdlib.h>

/* Those that came through a fork. The list only keeps them reachable. */
static struct aicc_engine *abandoned;

void aicc_engine_free(struct aicc_engine *engine) {
  for (size_t i = 0; i < engine->idle_count; i++) aicc_handle_free(engine->idle[i]);
  curl_multi_cleanup(engine->multi);
  free(engine->idle);
  free(engine->sockets.open);
  free(engine);
}

struct aicc_engine *aicc_engine_new(size_t window) {
  struct aicc_engine *engine = calloc(1, sizeof *engine);
  if (engine == NULL) return NULL;
  engine->capacity = window;
  engine->idle = calloc(window, sizeof *engine->idle);
  engine->multi = curl_multi_init();
  if (engine->idle == NULL || engine->multi == NULL ||
      curl_multi_setopt(engine->multi, CURLMOPT_MAXCONNECTS, (long)window) != CURLM_OK ||
      curl_multi_setopt(engine->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING) != CURLM_OK) {
    aicc_engine_free(engine);
    return NULL;
  }
#if LIBCURL_VERSION_NUM >= 0x081400
  curl_multi_setopt(engine->multi, CURLMOPT_QUICK_EXIT, 1L); /* resolvers' threads are the multi handle's there (xfer.c) */
#endif
  return engine;
}

void aicc_engine_abandon(struct aicc_engine *engine) {
  do engine->next = __atomic_load_n(&abandoned, __ATOMIC_RELAXED);
  while (!__sync_bool_compare_and_swap(&abandoned, engine->next, engine));
}
