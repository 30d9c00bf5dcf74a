/*
 * Who fits whom: the rules of Avro 1.11, "Schema Resolution", as questions about two types.
 * w is always the writer's, r the reader's.
 */
#ifndef NBA_CODEC_RESOLUTION_INTERNAL_H
#define NBA_CODEC_RESOLUTION_INTERNAL_H

#include "nba/codec/avro_schema.h"
#include "nba/codec/binding.h"

/* 2 the same, 1 by promotion, 0 not at all; by the outermost type alone. */
int nba_resolution_fit(const struct nba_avro_type *w, const struct nba_avro_type *r);
/* The reader's branch for a writer's type that is no union: the first that is the same, else the
 * first by promotion; NULL: none. */
const struct nba_avro_type *nba_resolution_branch(const struct nba_avro_type *w,
                                                  const struct nba_avro_type *r);

/* The writer's field that fills the reader's: of its name, else of its first alias found;
 * or NULL. */
const struct nba_avro_field *nba_resolution_writer_field(const struct nba_avro_type *w,
                                                         const struct nba_avro_field *field);
/* The reader's field that this field of the writer fills, or NULL. */
const struct nba_avro_field *nba_resolution_reader_field(const struct nba_avro_type *w,
                                                         const struct nba_avro_field *field,
                                                         const struct nba_avro_type *r);

bool nba_resolution_has_symbol(const struct nba_avro_type *type, const char *symbol);
/* The value of our word of this name, or NBA_NO_WORD. */
int32_t nba_resolution_word(const struct nba_words *words, const char *symbol);

/* The binding of our field of this name that is read (not derived), or NULL. */
const struct nba_binding *nba_resolution_binding(const struct nba_record_binding *record,
                                                 const char *name);
/* The Avro type that a binding takes on our side. */
enum nba_avro_kind nba_resolution_kind(enum nba_bind kind);
/* Makes a zeroed struct absent throughout: times become NBA_TIME_NONE. */
void nba_resolution_absent(const struct nba_record_binding *record, unsigned char *image);

#endif
