/* sys.c - the platform. See sys.h. */
#include "sys.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#if AICC_LINUX
#include <sys/random.h>
#include <sys/vfs.h>
#define SINCE_BOOT CLOCK_BOOTTIME
#define CONDITIONS CLOCK_MONOTONIC
#else
/* May stand still while the machine sleeps; then a server refuses the token, and all is well. */
#define SINCE_BOOT CLOCK_MONOTONIC
#define CONDITIONS CLOCK_REALTIME  /* the one that a condition has without pthread_condattr_setclock */
#endif

#define FOREVER 1e8 /* seconds: longer than anything takes, and the clock cannot overflow when that is added */

double aicc_sys_now(enum aicc_sys_clock clock) {
  static const clockid_t ids[] = {CLOCK_MONOTONIC, SINCE_BOOT, CLOCK_REALTIME};
  struct timespec now = {0, 0};
  clock_gettime(ids[clock], &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Fills in random bytes without waiting for any; returns how many. */
static ssize_t random_bytes(void *bytes, size_t size) {
#if AICC_LINUX
  return getrandom(bytes, size, GRND_NONBLOCK);
#else
  int fd = open("/dev/urandom", O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return -1;
  ssize_t count = read(fd, bytes, size);
  close(fd);
  return count;
#endif
}

double aicc_sys_random(void) {
  uint32_t bits = 0;
  if (random_bytes(&bits, sizeof bits) != (ssize_t)sizeof bits) /* only while the machine boots */
    bits = (uint32_t)(aicc_sys_now(AICC_MONOTONIC) * 1e9) ^ (uint32_t)getpid() * UINT32_C(2654435761);
  return (double)bits / 4294967296.0;
}

void aicc_sys_nap(double seconds) {
  if (seconds <= 0) return;
  struct timespec nap;
  nap.tv_sec = (time_t)seconds;
  nap.tv_nsec = (long)((seconds - (double)nap.tv_sec) * 1e9);
  nanosleep(&nap, NULL);
}

void aicc_sys_hold_sigpipe(struct aicc_sys_sigpipe *held) {
  sigset_t sigpipe, pending;
  sigemptyset(&sigpipe);
  sigaddset(&sigpipe, SIGPIPE);
  held->was_pending = sigpending(&pending) == 0 && sigismember(&pending, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &sigpipe, &held->before);
}

void aicc_sys_release_sigpipe(const struct aicc_sys_sigpipe *held) {
  sigset_t pending;
  /* One that was pending before we came is not ours to swallow. */
  if (!held->was_pending && sigpending(&pending) == 0 && sigismember(&pending, SIGPIPE)) {
#if AICC_LINUX
    static const struct timespec at_once = {0, 0};
    sigset_t sigpipe;
    sigemptyset(&sigpipe);
    sigaddset(&sigpipe, SIGPIPE);
    while (sigtimedwait(&sigpipe, NULL, &at_once) < 0 && errno == EINTR) continue;
#else
    struct sigaction ignored, before; /* ignoring a signal discards one that is pending */
    memset(&ignored, 0, sizeof ignored);
    ignored.sa_handler = SIG_IGN;
    if (sigaction(SIGPIPE, &ignored, &before) == 0) sigaction(SIGPIPE, &before, NULL);
#endif
  }
  pthread_sigmask(SIG_SETMASK, &held->before, NULL);
}

static volatile sig_atomic_t own_interrupt;
static volatile sig_atomic_t *interrupt = &own_interrupt;

static void note_interrupt(int signal) { *interrupt = signal; }

/*
** One that is ignored stays so: whoever started the program wants it to go on (nohup). lua.c has its own SIGINT handler by now.
*/
static void trap(int signal) {
  struct sigaction action;
  if (sigaction(signal, NULL, &action) != 0 || action.sa_handler == SIG_IGN) return;
  memset(&action, 0, sizeof action);
  action.sa_handler = note_interrupt;
  action.sa_flags = (int)SA_RESETHAND;
  sigemptyset(&action.sa_mask);
  sigaction(signal, &action, NULL);
}

void aicc_sys_trap_interrupt(int is_ignored) {
  if (is_ignored)
    signal(SIGINT, SIG_IGN);
  else
    trap(SIGINT);
  trap(SIGTERM);
  trap(SIGHUP);
}

int aicc_sys_interrupted(void) { return *interrupt; }

volatile sig_atomic_t *aicc_sys_interrupt(void) { return interrupt; }

void aicc_sys_borrow_interrupt(volatile sig_atomic_t *flag) {
  static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
  pthread_mutex_lock(&lock);
  if (flag != NULL && interrupt != flag) interrupt = flag; /* written once: other states' threads read it from then on */
  pthread_mutex_unlock(&lock);
}

static volatile sig_atomic_t stop_signal;

static void note_stop(int signal) { stop_signal = signal; }

/* SA_RESTART: whatever waits in a database's library meanwhile need not know. */
static void handle(int signal, void (*handler)(int)) {
  struct sigaction action;
  if (sigaction(signal, NULL, &action) != 0 || action.sa_handler == SIG_IGN) return;
  memset(&action, 0, sizeof action);
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  sigaction(signal, &action, NULL);
}

void aicc_sys_trap_stop(void) {
  stop_signal = 0;
  handle(SIGTSTP, note_stop);
  handle(SIGCONT, note_stop);
}

void aicc_sys_untrap_stop(void) {
  handle(SIGTSTP, SIG_DFL);
  handle(SIGCONT, SIG_DFL);
}

int aicc_sys_take_stop(void) {
  int signal = stop_signal;
  if (signal != 0) stop_signal = 0;
  return signal;
}

void aicc_sys_stop(void) {
  handle(SIGTSTP, SIG_DFL);
  raise(SIGTSTP);
  handle(SIGTSTP, note_stop);
}

int aicc_sys_pin(void (*function)(void)) {
#if AICC_LINUX
  Dl_info info;
  void *address;
  memcpy(&address, &function, sizeof address); /* ISO C has no cast between the two kinds of pointers */
  return dladdr(address, &info) != 0 && info.dli_fname != NULL && dlopen(info.dli_fname, RTLD_NOW | RTLD_NODELETE) != NULL;
#else
  (void)function; /* what unloads it, its host has to know */
  return 0;
#endif
}

static unsigned long forks; /* between the first process and this one, counted from 1; 0: nobody counts them */

static void note_fork(void) { forks++; }

void aicc_sys_watch_forks(void) {
  static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
  /* Once: another time would rename the process, and whoever knows its name would take itself for a child. */
  static int has_tried;
  pthread_mutex_lock(&lock);
  if (!has_tried && pthread_atfork(NULL, NULL, note_fork) == 0) forks = 1;
  has_tried = 1;
  pthread_mutex_unlock(&lock);
}

unsigned long aicc_sys_process(void) { return forks != 0 ? forks : (unsigned long)getpid(); }

int aicc_sys_socket(int family, int type, int protocol) {
#if AICC_LINUX
  return socket(family, type | SOCK_CLOEXEC, protocol);
#else
  int fd = socket(family, type, protocol);
  if (fd >= 0) fcntl(fd, F_SETFD, FD_CLOEXEC);
  return fd;
#endif
}

int aicc_sys_temporary(char *path) {
#if AICC_LINUX
  return mkostemp(path, O_CLOEXEC);
#else
  int fd = mkstemp(path);
  if (fd >= 0) fcntl(fd, F_SETFD, FD_CLOEXEC);
  return fd;
#endif
}

size_t aicc_sys_boot_id(char *text, size_t size) {
  size_t count = 0;
#if AICC_LINUX
  FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");
  if (file != NULL) {
    count = fread(text, 1, size, file);
    fclose(file);
  }
#else
  (void)text, (void)size;
#endif
  while (count > 0 && text[count - 1] == '\n') count--;
  return count;
}

int aicc_sys_make_condition(pthread_cond_t *condition) {
  pthread_condattr_t attributes;
  if (pthread_condattr_init(&attributes) != 0) return 0;
  int is_made = 1;
#if AICC_LINUX
  is_made = pthread_condattr_setclock(&attributes, CONDITIONS) == 0;
#endif
  is_made = is_made && pthread_cond_init(condition, &attributes) == 0;
  pthread_condattr_destroy(&attributes);
  return is_made;
}

struct timespec aicc_sys_moment(double seconds) {
  struct timespec moment;
  clock_gettime(CONDITIONS, &moment);
  if (!(seconds > 0)) return moment;
  if (seconds > FOREVER) seconds = FOREVER;
  time_t whole = (time_t)seconds;
  moment.tv_sec += whole;
  moment.tv_nsec += (long)((seconds - (double)whole) * 1e9);
  if (moment.tv_nsec >= 1000000000L) {
    moment.tv_nsec -= 1000000000L;
    moment.tv_sec += 1;
  }
  return moment;
}

/* Linux' numbers: include/uapi/linux/magic.h, and what modules outside of it have chosen. */
static const struct network {
  unsigned long type;
  const char *name;
} networks[] = {
    {0x6969, "NFS"},          {0x517B, "SMB"},          {0xFE534D42, "SMB"},      {0xFF534D42, "SMB"},    {0x01021997, "9P"},
    {0x5346414F, "AFS"},      {0x6B414653, "AFS"},      {0x73757245, "Coda"},     {0x564C, "NCP"},        {0x00C36400, "Ceph"},
    {0x0BD00BD0, "Lustre"},   {0x47504653, "GPFS"},     {0x01161970, "GFS2"},     {0x7461636F, "OCFS2"},  {0x65735546, "FUSE"},
    {0x786F4256, "vboxsf"},   {0xBACBACBC, "vmhgfs"},   {0x19830326, "BeeGFS"},   {0x20030528, "OrangeFS"},
};

const char *aicc_sys_network_name(unsigned long type) {
  for (size_t i = 0; i < sizeof networks / sizeof *networks; i++)
    if (networks[i].type == type) return networks[i].name;
  return NULL;
}

const char *aicc_sys_network_of(const char *path) {
#if AICC_LINUX
  struct statfs info;
  /* The field is signed where a long is: its upper half says nothing. */
  if (statfs(path, &info) == 0) return aicc_sys_network_name((unsigned long)info.f_type & 0xFFFFFFFFUL);
#else
  (void)path;
#endif
  return NULL;
}

const char *aicc_sys_problem(const char *action) {
  static __thread char text[160];
  snprintf(text, sizeof text, "cannot %s: %s", action, strerror(errno));
  return text;
}

int aicc_sys_has_hashed_certificates(const char *path) {
  DIR *directory = opendir(path);
  if (directory == NULL) return 0;
  int found = 0;
  for (struct dirent *entry; !found && (entry = readdir(directory)) != NULL;)
    found = strspn(entry->d_name, "0123456789abcdef") == 8 && entry->d_name[8] == '.' &&
            strspn(entry->d_name + 9, "0123456789") == strlen(entry->d_name + 9) && entry->d_name[9] != '\0';
  closedir(directory);
  return found;
}

const char *aicc_sys_unreadable(const char *path, int directory) {
  struct stat info;
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return strerror(errno);
  int known = fstat(fd, &info) == 0;
  close(fd);
  if (!known) return "it cannot be looked at";
  if (directory) return S_ISDIR(info.st_mode) ? NULL : "it is not a directory";
  return S_ISREG(info.st_mode) ? NULL : "it is not a regular file";
}
