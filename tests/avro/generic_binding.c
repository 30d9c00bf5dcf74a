/* Every member is aligned to eight bytes.  A record lies in place where that is possible and its
 * name says so, else behind a pointer, so that both are met. */
#include "generic_binding.h"

#include <string.h>

#include "nba/base/assert.h"
#include "nba/base/compiler.h"

#define RECORDS_MAX  512u
#define IN_PLACE_MAX 256u

static struct nba_words words[32];
static uint32_t enum_count;

static const struct nba_words *words_of(const struct nba_avro_type *type)
{
    if (enum_count == NBA_ARRAY_COUNT(words)) {
        return NULL;
    }
    words[enum_count] = (struct nba_words){type->symbols, type->symbol_count};
    return &words[enum_count++];
}

/* ---- layout ---------------------------------------------------------------------------------- */

struct layout {
    struct nba_arena *arena;
    const struct nba_avro_type *types[RECORDS_MAX];
    struct nba_record_binding *records[RECORDS_MAX];
    uint32_t count;
    bool failed;
};

static struct nba_record_binding *lay_record(struct layout *l, const struct nba_avro_type *type);

static uint32_t place(size_t *bytes, size_t size)
{
    const size_t at = *bytes;
    *bytes += (size + 7) / 8 * 8;
    return (uint32_t)at;
}

static struct nba_binding *take(struct layout *l, size_t count)
{
    return memset(nba_arena_need(l->arena, count * sizeof(struct nba_binding) + 1), 0,
                  count * sizeof(struct nba_binding));
}

/* Members in a struct of their own: an item, a union. */
static struct nba_record_binding *group(struct layout *l, const struct nba_binding *fields,
                                        uint32_t count, size_t bytes)
{
    struct nba_record_binding *record = nba_arena_need(l->arena, sizeof(*record));
    *record = (struct nba_record_binding){bytes, fields, count};
    return record;
}

static void lay(struct layout *l, const struct nba_avro_type *type, size_t *bytes,
                struct nba_binding *b);

static const struct nba_record_binding *lay_items(struct layout *l,
                                                  const struct nba_avro_type *type)
{
    const bool map = type->kind == NBA_AVRO_MAP;
    if (!map && type->items->kind == NBA_AVRO_RECORD) {
        return lay_record(l, type->items);
    }
    struct nba_binding *members = take(l, 2);
    size_t bytes = 0;
    if (map) {
        members[0].kind = NBA_BIND_ID;
        members[0].offset = place(&bytes, sizeof(struct nba_str));
    }
    lay(l, type->items, &bytes, &members[map]);
    return group(l, members, 1 + map, bytes);
}

static const struct nba_record_binding *lay_union(struct layout *l,
                                                  const struct nba_avro_type *type)
{
    struct nba_binding *members = take(l, type->branch_count);
    size_t bytes = 0;
    for (uint32_t i = 0; i < type->branch_count; i++) {
        members[i].presence = NBA_PRESENT_BOOL;
        members[i].presence_offset = place(&bytes, sizeof(bool));
        lay(l, type->branches[i], &bytes, &members[i]);
    }
    return group(l, members, type->branch_count, bytes);
}

static void lay(struct layout *l, const struct nba_avro_type *type, size_t *bytes,
                struct nba_binding *b)
{
    static const struct {
        enum nba_bind kind;
        size_t bytes;
    } plain[] = {
        [NBA_AVRO_NULL] = {NBA_BIND_NULL, 0},
        [NBA_AVRO_BOOLEAN] = {NBA_BIND_BOOL, sizeof(bool)},
        [NBA_AVRO_INT] = {NBA_BIND_INT, sizeof(int32_t)},
        [NBA_AVRO_LONG] = {NBA_BIND_LONG, sizeof(int64_t)},
        [NBA_AVRO_FLOAT] = {NBA_BIND_FLOAT, sizeof(float)},
        [NBA_AVRO_DOUBLE] = {NBA_BIND_DOUBLE, sizeof(double)},
        [NBA_AVRO_BYTES] = {NBA_BIND_BLOB, sizeof(struct nba_str)},
        [NBA_AVRO_STRING] = {NBA_BIND_TEXT, sizeof(struct nba_str)},
        [NBA_AVRO_FIXED] = {NBA_BIND_FIXED, sizeof(struct nba_str)},
        [NBA_AVRO_ENUM] = {NBA_BIND_WORD, sizeof(uint32_t)},
        [NBA_AVRO_ARRAY] = {NBA_BIND_ARRAY, sizeof(void *)},
        [NBA_AVRO_MAP] = {NBA_BIND_MAP, sizeof(void *)},
        [NBA_AVRO_UNION] = {NBA_BIND_UNION, 0},
        [NBA_AVRO_RECORD] = {NBA_BIND_POINTER, sizeof(void *)},
    };
    b->kind = plain[type->kind].kind;
    b->bytes = (uint32_t)plain[type->kind].bytes;
    if (type->kind == NBA_AVRO_ENUM) {
        b->words = words_of(type);
        l->failed = l->failed || b->words == NULL;
    } else if (type->kind == NBA_AVRO_ARRAY || type->kind == NBA_AVRO_MAP) {
        b->record = lay_items(l, type);
        b->count_offset = place(bytes, sizeof(uint32_t));
    } else if (type->kind == NBA_AVRO_UNION) {
        b->record = lay_union(l, type);
        b->bytes = (uint32_t)b->record->bytes;
    } else if (type->kind == NBA_AVRO_RECORD) {
        b->record = lay_record(l, type);
        /* The size of what contains itself is not known yet. */
        if (b->record->bytes != 0 && b->record->bytes <= IN_PLACE_MAX &&
            strlen(type->name) % 2 == 0) {
            b->kind = NBA_BIND_RECORD;
            b->bytes = (uint32_t)b->record->bytes;
        }
    }
    b->offset = place(bytes, b->bytes);
}

static struct nba_record_binding *lay_record(struct layout *l, const struct nba_avro_type *type)
{
    for (uint32_t i = 0; i < l->count; i++) {
        if (l->types[i] == type) {
            return l->records[i];
        }
    }
    struct nba_binding *fields = take(l, type->field_count);
    struct nba_record_binding *record = group(l, fields, type->field_count, 0);
    size_t bytes = 8; /* never 0 */
    if (l->count == RECORDS_MAX) {
        l->failed = true;
        return record;
    }
    l->types[l->count] = type;
    l->records[l->count++] = record;
    for (uint32_t i = 0; i < type->field_count; i++) {
        fields[i].name = type->fields[i].name;
        lay(l, type->fields[i].type, &bytes, &fields[i]);
    }
    record->bytes = bytes;
    return record;
}

const struct nba_record_binding *generic_binding(const struct nba_avro_type *record,
                                                 struct nba_arena *arena)
{
    NBA_ASSERT(record != NULL && arena != NULL);
    static struct layout l;
    l.arena = arena;
    l.count = 0;
    l.failed = record->kind != NBA_AVRO_RECORD;
    enum_count = 0;
    const struct nba_record_binding *binding = l.failed ? NULL : lay_record(&l, record);
    return l.failed ? NULL : binding;
}
