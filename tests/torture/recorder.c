/* Records the operations of all processes on the files below one folder, in one order.
 *
 * Preloaded (LD_PRELOAD), it replaces libc's calls, so it sees those of Python and SQLite alike. Records nothing
 * until recorder_start(); processes forked after that write to the same log. A record is written after
 * its call succeeded and before any other recorded call starts, under a mutex that all processes share, so the order
 * of the log is the order of effects. Calls that the power-cut model cannot express are logged as '!' and fail the
 * replay.
 *
 * It can also kill: recorder_kill_after(n) kills the calling process with SIGKILL just before its n-th call from now.
 *
 * Writes to the folder "journal" are reports to the outside world: recorded, but never counted for a kill.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

struct header {
    uint32_t magic;
    uint32_t process;
    uint64_t inode;
    int64_t offset;
    uint32_t kind;
    uint32_t path_bytes;
    uint32_t other_bytes;
    uint32_t data_bytes;
};

#define MAGIC 0x54524f54u

static int log_fd = -1; /* -1: not recording */
static char folder[PATH_MAX];
static size_t folder_bytes;
static pthread_mutex_t *turn;

static long operations, kill_at; /* of this process; changed under `turn` */
static int kill_torn;

/* -- enabled by the workload, through ctypes */

/* Records everything below `path` from now on, in this process and those forked from it. */
int recorder_start(const char *path, const char *log) {
    pthread_mutexattr_t shared;
    if (strlen(path) >= sizeof folder) return -1;
    strcpy(folder, path);
    folder_bytes = strlen(path);
    turn = (void *)syscall(SYS_mmap, NULL, sizeof *turn, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
                           (off_t)0);
    if (turn == MAP_FAILED) return -1;
    pthread_mutexattr_init(&shared);
    pthread_mutexattr_setpshared(&shared, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&shared, PTHREAD_MUTEX_ROBUST); /* its owner may be killed */
    pthread_mutex_init(turn, &shared);
    log_fd = (int)syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    return log_fd < 0 ? -1 : 0;
}

/* Calls of this process that were counted so far. */
long recorder_operations(void) { return operations; }

/* Dies just before the n-th counted call from now, n >= 1; 0 cancels it. With `torn`, a write is half done first. */
void recorder_kill_after(long n, int torn) {
    kill_torn = torn;
    kill_at = n > 0 ? operations + n : 0;
}

/* -- which calls concern us */

static int below(const char *path) {
    return log_fd >= 0 && strncmp(path, folder, folder_bytes) == 0 && path[folder_bytes] == '/';
}

static int fd_path(int fd, char *path) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t bytes = readlink(link, path, PATH_MAX - 1);
    path[bytes < 0 ? 0 : bytes] = 0;
    return bytes >= 0;
}

static int concerns_fd(int fd, char *path) {
    if (log_fd < 0) return 0;
    int saved = errno;
    int answer = fd != log_fd && fd_path(fd, path) && below(path);
    errno = saved;
    return answer;
}

/* Absolute path of `name`; no name that the store uses has links or dots. */
static int concerns(int at, const char *name, char *path) {
    char base[PATH_MAX];
    if (log_fd < 0 || name == NULL) return 0;
    if (name[0] == '/') return snprintf(path, PATH_MAX, "%s", name) < PATH_MAX && below(path);
    int saved = errno;
    int known = at == AT_FDCWD ? getcwd(base, sizeof base) != NULL : fd_path(at, base);
    errno = saved;
    return known && snprintf(path, PATH_MAX, "%s/%s", base, name) < PATH_MAX && below(path);
}

/* -- one record */

static int is_journal(const char *path) { return strncmp(path + folder_bytes, "/journal/", 9) == 0; }

/* Acquires the mutex; true if the process has to die now. */
static int begin(const char *path) {
    if (pthread_mutex_lock(turn) == EOWNERDEAD) pthread_mutex_consistent(turn);
    if (is_journal(path)) return 0;
    return ++operations == kill_at;
}

static void die(void) {
    syscall(SYS_kill, syscall(SYS_getpid), SIGKILL);
    for (;;) pause();
}

static void begin_or_die(const char *path) {
    if (begin(path)) die();
}

static void end(void) { pthread_mutex_unlock(turn); }

static const char *below_name(const char *path) { return path && path[folder_bytes] ? path + folder_bytes + 1 : ""; }

static void put(char kind, uint64_t inode, int64_t offset, const char *path, const char *other, const void *data,
                size_t data_bytes) {
    int saved = errno;
    path = below_name(path);
    other = below_name(other);
    struct header header = {MAGIC, (uint32_t)syscall(SYS_getpid), inode, offset, (uint32_t)kind,
                            (uint32_t)strlen(path), (uint32_t)strlen(other), (uint32_t)data_bytes};
    struct iovec parts[] = {{&header, sizeof header},
                            {(void *)path, header.path_bytes},
                            {(void *)other, header.other_bytes},
                            {(void *)data, data_bytes}};
    ssize_t want = (ssize_t)(sizeof header + header.path_bytes + header.other_bytes + data_bytes);
    if (syscall(SYS_writev, log_fd, parts, 4) != want) abort(); /* a log with a gap proves nothing */
    errno = saved;
}

static uint64_t inode_of(int fd) {
    struct stat now;
    return fstat(fd, &now) == 0 ? now.st_ino : 0;
}

static void not_modelled(const char *call, const char *path) {
    if (pthread_mutex_lock(turn) == EOWNERDEAD) pthread_mutex_consistent(turn);
    put('!', 0, 0, path, NULL, call, strlen(call));
    end();
}

/* -- contents */

static ssize_t record_write(int fd, const char *path, const void *data, size_t bytes, off_t offset, int positioned) {
    int dying = begin(path);
    if (dying && !(kill_torn && bytes > 1)) die();
    if (dying) bytes /= 2;
    if (!positioned) {
        struct stat now;
        int appends = fcntl(fd, F_GETFL) & O_APPEND;
        offset = appends && fstat(fd, &now) == 0 ? now.st_size : lseek(fd, 0, SEEK_CUR);
    }
    ssize_t written = positioned ? syscall(SYS_pwrite64, fd, data, bytes, offset) : syscall(SYS_write, fd, data, bytes);
    if (written > 0) put('W', inode_of(fd), offset, path, NULL, data, (size_t)written);
    if (dying) die();
    end();
    return written;
}

ssize_t write(int fd, const void *data, size_t bytes) {
    char path[PATH_MAX];
    return concerns_fd(fd, path) ? record_write(fd, path, data, bytes, 0, 0) : syscall(SYS_write, fd, data, bytes);
}

ssize_t pwrite(int fd, const void *data, size_t bytes, off_t offset) {
    char path[PATH_MAX];
    if (concerns_fd(fd, path)) return record_write(fd, path, data, bytes, offset, 1);
    return syscall(SYS_pwrite64, fd, data, bytes, offset);
}

ssize_t pwrite64(int fd, const void *data, size_t bytes, off_t offset) { return pwrite(fd, data, bytes, offset); }

/* May write fewer parts than given, as POSIX allows, so that each part is one record. */
ssize_t writev(int fd, const struct iovec *parts, int count) {
    char path[PATH_MAX];
    if (!concerns_fd(fd, path)) return syscall(SYS_writev, fd, parts, count);
    for (int i = 0; i < count; i++)
        if (parts[i].iov_len) return write(fd, parts[i].iov_base, parts[i].iov_len);
    return 0;
}

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset) {
    for (int i = 0; i < count; i++)
        if (parts[i].iov_len) return pwrite(fd, parts[i].iov_base, parts[i].iov_len, offset);
    return 0;
}

ssize_t pwritev64(int fd, const struct iovec *parts, int count, off_t offset) {
    return pwritev(fd, parts, count, offset);
}

/* Copies inside the kernel become a read and a recorded write. */
ssize_t sendfile(int to, int from, off_t *offset, size_t bytes) {
    char path[PATH_MAX], block[1 << 16];
    if (!concerns_fd(to, path)) return syscall(SYS_sendfile, to, from, offset, bytes);
    if (bytes > sizeof block) bytes = sizeof block;
    ssize_t got = offset ? pread(from, block, bytes, *offset) : read(from, block, bytes);
    if (got <= 0) return got;
    ssize_t written = write(to, block, (size_t)got);
    if (offset && written > 0) *offset += written;
    return written;
}

ssize_t sendfile64(int to, int from, off_t *offset, size_t bytes) { return sendfile(to, from, offset, bytes); }

ssize_t copy_file_range(int from, off_t *from_offset, int to, off_t *to_offset, size_t bytes, unsigned flags) {
    char path[PATH_MAX];
    if (!concerns_fd(to, path)) return syscall(SYS_copy_file_range, from, from_offset, to, to_offset, bytes, flags);
    errno = ENOSYS; /* every caller has a fallback */
    return -1;
}

int ftruncate(int fd, off_t size) {
    char path[PATH_MAX];
    if (!concerns_fd(fd, path)) return (int)syscall(SYS_ftruncate, fd, size);
    begin_or_die(path);
    int result = (int)syscall(SYS_ftruncate, fd, size);
    if (result == 0) put('T', inode_of(fd), size, path, NULL, NULL, 0);
    end();
    return result;
}

int ftruncate64(int fd, off_t size) { return ftruncate(fd, size); }

int truncate(const char *name, off_t size) {
    int fd = (int)syscall(SYS_openat, AT_FDCWD, name, O_WRONLY | O_CLOEXEC);
    if (fd < 0) return -1;
    int result = ftruncate(fd, size);
    close(fd);
    return result;
}

int truncate64(const char *name, off_t size) { return truncate(name, size); }

int fallocate(int fd, int mode, off_t offset, off_t bytes) {
    char path[PATH_MAX];
    if (!concerns_fd(fd, path)) return (int)syscall(SYS_fallocate, fd, mode, offset, bytes);
    errno = EOPNOTSUPP; /* a file system may lack it, so callers must cope */
    return -1;
}

int fallocate64(int fd, int mode, off_t offset, off_t bytes) { return fallocate(fd, mode, offset, bytes); }

int posix_fallocate(int fd, off_t offset, off_t bytes) { return fallocate(fd, 0, offset, bytes) ? EOPNOTSUPP : 0; }

int posix_fallocate64(int fd, off_t offset, off_t bytes) { return posix_fallocate(fd, offset, bytes); }

/* A shared writable map changes a file unnoticed. The only known one is SQLite's -shm, which is irrelevant after a
 * power cut. */
void *mmap(void *address, size_t bytes, int protection, int flags, int fd, off_t offset) {
    char path[PATH_MAX];
    if (fd >= 0 && (protection & PROT_WRITE) && (flags & MAP_SHARED) && concerns_fd(fd, path)) {
        size_t length = strlen(path);
        if (length < 4 || strcmp(path + length - 4, "-shm") != 0) not_modelled("mmap", path);
    }
    return (void *)syscall(SYS_mmap, address, bytes, protection, flags, fd, offset);
}

void *mmap64(void *address, size_t bytes, int protection, int flags, int fd, off_t offset) {
    return mmap(address, bytes, protection, flags, fd, offset);
}

/* -- syncs */

static int record_sync(int fd, const char *path, long call) {
    begin_or_die(path);
    int result = (int)syscall(call, fd);
    if (result == 0) put('S', inode_of(fd), 0, path, NULL, NULL, 0);
    end();
    return result;
}

/* The folder itself has no trailing '/', but its sync counts too. */
static int concerns_sync(int fd, char *path) {
    return concerns_fd(fd, path) || (log_fd >= 0 && fd_path(fd, path) && strcmp(path, folder) == 0);
}

int fsync(int fd) {
    char path[PATH_MAX];
    return concerns_sync(fd, path) ? record_sync(fd, path, SYS_fsync) : (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd) {
    char path[PATH_MAX];
    return concerns_sync(fd, path) ? record_sync(fd, path, SYS_fdatasync) : (int)syscall(SYS_fdatasync, fd);
}

/* -- names */

static int record_open(int at, const char *name, int flags, mode_t mode) {
    char path[PATH_MAX];
    struct stat now;
    if (!(flags & (O_CREAT | O_TRUNC)) || !concerns(at, name, path))
        return (int)syscall(SYS_openat, at, name, flags, mode);
    begin_or_die(path);
    int saved = errno;
    int existed = fstatat(at, name, &now, 0) == 0;
    errno = saved;
    int fd = (int)syscall(SYS_openat, at, name, flags, mode);
    if (fd >= 0 && !existed) put('C', inode_of(fd), 0, path, NULL, NULL, 0);
    if (fd >= 0 && existed && (flags & O_TRUNC)) put('T', inode_of(fd), 0, path, NULL, NULL, 0);
    end();
    return fd;
}

#define MODE(flags)                                                                                                    \
    mode_t mode = 0;                                                                                                   \
    if ((flags) & O_CREAT) {                                                                                           \
        va_list rest;                                                                                                  \
        va_start(rest, flags);                                                                                         \
        mode = va_arg(rest, mode_t);                                                                                   \
        va_end(rest);                                                                                                  \
    }

int open(const char *name, int flags, ...) {
    MODE(flags)
    return record_open(AT_FDCWD, name, flags, mode);
}

int open64(const char *name, int flags, ...) {
    MODE(flags)
    return record_open(AT_FDCWD, name, flags, mode);
}

int openat(int at, const char *name, int flags, ...) {
    MODE(flags)
    return record_open(at, name, flags, mode);
}

int openat64(int at, const char *name, int flags, ...) {
    MODE(flags)
    return record_open(at, name, flags, mode);
}

/* Called by fortified builds if there is no mode. */
int __open_2(const char *name, int flags) { return record_open(AT_FDCWD, name, flags, 0); }
int __open64_2(const char *name, int flags) { return record_open(AT_FDCWD, name, flags, 0); }
int __openat_2(int at, const char *name, int flags) { return record_open(at, name, flags, 0); }
int __openat64_2(int at, const char *name, int flags) { return record_open(at, name, flags, 0); }
int creat(const char *name, mode_t mode) { return record_open(AT_FDCWD, name, O_WRONLY | O_CREAT | O_TRUNC, mode); }
int creat64(const char *name, mode_t mode) { return creat(name, mode); }

static int record_rename(int from_at, const char *from, int to_at, const char *to, unsigned flags) {
    char old[PATH_MAX], new[PATH_MAX];
    int leaves = concerns(from_at, from, old), arrives = concerns(to_at, to, new);
    if (!leaves && !arrives) return (int)syscall(SYS_renameat2, from_at, from, to_at, to, flags);
    if (!leaves || !arrives || (flags & ~1u)) not_modelled("rename", leaves ? old : new);
    begin_or_die(leaves ? old : new);
    int result = (int)syscall(SYS_renameat2, from_at, from, to_at, to, flags);
    if (result == 0 && leaves && arrives) put('R', 0, 0, old, new, NULL, 0);
    end();
    return result;
}

int rename(const char *from, const char *to) { return record_rename(AT_FDCWD, from, AT_FDCWD, to, 0); }
int renameat(int from_at, const char *from, int to_at, const char *to) {
    return record_rename(from_at, from, to_at, to, 0);
}
int renameat2(int from_at, const char *from, int to_at, const char *to, unsigned flags) {
    return record_rename(from_at, from, to_at, to, flags);
}

static int record_unlink(int at, const char *name, int flags) {
    char path[PATH_MAX];
    if (!concerns(at, name, path)) return (int)syscall(SYS_unlinkat, at, name, flags);
    begin_or_die(path);
    int result = (int)syscall(SYS_unlinkat, at, name, flags);
    if (result == 0) put('U', 0, 0, path, NULL, NULL, 0);
    end();
    return result;
}

int unlink(const char *name) { return record_unlink(AT_FDCWD, name, 0); }
int unlinkat(int at, const char *name, int flags) { return record_unlink(at, name, flags); }
int rmdir(const char *name) { return record_unlink(AT_FDCWD, name, AT_REMOVEDIR); }

static int record_mkdir(int at, const char *name, mode_t mode) {
    char path[PATH_MAX];
    struct stat now;
    if (!concerns(at, name, path)) return (int)syscall(SYS_mkdirat, at, name, mode);
    begin_or_die(path);
    int result = (int)syscall(SYS_mkdirat, at, name, mode);
    if (result == 0 && fstatat(at, name, &now, 0) == 0) put('M', now.st_ino, 0, path, NULL, NULL, 0);
    end();
    return result;
}

int mkdir(const char *name, mode_t mode) { return record_mkdir(AT_FDCWD, name, mode); }
int mkdirat(int at, const char *name, mode_t mode) { return record_mkdir(at, name, mode); }

int linkat(int from_at, const char *from, int to_at, const char *to, int flags) {
    char path[PATH_MAX];
    if (concerns(to_at, to, path)) not_modelled("link", path);
    return (int)syscall(SYS_linkat, from_at, from, to_at, to, flags);
}

int link(const char *from, const char *to) { return linkat(AT_FDCWD, from, AT_FDCWD, to, 0); }

int symlinkat(const char *target, int at, const char *name) {
    char path[PATH_MAX];
    if (concerns(at, name, path)) not_modelled("symlink", path);
    return (int)syscall(SYS_symlinkat, target, at, name);
}

int symlink(const char *target, const char *name) { return symlinkat(target, AT_FDCWD, name); }
