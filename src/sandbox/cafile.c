/*
** cafile.c - see cafile.h.
*/
#include "cafile.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sys.h"

#define NAME "/aicc-sandbox-ca-XXXXXX"

static bool write_all(int fd, const char *text) {
  size_t left = strlen(text);
  while (left > 0) {
    ssize_t written = write(fd, text, left);
    if (written < 0 && errno != EINTR) return false;
    if (written > 0) text += written, left -= (size_t)written;
  }
  return true;
}

char *aicc_cafile_create(const char *pem) {
  const char *folder = getenv("TMPDIR");
  if (folder == NULL || *folder == '\0') folder = "/tmp";
  size_t size = strlen(folder) + sizeof NAME;
  char *path = malloc(size);
  if (path == NULL) return NULL;
  snprintf(path, size, "%s%s", folder, NAME);
  int fd = aicc_sys_temporary(path);
  if (fd < 0) {
    free(path);
    return NULL;
  }
  bool written = write_all(fd, pem);
  if (close(fd) == 0 && written) return path;
  aicc_cafile_remove(path);
  return NULL;
}

void aicc_cafile_remove(char *path) {
  if (path == NULL) return;
  unlink(path);
  free(path);
}
