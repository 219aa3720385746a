/* opened.c - to be preloaded: tells, on standard error, which certificate files are opened by fopen, as OpenSSL does. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

typedef FILE *opener(const char *path, const char *mode);

static FILE *told(const char *name, const char *path, const char *mode) {
  if (strncmp(path, "/etc/ssl", 8) == 0) fprintf(stderr, "opened %s\n", path);
  opener *real = NULL;
  void *symbol = dlsym(RTLD_NEXT, name);
  memcpy(&real, &symbol, sizeof real);
  return real(path, mode);
}

FILE *fopen(const char *path, const char *mode) { return told("fopen", path, mode); }

FILE *fopen64(const char *path, const char *mode) { return told("fopen64", path, mode); }
