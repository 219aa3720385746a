/* strset.c - a set of strings: strings in order, or open addressing, never more than three quarters full. See strset.h. */
#include "strset.h"

#include <pthread.h>
#include <string.h>

#include "sys.h"

#define SHORT 6  /* strings that are compared with each other */
#define AHEAD 12 /* strings whose slots are on their way from memory */

/* The number of slots that so many strings need. */
static size_t slots_for(size_t count) {
  size_t slots = 8;
  while (slots - slots / 4 < count) slots *= 2;
  return slots;
}

size_t aicc_strset_size(size_t count) {
  return count * sizeof(struct aicc_strset_item) + slots_for(count) * sizeof(uint32_t);
}

static uint64_t secret[2];

void aicc_strset_open(void) {
  static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* and not pthread_once, of which helgrind knows nothing */
  static int is_open;
  pthread_mutex_lock(&lock);
  for (int i = 0; !is_open && i < 4; i++)
    secret[i / 2] = secret[i / 2] << 32 | (uint32_t)(aicc_sys_random() * 4294967296.0);
  is_open = 1;
  pthread_mutex_unlock(&lock);
}

void aicc_strset_init(struct aicc_strset *set, void *memory, size_t count) {
  set->items = memory;
  set->slots = (uint32_t *)(void *)(set->items + count);
  set->count = set->ordered = 0;
  set->mask = slots_for(count) - 1;
  set->seed = secret[0];
  set->factor = secret[1] | 1;
  for (set->number = 1; set->number < count;) set->number = set->number << 1 | 1;
}

static uint64_t word_at(const char *text) {
  uint64_t word;
  memcpy(&word, text, sizeof word);
  return word;
}

static uint64_t half_at(const char *text) {
  uint32_t half;
  memcpy(&half, text, sizeof half);
  return half;
}

/* A product carries upwards only: hence the shifts, before it for a text's last bytes, after it for the index. */
static uint64_t mixed(uint64_t hash, uint64_t word, uint64_t factor) {
  hash ^= word;
  hash = (hash ^ hash >> 32) * factor;
  return hash ^ hash >> 32;
}

/* A quick hash, eight bytes at a time, the last of which overlap those before; it never leaves the set. */
static uint32_t quick_hash(const struct aicc_strset *set, const char *text, size_t size) {
  uint64_t hash = set->seed ^ size, rest = 0;
  if (size >= 8) {
    for (size_t at = 0; at + 8 < size; at += 8) hash = mixed(hash, word_at(text + at), set->factor);
    rest = word_at(text + size - 8);
  } else if (size >= 4) {
    rest = half_at(text) | half_at(text + size - 4) << 32;
  } else {
    for (size_t at = 0; at < size; at++) rest = rest << 8 | (unsigned char)text[at];
  }
  return (uint32_t)mixed(hash, rest, set->factor);
}

static int is_same(const struct aicc_strset_item *a, const struct aicc_strset_item *b) {
  return a->size == b->size && memcmp(a->text, b->text, a->size) == 0;
}

static int is_less(const struct aicc_strset_item *a, const struct aicc_strset_item *b) {
  size_t shared = a->size < b->size ? a->size : b->size, at = 0;
  while (shared - at >= 8 && word_at(a->text + at) == word_at(b->text + at)) at += 8;
  while (at < shared && a->text[at] == b->text[at]) at++;
  return at < shared ? (unsigned char)a->text[at] < (unsigned char)b->text[at] : a->size < b->size;
}

/* Puts the item at that place among `items` into the slots. Returns 0 if one that is the same is there. */
static int put_in_slot(struct aicc_strset *set, size_t place) {
  const struct aicc_strset_item *item = &set->items[place];
  uint32_t rest = item->hash & ~set->number, slot;
  size_t at = item->hash & set->mask;
  for (; (slot = set->slots[at]) != 0; at = (at + 1) & set->mask)
    if ((slot & ~set->number) == rest && is_same(&set->items[(slot & set->number) - 1], item)) return 0;
  set->slots[at] = rest | (uint32_t)(place + 1);
  return 1;
}

static struct aicc_strset_item *next_item(struct aicc_strset *set, const char *text, size_t size) {
  struct aicc_strset_item *item = &set->items[set->count];
  item->text = text;
  item->size = (uint32_t)size;
  return item;
}

static void clear_slots(struct aicc_strset *set) { memset(set->slots, 0, (set->mask + 1) * sizeof *set->slots); }

int aicc_strset_add(struct aicc_strset *set, const char *text, size_t size) {
  if (set->count == 0) clear_slots(set);
  next_item(set, text, size)->hash = quick_hash(set, text, size);
  int is_new = put_in_slot(set, set->count);
  set->count += (size_t)is_new;
  return is_new;
}

void aicc_strset_append(struct aicc_strset *set, const char *text, size_t size) {
  struct aicc_strset_item *item = next_item(set, text, size);
  if (set->ordered == set->count && (set->count == 0 || is_less(item - 1, item)))
    set->ordered++;
  else
    item->hash = quick_hash(set, text, size);
  set->count++;
}

static int are_distinct_by_pairs(const struct aicc_strset *set) {
  for (size_t i = 1; i < set->count; i++)
    for (size_t j = 0; j < i; j++)
      if (is_same(&set->items[i], &set->items[j])) return 0;
  return 1;
}

int aicc_strset_are_distinct(struct aicc_strset *set) {
  if (set->ordered == set->count) return 1;
  if (set->count <= SHORT) return are_distinct_by_pairs(set);
  for (size_t i = 0; i < set->ordered; i++) set->items[i].hash = quick_hash(set, set->items[i].text, set->items[i].size);
  clear_slots(set);
  for (size_t i = 0; i < set->count; i++) {
    if (i + AHEAD < set->count) aicc_strset_prefetch(&set->slots[set->items[i + AHEAD].hash & set->mask]);
    if (!put_in_slot(set, i)) return 0;
  }
  return 1;
}
