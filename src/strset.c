/* strset.c - a set of strings: open addressing, never more than half full. See strset.h. */
#include "strset.h"

#include <string.h>

uint64_t aicc_hash(uint64_t seed, const char *text, size_t size) {
  for (size_t i = 0; i < size; i++) seed = (seed ^ (unsigned char)text[i]) * UINT64_C(0x100000001b3);
  return seed;
}

size_t aicc_strset_slots(size_t count) {
  size_t slots = 16;
  while (slots / 2 < count) slots *= 2;
  return slots;
}

void aicc_strset_init(struct aicc_strset *set, struct aicc_strset_slot *slots, size_t slot_count) {
  memset(slots, 0, slot_count * sizeof *slots);
  set->slots = slots;
  set->mask = slot_count - 1;
}

/* A quick hash, eight bytes at a time; it never leaves the set. */
static uint64_t quick_hash(const char *text, size_t size) {
  uint64_t hash = size, word;
  for (; size >= sizeof word; text += sizeof word, size -= sizeof word) {
    memcpy(&word, text, sizeof word);
    hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
    hash ^= hash >> 32;
  }
  word = 0;
  memcpy(&word, text, size);
  hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
  return hash ^ hash >> 32;
}

int aicc_strset_add(struct aicc_strset *set, const char *text, size_t size) {
  uint64_t hash = quick_hash(text, size);
  size_t at = (size_t)hash & set->mask;
  for (; set->slots[at].text != NULL; at = (at + 1) & set->mask) {
    const struct aicc_strset_slot *slot = &set->slots[at];
    if (slot->hash == hash && slot->size == size && memcmp(slot->text, text, size) == 0) return 0;
  }
  set->slots[at].text = text;
  set->slots[at].size = size;
  set->slots[at].hash = hash;
  return 1;
}
