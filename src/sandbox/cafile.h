/*
** cafile.h - a temporary file that only its owner can read, for a CA certificate. Knows no Lua.
*/
#ifndef AICC_SANDBOX_CAFILE_H
#define AICC_SANDBOX_CAFILE_H

/* Writes `pem` to a new file, mode 0600. The path is the caller's, for aicc_cafile_remove; NULL, and errno, on failure. */
char *aicc_cafile_create(const char *pem);

/* Deletes the file and frees its path. */
void aicc_cafile_remove(char *path);

#endif
