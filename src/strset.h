/*
** strset.h - a set of strings, in memory and of strings that somebody else keeps alive. Knows no Lua.
**
** Used to send each account once. Strings are added one by one, or appended first and all looked at in the end: most lists come
** in order from a table or a file, and need no hashes at all, nor do short ones. For the others there are four bytes for each
** slot, so that the table for 100,000 strings fits into a processor's second cache, and is asked for before it is looked at.
** The hash multiplies by a secret of the process's own: nobody can choose strings so that many fall on one slot.
*/
#ifndef AICC_STRSET_H
#define AICC_STRSET_H

#include <stddef.h>
#include <stdint.h>

/* Has what is at the address brought from memory, if anything is there. */
#ifdef __GNUC__
#define aicc_strset_prefetch(address) __builtin_prefetch(address)
#else
#define aicc_strset_prefetch(address) ((void)(address))
#endif

struct aicc_strset_item {
  const char *text;
  uint32_t size, hash;
};

struct aicc_strset {
  struct aicc_strset_item *items;  /* in the order in which they were added */
  size_t count;
  size_t ordered;  /* so many at the beginning are in ascending order, and have no hash yet */
  uint32_t *slots; /* the number of an item, from 1, and above it what fits of its hash; 0: free */
  size_t mask;     /* number of slots - 1; a power of two less one */
  uint32_t number; /* the bits of a slot that are the item's number */
  uint64_t seed, factor; /* of the hash; the factor is odd */
};

/* A set is for fewer strings than that, each shorter than 4 GiB. */
#define AICC_STRSET_MOST (UINT32_C(1) << 30)

/* Bytes that are enough for so many strings, from 4 on, as a constant. */
#define AICC_STRSET_SIZE(count) ((count) * (sizeof(struct aicc_strset_item) + 4 * sizeof(uint32_t)))

/* Makes the secret, the first time, in whichever thread that is: before any set is made. */
void aicc_strset_open(void);

/* The number of bytes that a set of `count` strings needs. */
size_t aicc_strset_size(size_t count);

/* Makes an empty set for `count` strings in the caller's memory: as many bytes as aicc_strset_size said, aligned for any type. */
void aicc_strset_init(struct aicc_strset *set, void *memory, size_t count);

/* Adds the string, which must outlive the set, unless the set has it. Returns 1 if it is new. Not after an append. */
int aicc_strset_add(struct aicc_strset *set, const char *text, size_t size);

/* Appends the string, which must outlive the set, without looking whether the set has it. */
void aicc_strset_append(struct aicc_strset *set, const char *text, size_t size);

/* Whether the strings that were appended are all different. Said once, in the end. */
int aicc_strset_are_distinct(struct aicc_strset *set);

#endif
