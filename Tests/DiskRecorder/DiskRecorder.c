#define _GNU_SOURCE
#include "DiskRecorder.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { descriptors = 4096 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int record = -1;
static const char *folder;
/// How many calls the process still has to live; negative: as many as it likes.
static long calls_left = -1;
/// Which descriptors are of the folder or what is below.
static atomic_bool is_recorded[descriptors];

/// The function that this one stands before.
#define NEXT(name)                                                                                                     \
    static __typeof__(&name) next;                                                                                     \
    if (!next) next = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

// MARK: the record

static void append(char kind, int file, off_t offset, const void *data, size_t count) {
    struct disk_record head = {.kind = (uint32_t)kind, .file = file, .offset = (uint64_t)offset, .count = count};
    struct iovec parts[2] = {{&head, sizeof head}, {(void *)data, count}};
    // A record with a hole would prove nothing.
    if (syscall(SYS_writev, record, parts, 2) != (long)(sizeof head + count)) abort();
    if (calls_left > 0 && --calls_left == 0) kill(getpid(), SIGKILL);
}

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("HOPTOP_RECORD");
    const char *below = getenv("HOPTOP_RECORD_BELOW");
    if (!path || !below) return;
    record = (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (record < 0) abort();
    folder = strdup(below);
    const char *calls = getenv("HOPTOP_RECORD_CALLS");
    if (calls) calls_left = atol(calls);
    append('S', 0, 0, NULL, 0);
}

static bool is_path_recorded(const char *path) {
    size_t count = folder ? strlen(folder) : 0;
    if (!count || strncmp(path, folder, count) != 0 || (path[count] && path[count] != '/')) return false;
    // SQLite's -shm is memory that its users share; it is made anew after a crash.
    size_t length = strlen(path);
    return length < 4 || strcmp(path + length - 4, "-shm") != 0;
}

static bool is_file_recorded(int file) { return file >= 0 && file < descriptors && is_recorded[file]; }

/// Writes down a call that was made under the lock, unless it failed; the lock is given back.
static ssize_t done(ssize_t result, char kind, int file, off_t offset, const void *data, size_t count) {
    if (result >= 0) append(kind, file, offset, data, count);
    pthread_mutex_unlock(&lock);
    return result;
}

/// Writes down each queue ID that a reply on its way to a client makes known.
static void acknowledge(int file, const char *data, size_t count) {
    static const char mark[] = "250 2.0.0 Ok: queued as ";
    struct stat information;
    if (!folder || fstat(file, &information) != 0 || !S_ISSOCK(information.st_mode)) return;
    const char *end = data + count;
    while ((data = memmem(data, (size_t)(end - data), mark, sizeof mark - 1))) {
        data += sizeof mark - 1;
        const char *line_end = memchr(data, '\r', (size_t)(end - data));
        if (!line_end) abort();
        pthread_mutex_lock(&lock);
        append('A', 0, 0, data, (size_t)(line_end - data));
        pthread_mutex_unlock(&lock);
    }
}

// MARK: descriptors

static int opened(int file, const char *path, int flags) {
    if (file < 0) return file;
    bool recorded = is_path_recorded(path);
    if (recorded && file >= descriptors) abort();
    if (file < descriptors) is_recorded[file] = recorded;
    if (recorded) append('O', file, 0, path, strlen(path));
    if (recorded && flags & O_TRUNC) append('T', file, 0, NULL, 0);
    return file;
}

#define OPEN(name)                                                                                                     \
    int name(const char *path, int flags, ...) {                                                                       \
        NEXT(name);                                                                                                    \
        va_list arguments;                                                                                             \
        va_start(arguments, flags);                                                                                    \
        mode_t mode = flags & O_CREAT ? va_arg(arguments, mode_t) : 0;                                                 \
        va_end(arguments);                                                                                             \
        pthread_mutex_lock(&lock);                                                                                     \
        int file = opened(next(path, flags, mode), path, flags);                                                       \
        pthread_mutex_unlock(&lock);                                                                                   \
        return file;                                                                                                   \
    }
OPEN(open)
OPEN(open64)

int close(int file) {
    NEXT(close);
    if (file >= 0 && file < descriptors) is_recorded[file] = false;
    return next(file);
}

// MARK: content

ssize_t write(int file, const void *data, size_t count) {
    NEXT(write);
    if (!is_file_recorded(file)) {
        acknowledge(file, data, count);
        return next(file, data, count);
    }
    pthread_mutex_lock(&lock);
    off_t offset = lseek(file, 0, fcntl(file, F_GETFL) & O_APPEND ? SEEK_END : SEEK_CUR);
    ssize_t written = next(file, data, count);
    return done(written, 'W', file, offset, data, (size_t)written);
}

ssize_t writev(int file, const struct iovec *parts, int count) {
    NEXT(writev);
    if (!is_file_recorded(file)) {
        for (int part = 0; part < count; part++) acknowledge(file, parts[part].iov_base, parts[part].iov_len);
        return next(file, parts, count);
    }
    // Fewer octets than asked for is an answer that its callers have to expect.
    return count > 0 ? write(file, parts[0].iov_base, parts[0].iov_len) : 0;
}

#define PWRITE(name)                                                                                                   \
    ssize_t name(int file, const void *data, size_t count, off_t offset) {                                             \
        NEXT(name);                                                                                                    \
        if (!is_file_recorded(file)) return next(file, data, count, offset);                                           \
        pthread_mutex_lock(&lock);                                                                                     \
        ssize_t written = next(file, data, count, offset);                                                             \
        return done(written, 'W', file, offset, data, (size_t)written);                                                \
    }
PWRITE(pwrite)
PWRITE(pwrite64)

#define TRUNCATE(name)                                                                                                 \
    int name(int file, off_t size) {                                                                                   \
        NEXT(name);                                                                                                    \
        if (!is_file_recorded(file)) return next(file, size);                                                          \
        pthread_mutex_lock(&lock);                                                                                     \
        return (int)done(next(file, size), 'T', file, size, NULL, 0);                                                  \
    }
TRUNCATE(ftruncate)
TRUNCATE(ftruncate64)

#define SYNC(name)                                                                                                     \
    int name(int file) {                                                                                               \
        NEXT(name);                                                                                                    \
        if (!is_file_recorded(file)) return next(file);                                                                \
        pthread_mutex_lock(&lock);                                                                                     \
        return (int)done(next(file), 'Y', file, 0, NULL, 0);                                                           \
    }
SYNC(fsync)
SYNC(fdatasync)

// MARK: names

int mkdir(const char *path, mode_t mode) {
    NEXT(mkdir);
    if (!is_path_recorded(path)) return next(path, mode);
    pthread_mutex_lock(&lock);
    return (int)done(next(path, mode), 'M', 0, 0, path, strlen(path));
}

int unlink(const char *path) {
    NEXT(unlink);
    if (!is_path_recorded(path)) return next(path);
    pthread_mutex_lock(&lock);
    return (int)done(next(path), 'U', 0, 0, path, strlen(path));
}

int rename(const char *path, const char *target) {
    NEXT(rename);
    if (!is_path_recorded(path) || !is_path_recorded(target)) return next(path, target);
    char both[2 * 4096];
    int count = snprintf(both, sizeof both, "%s\n%s", path, target);
    if (count >= (int)sizeof both) abort();
    pthread_mutex_lock(&lock);
    return (int)done(next(path, target), 'R', 0, 0, both, (size_t)count);
}
