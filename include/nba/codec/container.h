/*
 * Log files: Avro object container files (Avro 1.11 specification, "Object Container Files") whose
 * records are {topic, partition, offset, timestamp, key, value, headers}
 * (schemas/nba.log.record.avsc), value being the bytes of the log as they are.  Every Avro library
 * reads them.
 *
 * The same file is written for the same records: the sync marker is derived from the schema.
 * Both directions stream: memory is one block (written at about 64 KiB, read up to
 * NBA_CONTAINER_BLOCK_BYTES_MAX before and after inflating).
 *
 * The reader takes any container file: nba_container_reader_next resolves its schema to log
 * records, nba_container_reader_next_json prints whatever its records are (`nba import` of Avro
 * files).
 * THREADS.  Each object belongs to one.
 */
#ifndef NBA_CODEC_CONTAINER_H
#define NBA_CODEC_CONTAINER_H

#include <stdbool.h>
#include <stdint.h>

#include "nba/base/arena.h"
#include "nba/base/buf.h"
#include "nba/base/record.h"
#include "nba/base/status.h"
#include "nba/codec/schema_registry.h"

/* Java writes 64 KB blocks by default, fastavro 16 KB, Spark up to some MB. */
#define NBA_CONTAINER_BLOCK_BYTES_MAX (16u * 1024u * 1024u)

enum nba_container_codec { NBA_CONTAINER_NULL, NBA_CONTAINER_DEFLATE };

struct nba_container_writer;

/* The file appears under `path` when it is finished; until then it is `path`.part.  NBA_E_IO. */
NBA_MUST_USE
enum nba_status nba_container_writer_create(const struct nba_schemas *schemas, const char *path,
                                            enum nba_container_codec codec,
                                            struct nba_container_writer **ret_writer,
                                            struct nba_error *error);
/* NBA_E_IO, NBA_E_LIMIT (more than a block may hold; nothing is written). */
NBA_MUST_USE
enum nba_status nba_container_writer_append(struct nba_container_writer *writer,
                                            const struct nba_record *record,
                                            struct nba_error *error);
/* Writes what is left, syncs, renames.  Only _destroy may follow. */
NBA_MUST_USE
enum nba_status nba_container_writer_finish(struct nba_container_writer *writer,
                                            struct nba_error *error);
/* An unfinished file is removed. */
void nba_container_writer_destroy(struct nba_container_writer *writer);

struct nba_container_reader;

/* NBA_E_NOT_FOUND, NBA_E_IO, NBA_E_CORRUPT (no container file, unknown codec, bad schema). */
NBA_MUST_USE
enum nba_status nba_container_reader_open(const struct nba_schemas *schemas, const char *path,
                                          struct nba_container_reader **ret_reader,
                                          struct nba_error *error);
/* *ret_more is false at the end of the file, with *ret_record untouched.  The record lives until
 * the next call.  NBA_E_CORRUPT, NBA_E_IO, NBA_E_LIMIT, NBA_E_SCHEMA_INCOMPATIBLE (no log file). */
NBA_MUST_USE
enum nba_status nba_container_reader_next(struct nba_container_reader *reader,
                                          struct nba_record *ret_record, bool *ret_more,
                                          struct nba_error *error);
/* Appends the next record as one JSON object, no line feed.  Don't mix with _next. */
NBA_MUST_USE
enum nba_status nba_container_reader_next_json(struct nba_container_reader *reader,
                                               struct nba_buf *buf, bool *ret_more,
                                               struct nba_error *error);
void nba_container_reader_close(struct nba_container_reader *reader);

#endif
