/* file.c - files that hold secrets. See file.h. */
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys.h"

/* Why the open file does not satisfy the rule, or NULL. */
static const char *rule_problem(const struct stat *info, enum aicc_file_rule rule) {
  if (!S_ISREG(info->st_mode)) return "it is not a regular file";
  if (rule == AICC_FILE_UNSHARED && (info->st_mode & 022) != 0) return "its group or others may write to it: chmod go-w";
  if (rule < AICC_FILE_PRIVATE) return NULL;
  if (info->st_uid != geteuid() && (rule == AICC_FILE_OWN || info->st_uid != 0)) return "it belongs to another user";
  return (info->st_mode & 077) != 0 ? "its group or others have rights to it: chmod 600" : NULL;
}

static const char *read_all(int fd, struct aicc_buf *buf) {
  for (;;) {
    if (aicc_buf_reserve(buf, 1) == AICC_TOO_LONG) {
      char byte;
      return read(fd, &byte, 1) == 0 ? NULL : "it is too large";
    }
    if (buf->capacity == buf->length) return "not enough memory";
    ssize_t count = read(fd, buf->data + buf->length, buf->capacity - buf->length);
    if (count == 0) return NULL;
    if (count > 0)
      buf->length += (size_t)count;
    else if (errno != EINTR)
      return aicc_sys_problem("read");
  }
}

const char *aicc_file_read(const char *path, enum aicc_file_rule rule, struct aicc_buf *buf, int *missing) {
  /* O_NONBLOCK: opening a FIFO must not wait for a writer; it is refused as no regular file. */
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | (rule == AICC_FILE_OWN ? O_NOFOLLOW : 0));
  struct stat info;
  *missing = fd < 0 && errno == ENOENT;
  if (fd < 0) return aicc_sys_problem("open");
  const char *problem = fstat(fd, &info) != 0 ? aicc_sys_problem("look at it") : rule_problem(&info, rule);
  if (problem == NULL) problem = read_all(fd, buf);
  close(fd);
  return problem;
}

static const char *write_all(int fd, const char *data, size_t size) {
  while (size > 0) {
    ssize_t count = write(fd, data, size);
    if (count < 0 && errno != EINTR) return aicc_sys_problem("write");
    if (count > 0) {
      data += count;
      size -= (size_t)count;
    }
  }
  return fsync(fd) != 0 ? aicc_sys_problem("sync") : NULL;
}

/* So that the rename itself survives a crash. */
static void sync_directory(char *path) {
  char *slash = strrchr(path, '/');
  if (slash != NULL) *slash = '\0';
  int fd = open(slash == NULL ? "." : path[0] == '\0' ? "/" : path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  fsync(fd);
  close(fd);
}

/*
** Makes a new file beside `path`; its name is put into `temporary`, of PATH_MAX bytes. Returns a descriptor, or -1 and *problem.
*/
static int open_beside(const char *path, char *temporary, const char **problem) {
  *problem = "its path is too long";
  if (snprintf(temporary, PATH_MAX, "%s.XXXXXX", path) >= PATH_MAX) return -1;
  int fd = aicc_sys_temporary(temporary);
  *problem = fd < 0 ? aicc_sys_problem("create") : NULL;
  return fd;
}

/* Ends what a temporary file is for: it takes the path's place, or goes. */
static const char *settle_temporary(char *temporary, const char *path, const char *problem) {
  if (problem == NULL && rename(temporary, path) != 0) problem = aicc_sys_problem("rename");
  if (problem != NULL)
    unlink(temporary);
  else
    sync_directory(temporary);
  return problem;
}

const char *aicc_file_write(const char *path, const char *data, size_t size) {
  char temporary[PATH_MAX];
  const char *problem;
  int fd = open_beside(path, temporary, &problem);
  if (fd < 0) return problem;
  problem = write_all(fd, data, size);
  if (close(fd) != 0 && problem == NULL) problem = aicc_sys_problem("close");
  return settle_temporary(temporary, path, problem);
}

const char *aicc_file_draft(const char *path, char *draft) {
  struct stat info;
  if (lstat(path, &info) == 0 && !S_ISREG(info.st_mode))
    return S_ISLNK(info.st_mode) ? "it is a symbolic link, which would be replaced" : "it is not a regular file";
  const char *problem;
  int fd = open_beside(path, draft, &problem);
  if (fd >= 0) close(fd);
  return problem;
}

const char *aicc_file_publish(const char *draft, const char *path) {
  char temporary[PATH_MAX];
  if (snprintf(temporary, sizeof temporary, "%s", draft) >= (int)sizeof temporary) return "its path is too long";
  int fd = open(draft, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return aicc_sys_problem("open");
  const char *problem = fsync(fd) != 0 ? aicc_sys_problem("sync") : NULL;
  if (close(fd) != 0 && problem == NULL) problem = aicc_sys_problem("close");
  return settle_temporary(temporary, path, problem);
}

const char *aicc_file_create(const char *path) {
  int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd >= 0) {
    close(fd);
    return NULL;
  }
  if (errno != EEXIST) return aicc_sys_problem("create");
  struct stat info;
  return stat(path, &info) != 0 ? aicc_sys_problem("look at it") : rule_problem(&info, AICC_FILE_PRIVATE);
}

int aicc_file_place(const char *path, char *place) {
  char folder[PATH_MAX];
  if (realpath(path, place) != NULL) return 1;
  if (snprintf(folder, sizeof folder, "%s", path) >= (int)sizeof folder) return 0;
  char *slash = strrchr(folder, '/');
  const char *name = slash != NULL ? path + (slash - folder) + 1 : path;
  if (slash == folder)
    slash[1] = '\0';
  else if (slash != NULL)
    *slash = '\0';
  if (realpath(slash != NULL ? folder : ".", place) == NULL) return 0;
  size_t length = strlen(place);
  const char *between = length > 0 && place[length - 1] == '/' ? "" : "/";
  return snprintf(place + length, PATH_MAX - length, "%s%s", between, name) < (int)(PATH_MAX - length);
}

/* Makes one directory if it is not there. */
static int make(const char *path) { return mkdir(path, 0700) == 0 || errno == EEXIST; }

const char *aicc_file_directory(const char *path) {
  char part[PATH_MAX];
  struct stat info;
  if (snprintf(part, sizeof part, "%s", path) >= (int)sizeof part) return "its path is too long";
  for (char *slash = strchr(part + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
    *slash = '\0';
    if (!make(part)) return aicc_sys_problem("make the directory");
    *slash = '/';
  }
  if (!make(part)) return aicc_sys_problem("make the directory");
  if (lstat(part, &info) != 0) return aicc_sys_problem("look at it");
  if (!S_ISDIR(info.st_mode)) return "it is not a directory";
  if (info.st_uid != geteuid()) return "it belongs to another user";
  return (info.st_mode & 077) != 0 ? "its group or others have rights to it: chmod 700" : NULL;
}

int aicc_file_lock(const char *path, const char **problem) {
  *problem = NULL;
  int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) {
    *problem = aicc_sys_problem("open");
    return -1;
  }
  int result;
  do result = flock(fd, LOCK_EX | LOCK_NB);
  while (result != 0 && errno == EINTR);
  if (result == 0) return fd;
  if (errno != EWOULDBLOCK) *problem = aicc_sys_problem("lock");
  close(fd);
  return -1;
}

void aicc_file_unlock(int fd) { close(fd); }
