// What a program may set of Swift's runtime, which declares it to C alone.
#ifndef HOPTOP_CSWIFTRUNTIME_H
#define HOPTOP_CSWIFTRUNTIME_H

#include <stdbool.h>

extern bool _swift_disableExclusivityChecking;

/// Accesses to variables are no longer looked at for whether they exclude each other (The Swift Programming Language, "Memory
/// Safety"). Set before there are other threads.
static inline void hoptop_trust_accesses(void) { _swift_disableExclusivityChecking = true; }

#endif
