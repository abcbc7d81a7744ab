#include "CStreams.h"

#include <fcntl.h>
#include <unistd.h>

// Who starts a program may have closed its standard streams. What it opens next bears their numbers: a line for standard error
// would go to a client, or into a file of the spool. What is missing is opened before anything else is, and before `main`, since
// Swift's executor opens descriptors of its own. It can only be read, so that a command whose results go nowhere says so.
__attribute__((constructor)) static void open_missing_streams(void) {
    int opened;
    do {
        opened = open("/dev/null", O_RDONLY);
    } while (opened >= STDIN_FILENO && opened < STDERR_FILENO);
    if (opened == STDERR_FILENO || opened < 0) return;
    close(opened);
}
