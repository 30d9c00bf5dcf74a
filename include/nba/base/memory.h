/*
 * Memory from the heap that is always there.
 *
 * For objects and lists whose size is ours, not an outsider's: the machine that has no more of it
 * would kill us anyway, so here the process ends (NBA_ASSERT) and no caller has a case for it.
 * What grows with outside data has a limit of its own and is an arena's or a buffer's (arena.h,
 * buf.h), whose end is a status.  free() gives everything back.
 */
#ifndef NBA_BASE_MEMORY_H
#define NBA_BASE_MEMORY_H

#include <stddef.h>

/* count * size bytes, all zero. */
void *nba_zeros(size_t count, size_t size);
/* Room for one item of `size` bytes behind `count` of them: `items`, or where they are now. */
void *nba_room(void *items, size_t count, size_t *capacity, size_t size);
/* A copy of the text; NULL of NULL. */
char *nba_copy(const char *text);

#endif
