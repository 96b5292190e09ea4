/* Stands between the binary and the file system (LD_PRELOAD) and watches one directory, CROW_SHIM_DIR.
 *
 * CROW_SHIM_LOG    every change of a file there is appended to this file, as a record: kind, two lengths, an offset, two byte strings.
 * CROW_SHIM_DIE    the process ends in front of the n-th change, as a kill at that moment would end it.
 * CROW_SHIM_FAULT  while this file is there, its first word says how changes fail: ENOSPC, EIO, EROFS, or TIGHT: the disk is full, and the
 *                  only room that can be made on it is a step of the file *.ballast there. ENETUNREACH and EMFILE let connections fail.
 * CROW_SHIM_CLOCK  while this file is there, the wall clock is off by as many seconds as it says.
 * CROW_SHIM_FAILED a byte is appended to this file for every failure.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const char *folder, *fault, *clock_file;
static int log_fd = -1, failed_fd = -1;
static long die_at, n_changes;

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("CROW_SHIM_LOG"), *die = getenv("CROW_SHIM_DIE");
    folder = getenv("CROW_SHIM_DIR");
    fault = getenv("CROW_SHIM_FAULT");
    clock_file = getenv("CROW_SHIM_CLOCK");
    if (path) log_fd = syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (die) die_at = atol(die);
    path = getenv("CROW_SHIM_FAILED");
    if (path) failed_fd = syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

static int is_watched(const char *path) {
    return folder && path && strncmp(path, folder, strlen(folder)) == 0 && !strstr(path, "-shm") && !strstr(path, "crow.log");
}

/* The path that a descriptor was opened by; empty if it is not watched. */
static const char *path_of(int fd, char *buffer) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, buffer, PATH_MAX - 1);
    buffer[n < 0 ? 0 : n] = 0;
    if (!is_watched(buffer)) buffer[0] = 0;
    return buffer;
}

static void record(char kind, const char *name, int64_t offset, const void *data, size_t n) {
    struct __attribute__((packed)) { char kind; uint32_t n_name; uint32_t n_data; int64_t offset; } head;
    if (log_fd < 0) return;
    head.kind = kind, head.n_name = strlen(name), head.n_data = n, head.offset = offset;
    struct iovec parts[] = {{&head, sizeof head}, {(void *)name, head.n_name}, {(void *)data, n}};
    syscall(SYS_writev, log_fd, parts, 3);
}

/* What a change does to the room on the disk. */
enum change { GROWS, FREES, SYNCS, HOLDS };

static int is_ballast_whole(void) {
    char path[PATH_MAX];
    struct stat found;
    snprintf(path, sizeof path, "%s/platform.ballast", folder);
    return !stat(path, &found) && found.st_size >= 16 << 20;
}

/* How things fail now, by one letter; 0 if they do not. */
static char how(char word[8]) {
    int fd = fault ? syscall(SYS_openat, AT_FDCWD, fault, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0) return 0;
    memset(word, 0, 8);
    ssize_t n = syscall(SYS_read, fd, word, 7);
    syscall(SYS_close, fd);
    if (n <= 0) return 'I';
    if (!strncmp(word, "ENETUNR", 7)) return 'N';
    if (!strncmp(word, "EMFILE", 6)) return 'M';
    if (!strncmp(word, "TIGHT", 5)) return 'T';
    if (!strncmp(word, "ENOSPC", 6)) return 'S';
    if (!strncmp(word, "EROFS", 5)) return 'R';
    return 'I';
}

/* How the change that is about to happen fails; 0 if it does not. */
static int trouble(enum change what) {
    int is_sync = what == SYNCS;
    if (die_at && ++n_changes == die_at) syscall(SYS_kill, getpid(), 9);
    char word[8];
    switch (how(word)) {
    case 'N': case 'M': return 0;
    case 'T': return what == HOLDS || (what == GROWS && is_ballast_whole()) ? ENOSPC : 0;
    case 'S': return is_sync ? 0 : ENOSPC;
    case 'R': return is_sync ? 0 : EROFS;
    case 'I': return EIO;
    default: return 0;
    }
}

static void count_failure(void) {
    if (failed_fd >= 0) syscall(SYS_write, failed_fd, "x", 1);
}

#define FAILS(what) { int e = trouble(what); if (e) { count_failure(); pthread_mutex_unlock(&lock); errno = e; return -1; } }

static ssize_t write_at(int fd, const void *data, size_t n, off64_t offset, const char *path) {
    pthread_mutex_lock(&lock);
    FAILS(GROWS)
    ssize_t done = syscall(SYS_pwrite64, fd, data, n, offset);
    if (done > 0) record('W', path, offset, data, done);
    pthread_mutex_unlock(&lock);
    return done;
}

ssize_t pwrite64(int fd, const void *data, size_t n, off64_t offset) {
    char path[PATH_MAX];
    return *path_of(fd, path) ? write_at(fd, data, n, offset, path) : syscall(SYS_pwrite64, fd, data, n, offset);
}
ssize_t pwrite(int fd, const void *data, size_t n, off_t offset) { return pwrite64(fd, data, n, offset); }

ssize_t write(int fd, const void *data, size_t n) {
    char path[PATH_MAX];
    if (!*path_of(fd, path)) return syscall(SYS_write, fd, data, n);
    pthread_mutex_lock(&lock);
    FAILS(GROWS)
    off_t offset = lseek(fd, 0, SEEK_CUR);
    ssize_t done = syscall(SYS_write, fd, data, n);
    if (done > 0) record('W', path, offset, data, done);
    pthread_mutex_unlock(&lock);
    return done;
}

int ftruncate64(int fd, off64_t length) {
    char path[PATH_MAX];
    if (!*path_of(fd, path)) return syscall(SYS_ftruncate, fd, length);
    pthread_mutex_lock(&lock);
    FAILS(FREES)
    int done = syscall(SYS_ftruncate, fd, length);
    if (!done) record('T', path, length, NULL, 0);
    pthread_mutex_unlock(&lock);
    return done;
}
int ftruncate(int fd, off_t length) { return ftruncate64(fd, length); }

static int sync_with(long number, int fd) {
    char path[PATH_MAX];
    if (!*path_of(fd, path)) return syscall(number, fd);
    pthread_mutex_lock(&lock);
    FAILS(SYNCS)
    int done = syscall(number, fd);
    if (!done) record('S', path, 0, NULL, 0);
    pthread_mutex_unlock(&lock);
    return done;
}
int fsync(int fd) { return sync_with(SYS_fsync, fd); }
int fdatasync(int fd) { return sync_with(SYS_fdatasync, fd); }

int unlink(const char *path) {
    if (!is_watched(path)) return syscall(SYS_unlinkat, AT_FDCWD, path, 0);
    pthread_mutex_lock(&lock);
    FAILS(FREES)
    int done = syscall(SYS_unlinkat, AT_FDCWD, path, 0);
    int e = errno;
    if (!done) record('U', path, 0, NULL, 0);
    pthread_mutex_unlock(&lock);
    errno = e;
    return done;
}

int rename(const char *from, const char *to) {
    if (!is_watched(to)) return syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
    pthread_mutex_lock(&lock);
    FAILS(FREES)
    int done = syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
    int e = errno;
    if (!done) record('R', from, 0, to, strlen(to));
    pthread_mutex_unlock(&lock);
    errno = e;
    return done;
}

/* A second name; it is put aside and not asked for after a loss of power, so it is no record, but a kill may come in front of it. */
int linkat(int from_fd, const char *from, int to_fd, const char *to, int flags) {
    if (!is_watched(to)) return syscall(SYS_linkat, from_fd, from, to_fd, to, flags);
    pthread_mutex_lock(&lock);
    FAILS(GROWS)
    int done = syscall(SYS_linkat, from_fd, from, to_fd, to, flags);
    pthread_mutex_unlock(&lock);
    return done;
}

/* Files that come to be: a new name is a change too. */
static int opened(int folder_fd, const char *path, int flags, mode_t mode) {
    if (!(flags & O_CREAT) || !is_watched(path)) return syscall(SYS_openat, folder_fd, path, flags, mode);
    pthread_mutex_lock(&lock);
    int is_new = syscall(SYS_faccessat, folder_fd, path, F_OK, 0) != 0;
    /* A ballast that is not whole is opened to be made whole: taking its room is no call that can be stood between. */
    int is_refill = strstr(path, ".ballast") && !is_ballast_whole();
    if (is_new || is_refill) FAILS(is_refill ? HOLDS : GROWS)
    int fd = syscall(SYS_openat, folder_fd, path, flags, mode);
    int e = errno;
    if (fd >= 0 && is_new) record('C', path, 0, NULL, 0);
    pthread_mutex_unlock(&lock);
    errno = e;
    return fd;
}
#define MODE mode_t mode = 0; if (flags & O_CREAT) { va_list rest; va_start(rest, flags); mode = va_arg(rest, mode_t); va_end(rest); }
int open64(const char *path, int flags, ...) { MODE return opened(AT_FDCWD, path, flags | O_LARGEFILE, mode); }
int open(const char *path, int flags, ...) { MODE return opened(AT_FDCWD, path, flags, mode); }
int openat64(int fd, const char *path, int flags, ...) { MODE return opened(fd, path, flags | O_LARGEFILE, mode); }
int openat(int fd, const char *path, int flags, ...) { MODE return opened(fd, path, flags, mode); }

/* Connections to elsewhere. */
int connect(int fd, const struct sockaddr *to, socklen_t n) {
    char word[8];
    if (to && to->sa_family != AF_UNIX && how(word) == 'N') return count_failure(), errno = ENETUNREACH, -1;
    return syscall(SYS_connect, fd, to, n);
}
int socket(int domain, int type, int protocol) {
    char word[8];
    if (domain != AF_UNIX && how(word) == 'M') return count_failure(), errno = EMFILE, -1;
    return syscall(SYS_socket, domain, type, protocol);
}

/* The wall clock; the monotonic one is never off. */
int clock_gettime(clockid_t which, struct timespec *now) {
    int done = syscall(SYS_clock_gettime, which, now);
    int fd = !done && which == CLOCK_REALTIME && clock_file ? syscall(SYS_openat, AT_FDCWD, clock_file, O_RDONLY | O_CLOEXEC) : -1;
    if (fd >= 0) {
        char text[24] = {0};
        if (syscall(SYS_read, fd, text, sizeof text - 1) > 0) now->tv_sec += atol(text);
        syscall(SYS_close, fd);
    }
    return done;
}
