/*
** strset.c - fuzzes the set of strings: beside comparing each with each, whatever the hash. The first byte says whether all
** hashes are to be the same, and whether the strings come in order; the others are strings that end at a zero.
*/
#include "../../src/strset.h"

#include <stdlib.h>
#include <string.h>

#define MOST 300

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

struct string {
  char *text; /* of no byte more than its size: a read beyond the end is seen */
  size_t size;
};

static int is_same(struct string a, struct string b) { return a.size == b.size && memcmp(a.text, b.text, a.size) == 0; }

static int by_bytes(const void *x, const void *y) {
  const struct string *a = x, *b = y;
  int order = memcmp(a->text, b->text, a->size < b->size ? a->size : b->size);
  return order != 0 ? order : (a->size > b->size) - (a->size < b->size);
}

/* A set for `count` strings, whose hashes are all the same or not. */
static void make(struct aicc_strset *set, void *memory, size_t count, int is_flooded) {
  aicc_strset_open();
  aicc_strset_init(set, memory, count);
  if (set->factor % 2 == 0) abort();
  if (is_flooded) set->factor = 0;
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size) {
  static struct string strings[MOST];
  struct aicc_strset set;
  size_t count = 0, distinct = 0, from = 1;
  if (size == 0) return 0;
  for (size_t at = 1; at <= size && count < MOST; at++) {
    if (at < size && data[at] != 0) continue;
    strings[count].size = at - from;
    strings[count].text = malloc(at > from ? at - from : 1);
    memcpy(strings[count++].text, data + from, at - from);
    from = at + 1;
  }
  if (data[0] & 2) qsort(strings, count, sizeof *strings, by_bytes);
  void *memory = malloc(aicc_strset_size(count));
  make(&set, memory, count, data[0] & 1);
  for (size_t i = 0; i < count; i++) {
    int is_new = 1;
    for (size_t j = 0; j < i; j++) is_new &= !is_same(strings[i], strings[j]);
    if (aicc_strset_add(&set, strings[i].text, strings[i].size) != is_new) abort();
    distinct += (size_t)is_new;
  }
  if (set.count != distinct) abort();
  make(&set, memory, count, data[0] & 1);
  for (size_t i = 0; i < count; i++) aicc_strset_append(&set, strings[i].text, strings[i].size);
  if (aicc_strset_are_distinct(&set) != (distinct == count)) abort();
  free(memory);
  while (count > 0) free(strings[--count].text);
  return 0;
}
