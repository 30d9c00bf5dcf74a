/*
 * Mappings: what a table of others means in our vocabulary (docs/IMPORT.md is the user's page).
 *
 * A mapping is a YAML file with one section a kind of row - events, profiles, contents, reps,
 * campaigns.  A section says, field by field of the message, from which column it comes and how:
 *
 *     events:
 *       columns:
 *         event_time: {column: ts_ms, unit: ms}        # ms, s or rfc3339 (default)
 *         hcp_id: hcp_id                                # the column alone
 *         channel: {column: channel, values: {digital: web, call: rep}, default: unknown}
 *       constants: {market: "US"}                       # where no column says otherwise
 *       rules:                                          # the first that matches gives the type
 *         - {when: {event: engaged, channel: email}, type: email_clicked}
 *         - {when: {event: opt_out}, type: consent_changed, set: {status: opt_out}}
 *
 * A row becomes zero or more messages: an event; a profile_updated and the consents the section
 * lists; a catalogue record.  A row that no rule takes, or with a cell that can't be read, is
 * rejected with a reason, and counted.
 *
 * EVENT IDS.  Without a column they are made from file name and row number, so importing the same
 * file twice makes duplicates that the engine knows.
 * OWNERSHIP.  Messages of a row borrow its cells, the mapping and the arena.
 * THREADS.  A mapping is immutable; a mapper has one thread.
 */
#ifndef NBA_INGEST_MAPPING_H
#define NBA_INGEST_MAPPING_H

#include <stdbool.h>
#include <stdint.h>

#include "nba/base/arena.h"
#include "nba/event/event.h"
#include "nba/event/reference.h"
#include "nba/ingest/row_source.h"

#define NBA_IMPORT_KIND_MAP(X) \
    X(EVENTS, "events")        \
    X(PROFILES, "profiles")    \
    X(CONTENTS, "contents")    \
    X(REPS, "reps")            \
    X(CAMPAIGNS, "campaigns")

enum nba_import_kind {
#define NBA_X(constant, word) NBA_IMPORT_##constant,
    NBA_IMPORT_KIND_MAP(NBA_X)
#undef NBA_X
        NBA_IMPORT_KIND_COUNT
};
const char *nba_import_kind_name(enum nba_import_kind kind);

/* Messages of one row: a profile and at most a consent for each channel and brand. */
#define NBA_IMPORT_ITEMS_MAX  32u
#define NBA_MAPPING_RULES_MAX 256u

struct nba_import_item {
    bool is_event; /* else a reference */
    struct nba_event event;
    struct nba_reference reference;
};

struct nba_mapping;

/* NBA_E_CONFIG with file:line:column, NBA_E_NOT_FOUND, NBA_E_IO, NBA_E_NO_MEMORY. */
NBA_MUST_USE
enum nba_status nba_mapping_load(const char *path, struct nba_mapping **ret_mapping,
                                 struct nba_error *error);
void nba_mapping_destroy(struct nba_mapping *mapping);

/* One section. */
struct nba_mapping_section {
    struct nba_row_form form; /* what it wants of a file */
    bool sorts; /* rows are put in the order of their times before they go to the log */
    const char *const *rules; /* as reports name them, in file order; "all rows" without any */
    size_t rule_count;
};

/* NULL: the mapping has no such section. */
const struct nba_mapping_section *nba_mapping_section(const struct nba_mapping *mapping,
                                                      enum nba_import_kind kind);

struct nba_mapped_row {
    struct nba_import_item items[NBA_IMPORT_ITEMS_MAX];
    size_t count;
    size_t rule; /* that took the row */
};

/* A row: its cells as the form asks for them; file and number name it for made event ids. */
struct nba_row {
    const struct nba_str *cells;
    struct nba_str file;
    uint64_t number;
};

/* NBA_E_CONFIG: rejected; the message is the reason and has no values in it, so that equal reasons
 * are counted together. */
NBA_MUST_USE
enum nba_status nba_mapping_apply(const struct nba_mapping *mapping, enum nba_import_kind kind,
                                  const struct nba_row *row, struct nba_arena *arena,
                                  struct nba_mapped_row *ret_row, struct nba_error *error);

#endif
