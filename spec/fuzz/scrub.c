/*
** scrub.c - fuzzes the scrubber: whatever surrounds a secret, it is not there afterwards; and nothing grows. The input is the
** secret's length, the secret, and a text; the secret is then put behind the text, too.
*/
#define _GNU_SOURCE /* memmem */
#include "../../src/scrub.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size) {
  if (size < 2) return 0;
  size_t secret_size = 4 + data[0] % 29;
  if (size < 1 + secret_size) return 0;
  const char *secret = (const char *)data + 1;
  if (memchr(secret, '*', secret_size) != NULL) return 0; /* the mask itself may look like it */
  size_t text_size = size - 1 - secret_size, whole = text_size + secret_size;
  char *text = malloc(whole);
  memcpy(text, secret + secret_size, text_size);
  memcpy(text + text_size, secret, secret_size);
  size_t left = aicc_scrub_replace(text, whole, secret, secret_size);
  if (left > whole || memmem(text, left, secret, secret_size) != NULL) abort();
  free(text);
  return 0;
}
