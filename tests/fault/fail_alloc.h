/* The Nth allocation of the code under test fails. */
#ifndef NBA_FAIL_ALLOC_H
#define NBA_FAIL_ALLOC_H

#include <stdbool.h>
#include <stddef.h>

/* From now on allocation number `nth` (1 = the next) fails, and no other; 0: none. */
void fail_alloc_at(size_t nth);
/* Whether it came to that allocation. */
bool fail_alloc_happened(void);

#endif
