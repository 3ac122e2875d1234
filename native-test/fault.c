/* Has one call go wrong: preloaded into node, this counts the calls of the C library that touch a folder or what is in it, and at the
   FAULT_AT-th of them kills the process, or has the call fail with FAULT_ERRNO. Without FAULT_AT it only counts. Each call is a
   line of FAULT_LOG: its name and the path. Programs that node starts are left alone. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static const char *folder;
static int at, with, log_fd = -1;
static atomic_int calls;

__attribute__((constructor)) static void begin(void) {
  const char *log = getenv("FAULT_LOG");
  if (strcmp(program_invocation_short_name, "node") != 0) return;
  if (getenv("FAULT_AT") != NULL) at = atoi(getenv("FAULT_AT"));
  if (getenv("FAULT_ERRNO") != NULL) with = atoi(getenv("FAULT_ERRNO"));
  if (log != NULL) log_fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  folder = getenv("FAULT_FOLDER");
}

static int is_inside(const char *path) {
  size_t length = strlen(folder);
  return strncmp(path, folder, length) == 0 && (path[length] == '/' || path[length] == 0);
}

/* Whether this call is to fail; errno is then set. */
static int fails(const char *name, const char *path) {
  char whole[8192];
  if (path[0] != '/') {
    char here[4096];
    if (getcwd(here, sizeof here) == NULL) return 0;
    snprintf(whole, sizeof whole, "%s/%s", here, path);
    path = whole;
  }
  if (!is_inside(path)) return 0;
  int number = ++calls;
  if (log_fd >= 0) dprintf(log_fd, "%s %s\n", name, path);
  if (number != at) return 0;
  if (with == 0) {
    kill(getpid(), SIGKILL);
    pause();
  }
  errno = with;
  return 1;
}

static int fails_at(const char *name, int fd) {
  char link[64], path[4096];
  if (folder == NULL) return 0;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = syscall(SYS_readlinkat, AT_FDCWD, link, path, sizeof path - 1);
  if (length <= 0 || path[0] != '/') return 0;
  path[length] = 0;
  return fails(name, path);
}

#define REAL(name) ((typeof(&name))dlsym(RTLD_NEXT, #name))
#define BY_PATH(type, name, parameters, path, ...)                    \
  type name parameters {                                              \
    if (folder != NULL && fails(#name, path)) return -1;              \
    return REAL(name)(__VA_ARGS__);                                   \
  }
#define BY_FD(type, name, parameters, ...)                            \
  type name parameters {                                              \
    if (fails_at(#name, fd)) return -1;                               \
    return REAL(name)(__VA_ARGS__);                                   \
  }
#define OPEN(name)                                                    \
  int name(const char *path, int flags, ...) {                        \
    va_list rest;                                                     \
    va_start(rest, flags);                                            \
    mode_t mode = va_arg(rest, mode_t);                               \
    va_end(rest);                                                     \
    if (folder != NULL && fails("open", path)) return -1;             \
    return REAL(name)(path, flags, mode);                             \
  }

OPEN(open)
OPEN(open64)
BY_FD(ssize_t, read, (int fd, void *bytes, size_t length), fd, bytes, length)
BY_FD(ssize_t, write, (int fd, const void *bytes, size_t length), fd, bytes, length)
BY_FD(ssize_t, writev, (int fd, const struct iovec *parts, int count), fd, parts, count)
BY_FD(int, fsync, (int fd), fd)
BY_FD(int, fchmod, (int fd, mode_t mode), fd, mode)
BY_FD(int, fchown, (int fd, uid_t owner, gid_t group), fd, owner, group)
BY_PATH(int, rename, (const char *from, const char *to), from, from, to)
BY_PATH(int, link, (const char *from, const char *to), from, from, to)
BY_PATH(int, unlink, (const char *path), path, path)
BY_PATH(int, rmdir, (const char *path), path, path)
BY_PATH(int, mkdir, (const char *path, mode_t mode), path, path, mode)

/* libuv has its own way to statx. */
long syscall(long number, ...) {
  va_list rest;
  long a[6];
  va_start(rest, number);
  for (int i = 0; i < 6; i++) a[i] = va_arg(rest, long);
  va_end(rest);
  if (number == SYS_statx && folder != NULL) {
    const char *path = (const char *)a[1];
    if (path != NULL && path[0] != 0 ? fails("statx", path) : fails_at("statx", (int)a[0])) return -1;
  }
  return REAL(syscall)(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
