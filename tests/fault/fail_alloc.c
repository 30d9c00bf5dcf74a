/* The linker sends our calls of malloc to __wrap_malloc and __real_malloc to libc (ld --wrap). */
#include "fail_alloc.h"

#include <errno.h>
#include <stdlib.h>

void *__real_malloc(size_t bytes);
void *__real_calloc(size_t count, size_t bytes);
void *__real_realloc(void *memory, size_t bytes);
int __real_posix_memalign(void **ret_memory, size_t alignment, size_t bytes);
void *__wrap_malloc(size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes);
void *__wrap_realloc(void *memory, size_t bytes);
int __wrap_posix_memalign(void **ret_memory, size_t alignment, size_t bytes);

static size_t left;
static bool happened;

void fail_alloc_at(size_t nth)
{
    left = nth;
    happened = false;
}

bool fail_alloc_happened(void)
{
    return happened;
}

static bool fails(void)
{
    if (left == 0 || --left != 0) {
        return false;
    }
    happened = true;
    errno = ENOMEM;
    return true;
}

void *__wrap_malloc(size_t bytes)
{
    return fails() ? NULL : __real_malloc(bytes);
}

void *__wrap_calloc(size_t count, size_t bytes)
{
    return fails() ? NULL : __real_calloc(count, bytes);
}

void *__wrap_realloc(void *memory, size_t bytes)
{
    return fails() ? NULL : __real_realloc(memory, bytes);
}

int __wrap_posix_memalign(void **ret_memory, size_t alignment, size_t bytes)
{
    return fails() ? ENOMEM : __real_posix_memalign(ret_memory, alignment, bytes);
}
