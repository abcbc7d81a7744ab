#include "CXXHash.h"

// Compiled in, so that the library itself is not needed where the program runs.
#define XXH_INLINE_ALL
#include <xxhash.h>

#define STATE(hash) ((XXH3_state_t *)(hash))

uint64_t hoptop_hash_of(const void *octets, size_t count) { return XXH3_64bits(octets, count); }

hoptop_hash *hoptop_hash_create(void) {
    XXH3_state_t *state = XXH3_createState();
    if (state) XXH3_64bits_reset(state);
    return (hoptop_hash *)state;
}

void hoptop_hash_free(hoptop_hash *hash) { XXH3_freeState(STATE(hash)); }

void hoptop_hash_update(hoptop_hash *hash, const void *octets, size_t count) {
    XXH3_64bits_update(STATE(hash), octets, count);
}

uint64_t hoptop_hash_value(const hoptop_hash *hash) { return XXH3_64bits_digest((const XXH3_state_t *)hash); }
