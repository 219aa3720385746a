/*
** sockets.h - the sockets that libcurl has open: to find one that has been closed by the other end, and to close them in the
** child after a fork, which may have closed some, and opened other files instead. Knows no Lua.
**
** The register is the engine's (engine.c), and is told of each socket by the callbacks of handle.c.
*/
#ifndef AICC_SOCKETS_H
#define AICC_SOCKETS_H

#include <sys/types.h>

#include "libcurl.h"

struct aicc_sockets_entry {
  curl_socket_t fd;
  int port;       /* its own; 0 until somebody asked */
  ino_t inode;
};
struct aicc_sockets {
  struct aicc_sockets_entry *open;
  size_t count, capacity;
};

/* Opens a socket that no program started from here inherits, and notes it. CURL_SOCKET_BAD if it cannot be had. */
curl_socket_t aicc_sockets_open(struct aicc_sockets *sockets, const struct curl_sockaddr *address);

/* Closes one, and forgets it; returns as close. */
int aicc_sockets_close(struct aicc_sockets *sockets, curl_socket_t fd);

/* Closes them all, without a word on them, and forgets them. */
void aicc_sockets_close_all(struct aicc_sockets *sockets);

/*
** Whether the kept connection on that local port, which libcurl is about to use, has been closed by the other end, or brings what
** nobody asked for.
*/
int aicc_sockets_is_stale(struct aicc_sockets *sockets, int port);

#endif
