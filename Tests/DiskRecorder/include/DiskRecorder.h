/// Records what a program does to files, and when it says that mail is safe, in one order.
///
/// Preloaded (LD_PRELOAD) into the program, with variables of the environment: HOPTOP_RECORD names the file that the record
/// is appended to, HOPTOP_RECORD_BELOW the folder that is recorded with all below, and after HOPTOP_RECORD_CALLS calls, if
/// given, the program is killed (SIGKILL). Every call is made and written down
/// under one lock, so the order of the record is the order of the calls; one that failed is not in it.
#ifndef DISK_RECORDER_H
#define DISK_RECORDER_H

#include <stdint.h>

/// One call, in the machine's octet order; `count` octets of data follow.
struct disk_record {
    /// `S` a process starts; `O` open: data is the path; `W` write at `offset`; `T` truncate to `offset`; `Y` sync;
    /// `R` rename: data is both paths, a line each; `U` unlink and `M` mkdir: data is the path;
    /// `A` a final 250 is about to be sent: data is the queue ID.
    uint32_t kind;
    /// The descriptor, where there is one.
    int32_t file;
    uint64_t offset;
    uint64_t count;
};

#endif
