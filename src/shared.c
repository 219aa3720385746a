/* shared.c - see shared.h. The entries are in buckets by hash, and in the order in which they were written. */
#include "shared.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"
#include "sys.h"

#define BUCKETS 4096u

struct entry {
  struct entry *next;          /* in its bucket */
  struct entry *older, *newer; /* among all */
  double ends;                 /* by the monotonic clock; 0: never */
  double number;
  size_t key_size, size;
  int is_text;
  char bytes[]; /* the key, then the text */
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct entry *buckets[BUCKETS];
static struct entry *oldest, *newest;
static size_t used; /* bytes */

/* Everything below, but for what shared.h names, is called with the mutex held. */

static struct entry **bucket_of(struct aicc_shared_key key) {
  return &buckets[aicc_text_hash(key.text, key.size) % BUCKETS];
}

static size_t cost_of(const struct entry *entry) { return sizeof *entry + entry->key_size + entry->size; }

static struct aicc_shared_key key_of(const struct entry *entry) {
  struct aicc_shared_key key = {entry->bytes, entry->key_size};
  return key;
}

static void forget(struct entry *entry) {
  struct entry **at = bucket_of(key_of(entry));
  while (*at != entry) at = &(*at)->next;
  *at = entry->next;
  *(entry->older != NULL ? &entry->older->newer : &oldest) = entry->newer;
  *(entry->newer != NULL ? &entry->newer->older : &newest) = entry->older;
  used -= cost_of(entry);
  free(entry);
}

/* The entry that lives, or NULL. */
static struct entry *find(struct aicc_shared_key key, double now) {
  struct entry *entry = *bucket_of(key);
  while (entry != NULL && (entry->key_size != key.size || memcmp(entry->bytes, key.text, key.size) != 0)) entry = entry->next;
  if (entry == NULL || entry->ends == 0 || now < entry->ends) return entry;
  forget(entry);
  return NULL;
}

/* Makes room for `size` bytes; 0 if what never ends leaves none. */
static int make_room(size_t size) {
  struct entry *entry = oldest;
  while (used + size > AICC_SHARED_ROOM && entry != NULL) {
    struct entry *newer = entry->newer;
    if (entry->ends != 0) forget(entry);
    entry = newer;
  }
  return used + size <= AICC_SHARED_ROOM;
}

/* A new entry with a text of that size that is not there yet; or NULL. */
static struct entry *insert(struct aicc_shared_key key, size_t size, double seconds, double now) {
  struct entry *entry, **bucket = bucket_of(key);
  if (!make_room(sizeof *entry + key.size + size)) return NULL;
  entry = calloc(1, sizeof *entry + key.size + size);
  if (entry == NULL) return NULL;
  entry->key_size = key.size;
  entry->size = size;
  entry->ends = seconds > 0 ? now + seconds : 0;
  memcpy(entry->bytes, key.text, key.size);
  entry->next = *bucket;
  *bucket = entry;
  entry->older = newest;
  *(newest != NULL ? &newest->newer : &oldest) = entry;
  newest = entry;
  used += cost_of(entry);
  return entry;
}

enum aicc_shared_kind aicc_shared_get(struct aicc_shared_key key, double *number, char *text, size_t capacity, size_t *size) {
  enum aicc_shared_kind kind = AICC_SHARED_ABSENT;
  pthread_mutex_lock(&mutex);
  const struct entry *entry = find(key, aicc_sys_now(AICC_MONOTONIC));
  if (entry != NULL && entry->is_text) {
    kind = AICC_SHARED_TEXT;
    *size = entry->size;
    memcpy(text, entry->bytes + entry->key_size, entry->size < capacity ? entry->size : capacity);
  } else if (entry != NULL) {
    kind = AICC_SHARED_NUMBER;
    *number = entry->number;
  }
  pthread_mutex_unlock(&mutex);
  return kind;
}

enum aicc_shared_result aicc_shared_set(struct aicc_shared_key key, const char *text, size_t size, double number, double seconds,
                                        int only_new) {
  enum aicc_shared_result result = AICC_SHARED_EXISTS;
  double now = aicc_sys_now(AICC_MONOTONIC);
  pthread_mutex_lock(&mutex);
  struct entry *entry = find(key, now);
  if (entry == NULL || !only_new) {
    if (entry != NULL) forget(entry);
    entry = insert(key, text != NULL ? size : 0, seconds, now);
    result = entry != NULL ? AICC_SHARED_DONE : AICC_SHARED_NO_ROOM;
  }
  if (result == AICC_SHARED_DONE) {
    entry->is_text = text != NULL;
    entry->number = number;
    if (text != NULL && size > 0) memcpy(entry->bytes + key.size, text, size);
  }
  pthread_mutex_unlock(&mutex);
  return result;
}

enum aicc_shared_result aicc_shared_add(struct aicc_shared_key key, double by, const double *first, double seconds, double *sum) {
  enum aicc_shared_result result = AICC_SHARED_DONE;
  double now = aicc_sys_now(AICC_MONOTONIC);
  pthread_mutex_lock(&mutex);
  struct entry *entry = find(key, now);
  if (entry == NULL && first != NULL) {
    entry = insert(key, 0, seconds, now);
    if (entry != NULL) entry->number = *first;
    if (entry == NULL) result = AICC_SHARED_NO_ROOM;
  } else if (entry == NULL) {
    result = AICC_SHARED_NOT_FOUND;
  } else if (entry->is_text) {
    result = AICC_SHARED_NOT_A_NUMBER;
  }
  if (result == AICC_SHARED_DONE) *sum = entry->number += by;
  pthread_mutex_unlock(&mutex);
  return result;
}

void aicc_shared_delete(struct aicc_shared_key key) {
  pthread_mutex_lock(&mutex);
  struct entry *entry = find(key, aicc_sys_now(AICC_MONOTONIC));
  if (entry != NULL) forget(entry);
  pthread_mutex_unlock(&mutex);
}

size_t aicc_shared_keys(struct aicc_shared_key prefix, char *text, size_t capacity) {
  size_t size = 0;
  double now = aicc_sys_now(AICC_MONOTONIC);
  pthread_mutex_lock(&mutex);
  for (const struct entry *entry = oldest; entry != NULL; entry = entry->newer) {
    if (entry->ends != 0 && now >= entry->ends) continue;
    if (entry->key_size <= prefix.size || memcmp(entry->bytes, prefix.text, prefix.size) != 0) continue;
    size_t rest = entry->key_size - prefix.size;
    if (size + rest + 1 <= capacity) {
      memcpy(text + size, entry->bytes + prefix.size, rest);
      text[size + rest] = '\0';
    }
    size += rest + 1;
  }
  pthread_mutex_unlock(&mutex);
  return size;
}
