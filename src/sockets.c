/* sockets.c - the sockets that libcurl has open. See sockets.h. */
#include "sockets.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys.h"

/* The socket that is bound to that local port; CURL_SOCKET_BAD if none is. */
static curl_socket_t find_socket(struct aicc_sockets *sockets, int port) {
  for (size_t i = 0; i < sockets->count; i++) {
    struct aicc_sockets_entry *open = &sockets->open[i];
    struct sockaddr_storage address;
    socklen_t size = sizeof address;
    if (open->port == 0 && getsockname(open->fd, (struct sockaddr *)&address, &size) == 0) {
      if (address.ss_family == AF_INET) open->port = ntohs(((const struct sockaddr_in *)(const void *)&address)->sin_port);
      if (address.ss_family == AF_INET6) open->port = ntohs(((const struct sockaddr_in6 *)(const void *)&address)->sin6_port);
    }
    if (open->port == port) return open->fd;
  }
  return CURL_SOCKET_BAD;
}

/*
** Whether the kept connection that libcurl is about to use has been closed by the other end, or brings what nobody asked for.
** libcurl looks by itself, but takes a reset (7.88) or a TLS goodbye (below 8.0) for a sign of life, and from 8.22 on trusts a
** connection that it used less than a second ago. What was sent on a dead connection would have an outcome that nobody knows.
*/
int aicc_sockets_is_stale(struct aicc_sockets *sockets, int port) {
  curl_socket_t fd = port > 0 ? find_socket(sockets, port) : CURL_SOCKET_BAD;
  char byte;
  ssize_t count;
  if (fd == CURL_SOCKET_BAD) return 0;
  do count = recv(fd, &byte, 1, MSG_PEEK);
  while (count < 0 && errno == EINTR);
  return count >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
}

curl_socket_t aicc_sockets_open(struct aicc_sockets *sockets, const struct curl_sockaddr *address) {
  if (sockets->count == sockets->capacity) {
    size_t capacity = sockets->capacity > 0 ? sockets->capacity * 2 : 8;
    struct aicc_sockets_entry *open = realloc(sockets->open, capacity * sizeof *open);
    if (open == NULL) return CURL_SOCKET_BAD;
    sockets->open = open;
    sockets->capacity = capacity;
  }
  curl_socket_t fd = aicc_sys_socket(address->family, address->socktype, address->protocol);
  if (fd == CURL_SOCKET_BAD) return fd;
  struct stat info;
  sockets->open[sockets->count].fd = fd;
  sockets->open[sockets->count].port = 0;
  sockets->open[sockets->count++].inode = fstat(fd, &info) == 0 ? info.st_ino : 0;
  return fd;
}

int aicc_sockets_close(struct aicc_sockets *sockets, curl_socket_t fd) {
  for (size_t i = 0; i < sockets->count; i++) {
    if (sockets->open[i].fd != fd) continue;
    sockets->open[i] = sockets->open[--sockets->count];
    break;
  }
  return close(fd);
}

void aicc_sockets_close_all(struct aicc_sockets *sockets) {
  struct stat info;
  while (sockets->count > 0) {
    const struct aicc_sockets_entry *socket = &sockets->open[--sockets->count];
    if (fstat(socket->fd, &info) == 0 && S_ISSOCK(info.st_mode) && info.st_ino == socket->inode) close(socket->fd);
  }
}
