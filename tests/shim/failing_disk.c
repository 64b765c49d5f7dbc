/*
 * Makes calls on files fail. Loaded into a process by LD_PRELOAD, for tests of the hub.
 *
 * FAILING_DISK_DIR      Absolute path of a folder; calls on files beneath it count.
 * FAILING_DISK_CONTROL  A file of 4,096 bytes that says what fails, and tells what did. It may be
 *                       written and read while the process runs.
 *
 * The control file, numbers as u64 of the machine:
 *   0  classes that may fail, a bit each; 0 for none
 *   1  so many calls of them succeed before
 *   2  so many fail then
 *   3  the error (errno), or 0: only half of what is to be read or written is
 *   4  calls that failed
 *   8  calls of each class, from the last change of word 0 to now
 *   at byte 256, up to 255 bytes: only calls on paths that have this text in them count
 *   at byte 512, up to 1,000 bytes: the first call that failed, and its path
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#define CONTROL_BYTES 4096
#define FILTER_AT 256
#define TOLD_AT 512
#define TOLD_BYTES 1000
#define PATH_BYTES 1024

enum { OPEN, WRITE, SYNC, RENAME, REMOVE, CUT, READ, CLASSES };

static uint64_t *control;
static char folder[PATH_BYTES];

__attribute__((constructor)) static void begin(void) {
    const char *dir = getenv("FAILING_DISK_DIR");
    const char *file = getenv("FAILING_DISK_CONTROL");
    if (dir == NULL || file == NULL || strlen(dir) >= sizeof folder) return;
    int fd = (int)syscall(SYS_openat, AT_FDCWD, file, O_RDWR | O_CLOEXEC, 0);
    if (fd < 0) return;
    void *mapped = mmap(NULL, CONTROL_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    syscall(SYS_close, fd);
    if (mapped == MAP_FAILED) return;
    strcpy(folder, dir);
    control = mapped;
}

/* Whether a call counts and is to fail. It answers the error in `errno`, 0 for half the bytes. */
static int fails(int class, const char *call, const char *path) {
    size_t length = strlen(folder);
    if (control == NULL || strncmp(path, folder, length) != 0 || path[length] != '/') return 0;
    const char *filter = (const char *)control + FILTER_AT;
    if (filter[0] != 0 && strstr(path, filter) == NULL) return 0;
    __atomic_fetch_add(&control[8 + class], 1, __ATOMIC_SEQ_CST);
    uint64_t classes = __atomic_load_n(&control[0], __ATOMIC_SEQ_CST);
    if ((classes & (1u << class)) == 0) return 0;
    uint64_t before = __atomic_load_n(&control[1], __ATOMIC_SEQ_CST);
    while (before > 0) {
        if (__atomic_compare_exchange_n(&control[1], &before, before - 1, 0, __ATOMIC_SEQ_CST,
                                        __ATOMIC_SEQ_CST))
            return 0;
    }
    uint64_t left = __atomic_load_n(&control[2], __ATOMIC_SEQ_CST);
    do {
        if (left == 0) return 0;
    } while (!__atomic_compare_exchange_n(&control[2], &left, left - 1, 0, __ATOMIC_SEQ_CST,
                                          __ATOMIC_SEQ_CST));
    if (__atomic_fetch_add(&control[4], 1, __ATOMIC_SEQ_CST) == 0)
        snprintf((char *)control + TOLD_AT, TOLD_BYTES, "%s %s", call, path);
    errno = (int)control[3];
    return 1;
}

/* The path of an open file, also once it was renamed. */
static int path_of(int fd, char *path) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    long length = syscall(SYS_readlinkat, AT_FDCWD, link, path, PATH_BYTES - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return 1;
}

static int fails_on(int class, const char *call, int fd) {
    char path[PATH_BYTES];
    int before = errno;
    if (control == NULL || !path_of(fd, path)) {
        errno = before;
        return 0;
    }
    if (fails(class, call, path)) return 1;
    errno = before;
    return 0;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

/* Calls that name a path. Only absolute ones are looked at: the hub's data folder is one. */

static int fails_to_open(const char *call, const char *path, int flags) {
    return (flags & (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC)) != 0 && fails(OPEN, call, path);
}

static int mode_of(int flags, va_list arguments) {
    return (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(arguments, int) : 0;
}

#define OPENER(name)                                                                               \
    int name(const char *path, int flags, ...) {                                                   \
        va_list arguments;                                                                         \
        va_start(arguments, flags);                                                                \
        int mode = mode_of(flags, arguments);                                                      \
        va_end(arguments);                                                                         \
        if (fails_to_open(#name, path, flags)) return -1;                                          \
        return REAL(name)(path, flags, mode);                                                      \
    }

OPENER(open)
OPENER(open64)

#define OPENER_AT(name)                                                                            \
    int name(int at, const char *path, int flags, ...) {                                           \
        va_list arguments;                                                                         \
        va_start(arguments, flags);                                                                \
        int mode = mode_of(flags, arguments);                                                      \
        va_end(arguments);                                                                         \
        if (fails_to_open(#name, path, flags)) return -1;                                          \
        return REAL(name)(at, path, flags, mode);                                                  \
    }

OPENER_AT(openat)
OPENER_AT(openat64)

int rename(const char *from, const char *to) {
    if (fails(RENAME, "rename", to)) return -1;
    return REAL(rename)(from, to);
}

int renameat(int from_at, const char *from, int to_at, const char *to) {
    if (fails(RENAME, "renameat", to)) return -1;
    return REAL(renameat)(from_at, from, to_at, to);
}

int unlink(const char *path) {
    if (fails(REMOVE, "unlink", path)) return -1;
    return REAL(unlink)(path);
}

int unlinkat(int at, const char *path, int flags) {
    if (fails(REMOVE, "unlinkat", path)) return -1;
    return REAL(unlinkat)(at, path, flags);
}

/* Calls on an open file. */

ssize_t write(int fd, const void *bytes, size_t count) {
    if (!fails_on(WRITE, "write", fd)) return REAL(write)(fd, bytes, count);
    if (errno != 0) return -1;
    return REAL(write)(fd, bytes, (count + 1) / 2);
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
    if (!fails_on(WRITE, "writev", fd)) return REAL(writev)(fd, parts, count);
    if (errno != 0) return -1;
    return REAL(writev)(fd, parts, (count + 1) / 2);
}

#define WRITER_AT(name, offset_t)                                                                  \
    ssize_t name(int fd, const void *bytes, size_t count, offset_t offset) {                       \
        if (!fails_on(WRITE, #name, fd)) return REAL(name)(fd, bytes, count, offset);              \
        if (errno == 0) return REAL(name)(fd, bytes, (count + 1) / 2, offset);                     \
        int error = errno;                                                                         \
        /* A part is there all the same, as a real disk may leave it. */                           \
        if (count > 1) REAL(name)(fd, bytes, count / 2, offset);                                   \
        errno = error;                                                                             \
        return -1;                                                                                 \
    }

WRITER_AT(pwrite, off_t)
WRITER_AT(pwrite64, off64_t)

ssize_t read(int fd, void *bytes, size_t count) {
    if (!fails_on(READ, "read", fd)) return REAL(read)(fd, bytes, count);
    if (errno != 0) return -1;
    return REAL(read)(fd, bytes, (count + 1) / 2);
}

#define READER_AT(name, offset_t)                                                                  \
    ssize_t name(int fd, void *bytes, size_t count, offset_t offset) {                             \
        if (!fails_on(READ, #name, fd)) return REAL(name)(fd, bytes, count, offset);               \
        if (errno != 0) return -1;                                                                 \
        return REAL(name)(fd, bytes, (count + 1) / 2, offset);                                     \
    }

READER_AT(pread, off_t)
READER_AT(pread64, off64_t)

int fsync(int fd) {
    if (fails_on(SYNC, "fsync", fd)) return -1;
    return REAL(fsync)(fd);
}

int fdatasync(int fd) {
    if (fails_on(SYNC, "fdatasync", fd)) return -1;
    return REAL(fdatasync)(fd);
}

int sync_file_range(int fd, off64_t offset, off64_t count, unsigned int flags) {
    if (fails_on(SYNC, "sync_file_range", fd)) return -1;
    return REAL(sync_file_range)(fd, offset, count, flags);
}

int ftruncate(int fd, off_t length) {
    if (fails_on(CUT, "ftruncate", fd)) return -1;
    return REAL(ftruncate)(fd, length);
}

int ftruncate64(int fd, off64_t length) {
    if (fails_on(CUT, "ftruncate64", fd)) return -1;
    return REAL(ftruncate64)(fd, length);
}
