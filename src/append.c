/* append.c - see append.h. Descriptors are the caller's, to be closed by aicc_append_close. */
#include "append.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys.h"

#define MAX_MARK 64

/* Why the open file is none to append to, or NULL. */
static const char *unfit(int fd, const char *mark) {
  struct stat info;
  char begin[MAX_MARK];
  if (fstat(fd, &info) != 0) return aicc_sys_problem("look at it");
  if (!S_ISREG(info.st_mode)) return "it is not a regular file";
  if (info.st_nlink > 1) return "it has another name, too (a hard link), by which it may be something else";
  if ((info.st_mode & 02) != 0) return "everybody may write to it: chmod o-w";
  size_t size = strlen(mark) < sizeof begin ? strlen(mark) : sizeof begin;
  ssize_t count = pread(fd, begin, size, 0);
  if (count < 0) return aicc_sys_problem("read");
  return memcmp(begin, mark, (size_t)count) != 0 ? "there is something else in it" : NULL;
}

const char *aicc_append_open(const char *path, const char *mark, int *fd) {
  /* O_RDWR: it is looked into. O_NONBLOCK: a FIFO, which is refused, waits for no reader. */
  *fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0600);
  if (*fd < 0 && errno == ELOOP) return "it is a symbolic link: name the file that it leads to";
  if (*fd < 0) return aicc_sys_problem("open");
  const char *problem = unfit(*fd, mark);
  if (problem == NULL) return NULL;
  close(*fd);
  *fd = -1;
  return problem;
}

/* Writes once. Returns NULL, or what went wrong. */
static const char *write_once(int fd, const char *data, size_t size) {
  ssize_t count;
  do count = write(fd, data, size);
  while (count < 0 && errno == EINTR);
  if (count < 0) return aicc_sys_problem("write");
  return (size_t)count < size ? "only a part could be written: is the disk full?" : NULL;
}

/* Whether the file's last line has its end, or there is none. */
static int ends_line(int fd) {
  struct stat info;
  char last;
  if (fstat(fd, &info) != 0 || info.st_size == 0) return 1;
  return pread(fd, &last, 1, info.st_size - 1) != 1 || last == '\n';
}

const char *aicc_append_line(int fd, const char *line, size_t size) {
  const char *problem = ends_line(fd) ? NULL : write_once(fd, "\n", 1);
  return problem != NULL ? problem : write_once(fd, line, size);
}

void aicc_append_close(int fd) { close(fd); }
