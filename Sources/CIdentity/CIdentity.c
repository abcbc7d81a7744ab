#define _GNU_SOURCE
#include "CIdentity.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

// The kernel knows credentials of threads alone. The C library changes them in all threads that it counts, and it counts none
// that has begun to end: the first thread of a program with an asynchronous main ends so, in dispatch_main, and then waits for
// signals for ever. It would stay root, and what /proc and ps call the process with it.

static struct {
    uid_t user;
    gid_t group;
    gid_t groups[1024];
    int count;
} wanted;

// On such a thread, so with system calls and nothing else.
static void become_here(int number) {
    (void)number;
    int before = errno;
    syscall(SYS_setgroups, wanted.count, wanted.groups);
    syscall(SYS_setresgid, wanted.group, wanted.group, wanted.group);
    syscall(SYS_setresuid, wanted.user, wanted.user, wanted.user);
    errno = before;
}

// Real, effective and saved user and group, as the kernel has them.
static int is_as_wanted(const char *thread) {
    char path[64], line[256];
    unsigned user[3], group[3];
    int found = 0;
    snprintf(path, sizeof path, "/proc/self/task/%.20s/status", thread);
    FILE *file = fopen(path, "re");
    if (!file) return 1;  // It is gone.
    while (fgets(line, sizeof line, file)) {
        if (sscanf(line, "Uid: %u %u %u", &user[0], &user[1], &user[2]) == 3) {
            found += user[0] == wanted.user && user[1] == wanted.user && user[2] == wanted.user;
        } else if (sscanf(line, "Gid: %u %u %u", &group[0], &group[1], &group[2]) == 3) {
            found += group[0] == wanted.group && group[1] == wanted.group && group[2] == wanted.group;
        }
    }
    fclose(file);
    return found == 2;
}

// Signals those that are not as wanted; -1: /proc cannot be read.
static int signal_others(int number) {
    DIR *threads = opendir("/proc/self/task");
    if (!threads) return -1;
    int others = 0;
    for (struct dirent *entry; (entry = readdir(threads));) {
        if (entry->d_name[0] == '.' || is_as_wanted(entry->d_name)) continue;
        others++;
        syscall(SYS_tgkill, getpid(), atoi(entry->d_name), number);
    }
    closedir(threads);
    return others;
}

int hoptop_become_in_all_threads(void) {
    wanted.user = geteuid();
    wanted.group = getegid();
    wanted.count = getgroups(sizeof wanted.groups / sizeof *wanted.groups, wanted.groups);
    if (wanted.count < 0) return errno;
    int number = SIGRTMIN + 6;
    struct sigaction action = {.sa_handler = become_here, .sa_flags = SA_RESTART}, before;
    if (sigaction(number, &action, &before) != 0) return errno;
    int others = 1;
    for (int tries = 0; tries < 500 && (others = signal_others(number)) > 0; tries++) {
        nanosleep(&(struct timespec){.tv_nsec = 10 * 1000 * 1000}, NULL);
    }
    sigaction(number, &before, NULL);
    return others < 0 ? ENOSYS : others > 0 ? EPERM : 0;
}
