// XXH3 of 64 bits (https://xxhash.com) as Swift can take it.
#ifndef HOPTOP_CXXHASH_H
#define HOPTOP_CXXHASH_H

#include <stddef.h>
#include <stdint.h>

/// Opaque to Swift.
typedef struct hoptop_hash hoptop_hash;

uint64_t hoptop_hash_of(const void *octets, size_t count);

/// NULL: no memory.
hoptop_hash *hoptop_hash_create(void);
void hoptop_hash_free(hoptop_hash *hash);
void hoptop_hash_update(hoptop_hash *hash, const void *octets, size_t count);
/// The digest of all that it was given so far.
uint64_t hoptop_hash_value(const hoptop_hash *hash);

#endif
