#define _GNU_SOURCE
#include "DiskFaults.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static int isRegular(int file) {
    struct stat information;
    return fstat(file, &information) == 0 && S_ISREG(information.st_mode);
}

// The number to fail with; 0: do the real thing.
static int fault(void) {
    const char *path = getenv("HOPTOP_FAULT");
    while (path) {
        int number = 0;
        FILE *file = fopen(path, "re");
        if (!file) return 0;
        int found = fscanf(file, "%d", &number);
        fclose(file);
        if (found == 1 && number == EINTR) {
            // Waits as a system call does that a signal ends; the next one works.
            pause();
            unlink(path);
        }
        if (found == 1) return number;
        usleep(20000);
    }
    return 0;
}

#define FAIL_OR(name, type, call)                          \
    if (isRegular(file)) {                                 \
        int number = fault();                              \
        if (number) { errno = number; return -1; }         \
    }                                                      \
    return ((type)dlsym(RTLD_NEXT, name)) call

ssize_t pwrite64(int file, const void *octets, size_t count, off64_t place) {
    FAIL_OR("pwrite64", ssize_t (*)(int, const void *, size_t, off64_t), (file, octets, count, place));
}
ssize_t pwrite(int file, const void *octets, size_t count, off_t place) {
    FAIL_OR("pwrite", ssize_t (*)(int, const void *, size_t, off_t), (file, octets, count, place));
}
int fsync(int file) { FAIL_OR("fsync", int (*)(int), (file)); }
int fdatasync(int file) { FAIL_OR("fdatasync", int (*)(int), (file)); }
ssize_t write(int file, const void *octets, size_t count) {
    // The log, which is a file here too, goes on.
    if (file <= 2) return ((ssize_t (*)(int, const void *, size_t))dlsym(RTLD_NEXT, "write"))(file, octets, count);
    FAIL_OR("write", ssize_t (*)(int, const void *, size_t), (file, octets, count));
}
