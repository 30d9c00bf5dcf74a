/*
 * A compiled decoder: writer's schema, our schema and our struct made into one flat list of
 * operations, run over the bytes without recursion, copies or look-ups.
 *
 * RESOLUTION (Avro 1.12 specification, "Schema Resolution").  Fields are matched by name, or by
 * alias of the reader's; what the writer has more is skipped, what it has less takes the reader's
 * default.  Enums are matched symbol by symbol, an unknown one takes the enum's default.  int,
 * long, float and double are promoted; string and bytes stand for each other.  Records, enums and
 * fixed must have the same name without namespace, or the writer's whole name be an alias of the
 * reader's; fixed the same size, and two decimals the same precision and scale.  Arrays and maps
 * match by their items.  A reader's union offers the first of the branches that fit best: the same
 * type before a promotion, the same namespace before another.  Each branch of a writer's union is
 * resolved by itself; what has no reading there, or as an item, fails when such a value comes.
 *
 * COST.  Linear in the bytes: every item of an array takes a byte, and counts are checked against
 * the bytes left and NBA_ITEMS_MAX before memory is taken.
 */
#ifndef NBA_CODEC_PROGRAM_H
#define NBA_CODEC_PROGRAM_H

#include <stdint.h>

#include "nba/base/arena.h"
#include "nba/base/buf.h"
#include "nba/base/status.h"
#include "nba/codec/avro_schema.h"
#include "nba/codec/binding.h"

/* A union's branches multiply what they hold; our programs take some 20 KB. */
#define NBA_PROGRAM_BYTES_MAX ((size_t)4 * 1024 * 1024)

struct nba_program;

/*
 * Compiles; the program lies in `arena` and borrows both schemas and the binding.  Without a reader
 * it is a program for writing: every binding must then have its field, and every word its symbol.
 * NBA_E_SCHEMA_INCOMPATIBLE: no writer's value could be read (the message names the field), or the
 * program would be too large.
 * NBA_E_CONFIG: the binding doesn't fit the reader's schema.
 */
NBA_MUST_USE
enum nba_status nba_program_compile(const struct nba_avro_type *writer,
                                    const struct nba_avro_type *reader,
                                    const struct nba_record_binding *binding,
                                    struct nba_arena *arena, const struct nba_program **ret_program,
                                    struct nba_error *error);

/* Reads one datum from `cursor`, which stands behind it afterwards, into `record` (of the binding's
 * size).  Errors as in decoder.h; `record` and `cursor` are then undefined. */
NBA_MUST_USE
enum nba_status nba_program_run(const struct nba_program *program, struct nba_cursor *cursor,
                                struct nba_arena *arena, void *record, struct nba_error *error);

#endif
