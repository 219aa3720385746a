/*
** strset.h - a set of strings, in memory and of strings that somebody else keeps alive. Knows no Lua.
**
** Used to send each account once.
*/
#ifndef AICC_STRSET_H
#define AICC_STRSET_H

#include <stddef.h>
#include <stdint.h>

struct aicc_strset_slot {
  const char *text;
  size_t size;
  uint64_t hash;
};

struct aicc_strset {
  struct aicc_strset_slot *slots;
  size_t mask;  /* number of slots - 1; a power of two less one */
};

/* The number of slots that `count` strings need. */
size_t aicc_strset_slots(size_t count);

/* Makes an empty set in the caller's `slots`, of which there are as many as aicc_strset_slots said. */
void aicc_strset_init(struct aicc_strset *set, struct aicc_strset_slot *slots, size_t slot_count);

/* Adds the string, which must outlive the set. Returns 1 if it is new, 0 if the set has it. */
int aicc_strset_add(struct aicc_strset *set, const char *text, size_t size);

/* 64-bit FNV-1a, continued from `seed`. */
uint64_t aicc_hash(uint64_t seed, const char *text, size_t size);
#define AICC_HASH_SEED UINT64_C(0xcbf29ce484222325)

#endif
