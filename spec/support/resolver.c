/*
** resolver.c - to be preloaded: a getaddrinfo that asks nobody. Names that begin with "slow" take half a minute; then, and for
** all other names at once, there is no such host.
*/
#define _GNU_SOURCE
#include <netdb.h>
#include <string.h>
#include <unistd.h>

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **found) {
  (void)service, (void)hints, (void)found;
  if (node != NULL && strncmp(node, "slow", 4) == 0) sleep(30);
  return EAI_NONAME;
}
