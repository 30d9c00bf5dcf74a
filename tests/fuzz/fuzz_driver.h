/* What libFuzzer calls, and fuzz_main.c in its place. */
#ifndef NBA_FUZZ_DRIVER_H
#define NBA_FUZZ_DRIVER_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
