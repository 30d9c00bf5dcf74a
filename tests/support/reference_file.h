/* Reference values from tests/reference: lines of `name value value ...`. */
#ifndef NBA_REFERENCE_FILE_H
#define NBA_REFERENCE_FILE_H

#include "nba_test.h"

/* Reads the line `name` of tests/reference/<file> into `ret_values`; fails the test when it is
 * missing or doesn't hold exactly `count` numbers. */
static inline void reference_read(const char *file, const char *name, double *ret_values,
                                  size_t count)
{
    char path[512];
    (void)snprintf(path, sizeof path, "%s/tests/reference/%s", NBA_SOURCE_DIR, file);
    FILE *in = fopen(path, "r");
    assert_non_null(in);
    char word[64] = "";
    while (fscanf(in, "%63s", word) == 1 && strcmp(word, name) != 0) {
        (void)fscanf(in, "%*[^\n]");
    }
    assert_string_equal(word, name);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(fscanf(in, "%lf", &ret_values[i]), 1);
    }
    int next = fgetc(in);
    assert_true(next == '\n' || next == EOF);
    (void)fclose(in);
}

#endif
