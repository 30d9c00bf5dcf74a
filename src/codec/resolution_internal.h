/* What the compiler asks of the rules of resolution; w is the writer's, r the reader's. */
#ifndef NBA_CODEC_RESOLUTION_INTERNAL_H
#define NBA_CODEC_RESOLUTION_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "nba/codec/avro_schema.h"

enum nba_fit { NBA_FIT_NOT, NBA_FIT_PROMOTED, NBA_FIT_ALIKE, NBA_FIT_SAME };

/* How well do the types match?  Records match by their names alone, whatever their fields; unions
 * always, each of their branches shows by itself. */
enum nba_fit nba_avro_fit(const struct nba_avro_type *w, const struct nba_avro_type *r);

/* The branch of `r` for a type that is no union: itself, else the first of those that fit best, so
 * that an int is read as a long only where there is no int; NULL: none. */
const struct nba_avro_type *nba_avro_fitting_branch(const struct nba_avro_type *w,
                                                    const struct nba_avro_type *r,
                                                    uint32_t *ret_index);

const struct nba_avro_field *nba_avro_field_find(const struct nba_avro_type *record,
                                                 const char *name);
/* The reader's field that `field` of the writer fills: that of its name, else the first that has
 * its name as alias and whose own name, or an alias before that, the writer doesn't have; NULL:
 * none. */
const struct nba_avro_field *nba_avro_reader_field(const struct nba_avro_type *w,
                                                   const struct nba_avro_field *field,
                                                   const struct nba_avro_type *r);
/* Does a field of the writer fill `field` of the reader? */
bool nba_avro_is_filled(const struct nba_avro_type *w, const struct nba_avro_field *field,
                        const struct nba_avro_type *r);

#endif
