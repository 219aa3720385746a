/*
** sys.h - the platform: clocks, chance, signals, forks, descriptors that no other program inherits. Knows no Lua.
**
** The Makefile says which system it is by one macro (FEATURES), with which all files are compiled: _GNU_SOURCE on Linux,
** _POSIX_C_SOURCE where nothing but POSIX is to be used, as `make check-posix` does; the BSDs and macOS show all they have
** unasked.
*/
#ifndef AICC_SYS_H
#define AICC_SYS_H

#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <time.h>

/*
** 1 where there are CLOCK_BOOTTIME, getrandom, mkostemp, SOCK_CLOEXEC, sigtimedwait, dladdr with RTLD_NODELETE, epoll,
** pthread_condattr_setclock and a boot's id. Elsewhere something plainer stands in for each (pollset.c has the sockets').
*/
#if defined __linux__ && defined _GNU_SOURCE
#define AICC_LINUX 1
#else
#define AICC_LINUX 0
#endif

enum aicc_sys_clock {
  AICC_MONOTONIC,  /* for waits and deadlines */
  AICC_BOOTTIME,   /* runs on while the machine sleeps: for a token's lifetime */
  AICC_REALTIME    /* the time of day */
};

/* Seconds. */
double aicc_sys_now(enum aicc_sys_clock clock);

/* A number from 0 to below 1 that no other process can guess or share: for jitter, not for keys. */
double aicc_sys_random(void);

/* Sleeps for at most `seconds`; a signal ends it early. */
void aicc_sys_nap(double seconds);

/*
** SIGPIPE, which a TLS library may raise on a closed socket, kept from the process without touching its handlers: blocked in
** this thread from `hold` to `release`, and consumed if it arrived in between.
*/
struct aicc_sys_sigpipe {
  sigset_t before;
  int was_pending;
};
void aicc_sys_hold_sigpipe(struct aicc_sys_sigpipe *held);
void aicc_sys_release_sigpipe(const struct aicc_sys_sigpipe *held);

/*
** Ctrl-C for a program of ours, and what systems and containers send to end it: the first SIGINT, SIGTERM or SIGHUP after `trap`
** only sets what `interrupted` tells (its number), the same one again kills. Calls that wait end early, as for any signal. What
** is ignored stays so; of SIGINT, whose handler may be the interpreter's by then, the caller says whether it was.
*/
void aicc_sys_trap_interrupt(int is_ignored);
int aicc_sys_interrupted(void);

/*
** Ctrl-Z for a program that has changed its terminal: from `trap` to `untrap` SIGTSTP and SIGCONT only set what `take_stop`
** tells, once: the last of them that came. The program puts the terminal in order and calls `stop`, which stops the process as
** Ctrl-Z does, and returns once it goes on. A SIGTSTP that is ignored stays so.
*/
void aicc_sys_trap_stop(void);
void aicc_sys_untrap_stop(void);
int aicc_sys_take_stop(void);
void aicc_sys_stop(void);

/*
** The flag, for another module of this process that is linked from this file too, and which borrows it (NULL: keeps its own).
** Within a Lua state it lies in the registry under that key.
*/
#define AICC_INTERRUPT_KEY "aicc.interrupt"
volatile sig_atomic_t *aicc_sys_interrupt(void);
void aicc_sys_borrow_interrupt(volatile sig_atomic_t *flag);

/*
** Keeps the shared object that holds this function in memory until the process ends: closing a Lua state would otherwise unload
** it under a signal's handler or libcurl's threads, and what TLS libraries keep would look like a leak. Returns whether it is so.
*/
int aicc_sys_pin(void (*function)(void));

/*
** A number that is another one in the child after a fork. It costs no system call once aicc_sys_watch_forks has been called,
** which is only for code that stays in memory (pinned): the C library keeps the address of a handler.
*/
unsigned long aicc_sys_process(void);
void aicc_sys_watch_forks(void);

/* As socket(2). What this and the next one open, no program that is started from here inherits. */
int aicc_sys_socket(int family, int type, int protocol);

/* A new file of mode 0600, as mkstemp: `path` ends in XXXXXX and gets its name. */
int aicc_sys_temporary(char *path);

/* Copies what is another text after each boot, of at most `size` bytes; returns how many, 0 where the system does not tell. */
size_t aicc_sys_boot_id(char *text, size_t size);

/* Makes a condition; returns whether there is one. The time at which a wait for it ends is what aicc_sys_moment says. */
int aicc_sys_make_condition(pthread_cond_t *condition);

/*
** The file system of that number (statfs' f_type on Linux), if its files may be those of another host: its name, else NULL. FUSE
** is named, since nobody can tell what is behind it.
*/
const char *aicc_sys_network_name(unsigned long type);

/* The same of the file system that `path` is on; NULL too where that cannot be told. */
const char *aicc_sys_network_of(const char *path);

/* The moment `seconds` from now. Anything but a sensible number of seconds is now, or some years away. */
struct timespec aicc_sys_moment(double seconds);

/* "cannot ACTION: " and what errno says; valid until the next call in this thread. */
const char *aicc_sys_problem(const char *action);

/* Whether `path` is a directory that holds certificates under their hashed names (`0a1b2c3d.0`). */
int aicc_sys_has_hashed_certificates(const char *path);

/* NULL if `path` is a file, or a directory, that can be read; else why not. Never waits for anybody (a FIFO's writer, say). */
const char *aicc_sys_unreadable(const char *path, int directory);

#endif
