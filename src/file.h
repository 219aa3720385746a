/*
** file.h - files that hold secrets: read only where their rights are right, written whole or not at all, locked. Knows no Lua.
*/
#ifndef AICC_FILE_H
#define AICC_FILE_H

#include "buf.h"

/* What a file must be, besides regular and no larger than the buffer's cap. All but the last follow symbolic links. */
enum aicc_file_rule {
  AICC_FILE_ANY,
  AICC_FILE_UNSHARED,  /* not writable by its group or by others */
  AICC_FILE_PRIVATE,   /* owner self or root; no rights for group and others */
  AICC_FILE_OWN        /* as private, owner self, and the path is no symbolic link */
};

/*
** Reads the whole file into `buf`. Returns NULL, or why not: a text that is valid until the next call in this thread. *missing
** tells whether there is no such file.
*/
const char *aicc_file_read(const char *path, enum aicc_file_rule rule, struct aicc_buf *buf, int *missing);

/* Replaces the file, mode 0600: a reader, or a crash, sees the old content or the new one. Returns as aicc_file_read. */
const char *aicc_file_write(const char *path, const char *data, size_t size);

/*
** For what is too long to be held: makes an empty file, mode 0600, in the folder of `path`, and puts its name into `draft`, of
** PATH_MAX bytes. What is there under `path` must be a regular file, since it is to be replaced. Returns as aicc_file_read.
*/
const char *aicc_file_draft(const char *path, char *draft);

/* Puts a draft that was written and closed in the place of `path`, as aicc_file_write would; if that fails it is removed. */
const char *aicc_file_publish(const char *draft, const char *path);

/*
** Makes an empty file, mode 0600; one that is there must be private. It is not opened: closing a descriptor would drop all locks
** that this process (SQLite, say) has on the file. Returns as aicc_file_read.
*/
const char *aicc_file_create(const char *path);

/* Makes the directory, and those above it, mode 0700; one that is there must be ours alone. Returns as aicc_file_read. */
const char *aicc_file_directory(const char *path);

/*
** Where a file really is, without links and dots, though it may not be there yet; its folder is. Puts it into `place`, of
** PATH_MAX bytes. Returns whether there is such a place.
*/
int aicc_file_place(const char *path, char *place);

/* Tries to take the lock that is the file `path` (created 0600, never removed). Returns a descriptor, or -1: somebody has it, or
** *problem (as aicc_file_read) says what is wrong. The lock dies with its process. */
int aicc_file_lock(const char *path, const char **problem);

void aicc_file_unlock(int fd);

#endif
