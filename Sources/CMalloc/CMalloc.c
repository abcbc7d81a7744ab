#include "CMalloc.h"

#include <stdlib.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

void hoptop_limit_heaps(int count) {
#ifdef __GLIBC__
    mallopt(M_ARENA_MAX, count);
#else
    (void)count;
#endif
}

void hoptop_trim_heaps(void) {
#ifdef __GLIBC__
    malloc_trim(0);
#endif
}
