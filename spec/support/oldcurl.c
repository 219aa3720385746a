/*
** oldcurl.c - to be preloaded: a libcurl that says that it is 7.79.1, with a record that ends where one of 2003 did. Whoever
** reads on meets a page that cannot be read.
*/
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

struct first_record {
  int age;
  const char *version;
  unsigned int version_num;
  const char *host;
  int features;
  const char *ssl_version;
  long ssl_version_num;
  const char *libz_version;
  const char *const *protocols;
};

void *curl_version_info(int age) {
  static struct first_record old = {0, "7.79.1", 0x074F01, "", 0, NULL, 0, NULL, NULL};
  static char *page;
  (void)age;
  if (page == NULL) {
    page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED || mprotect(page + 4096, 4096, PROT_NONE) != 0) abort();
    memcpy(page + 4096 - sizeof old, &old, sizeof old);
  }
  return page + 4096 - sizeof old;
}
