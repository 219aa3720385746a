/* statfs.c - to be preloaded: every file system is of the type $STATFS_TYPE. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>

typedef int looker(const char *path, struct statfs *info);

int statfs(const char *path, struct statfs *info) {
  looker *real = NULL;
  void *symbol = dlsym(RTLD_NEXT, "statfs");
  memcpy(&real, &symbol, sizeof real);
  int result = real(path, info);
  const char *type = getenv("STATFS_TYPE");
  if (result == 0 && type != NULL) info->f_type = (__fsword_t)strtoul(type, NULL, 0);
  return result;
}
