// What the C library lets a program say of its memory, as Swift can take it.
#ifndef HOPTOP_CMALLOC_H
#define HOPTOP_CMALLOC_H

/// At most so many heaps from now on, which threads share. Does nothing where the C library has no such setting.
void hoptop_limit_heaps(int count);

/// Gives back to the system what lies free between the blocks in use. Takes milliseconds where there are many.
void hoptop_trim_heaps(void);

#endif
