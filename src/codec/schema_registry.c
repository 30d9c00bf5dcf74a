/* A short list of ids, looked through from its end; decoders remember what they found. */
#include "nba/codec/schema_registry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "json_internal.h"
#include "nba/base/assert.h"
#include "nba/base/buf.h"
#include "nba/base/file.h"
#include "nba/base/limits.h"
#include "nba/base/memory.h"
#include "program_internal.h"
#include "schema_registry_internal.h"

/* A ceiling: a schema of 64 KiB makes some 2 MiB of types. */
#define ARENA_BYTES (NBA_SCHEMAS_MAX * (size_t)8 * 1024 * 1024)
#define PATH_BYTES  4096u

struct entry {
    uint32_t id;
    struct nba_str text;
    struct nba_avro_schema schema;
};

struct nba_schemas {
    struct nba_arena arena;
    struct entry entries[NBA_SCHEMAS_MAX];
    uint32_t entry_count;
    int32_t current[NBA_SCHEMA_COUNT]; /* entry, -1: none yet */
    const struct nba_program *writers[NBA_SCHEMA_COUNT];
};

static const char *const topics[] = {
#define NBA_X(constant, topic) topic,
    NBA_SCHEMA_MAP(NBA_X)
#undef NBA_X
};

const char *nba_schema_topic(enum nba_schema which)
{
    NBA_ASSERT((size_t)which < NBA_SCHEMA_COUNT);
    return topics[which];
}

const struct nba_avro_type *nba_schemas_find(const struct nba_schemas *schemas, uint32_t id,
                                             uint32_t *ret_index, struct nba_error *error)
{
    for (uint32_t i = schemas->entry_count; i > 0; i--) {
        if (schemas->entries[i - 1].id == id) {
            if (ret_index != NULL) {
                *ret_index = i - 1;
            }
            return schemas->entries[i - 1].schema.type;
        }
    }
    (void)nba_error_set(error, NBA_E_UNKNOWN_SCHEMA_ID, "no schema has the id %u", id);
    return NULL;
}

static const struct entry *current(const struct nba_schemas *schemas, enum nba_schema which)
{
    NBA_ASSERT(schemas != NULL && (size_t)which < NBA_SCHEMA_COUNT && schemas->current[which] >= 0);
    return &schemas->entries[schemas->current[which]];
}

const struct nba_avro_type *nba_schemas_current(const struct nba_schemas *schemas,
                                                enum nba_schema which)
{
    return current(schemas, which)->schema.type;
}

const struct nba_program *nba_schemas_writer(const struct nba_schemas *schemas,
                                             enum nba_schema which)
{
    NBA_ASSERT(schemas->writers[which] != NULL);
    return schemas->writers[which];
}

uint32_t nba_schemas_id(const struct nba_schemas *schemas, enum nba_schema which)
{
    return current(schemas, which)->id;
}

struct nba_str nba_schemas_text(const struct nba_schemas *schemas, enum nba_schema which)
{
    return current(schemas, which)->text;
}

enum nba_status nba_schemas_add(struct nba_schemas *schemas, uint32_t id, struct nba_str json,
                                struct nba_error *error)
{
    NBA_ASSERT(schemas != NULL);
    uint32_t known = 0;
    if (nba_schemas_find(schemas, id, &known, NULL) != NULL) {
        if (nba_str_equal(schemas->entries[known].text, json)) {
            return NBA_OK;
        }
        return nba_error_set(error, NBA_E_EXISTS, "schema id %u has another text", id);
    }
    if (schemas->entry_count == NBA_SCHEMAS_MAX) {
        return nba_error_set(error, NBA_E_LIMIT, "more than %u schemas", NBA_SCHEMAS_MAX);
    }
    struct entry *entry = &schemas->entries[schemas->entry_count];
    const enum nba_status status =
        nba_avro_schema_parse(json, &schemas->arena, &entry->schema, error);
    if (status != NBA_OK) {
        return status;
    }
    entry->text = nba_arena_copy(&schemas->arena, json);
    NBA_ASSERT(entry->text.data != NULL);
    entry->id = id;
    schemas->entry_count++;
    return NBA_OK;
}

/* Reads DIR/NAME. */
static enum nba_status read_file(const char *dir, const char *name, struct nba_buf *buf,
                                 struct nba_error *error)
{
    char path[PATH_BYTES];
    nba_buf_init(buf, (size_t)NBA_SCHEMA_BYTES_MAX);
    const int length = snprintf(path, sizeof(path), "%s/%s", dir, name);
    if (length < 0 || (size_t)length >= sizeof(path) || strchr(name, '/') != NULL) {
        return nba_error_set(error, NBA_E_CONFIG, "%s: no proper file name", name);
    }
    return nba_file_read(path, buf, error);
}

/* Notes the messages whose values an entry's subjects name. */
static void note_subjects(struct nba_schemas *schemas, const json_t *subjects, uint32_t entry)
{
    for (size_t i = 0; i < json_array_size(subjects); i++) {
        const char *subject = json_string_value(json_array_get(subjects, i));
        for (uint32_t which = 0; subject != NULL && which < NBA_SCHEMA_COUNT; which++) {
            const size_t bytes = strlen(topics[which]);
            if (strncmp(subject, topics[which], bytes) == 0 &&
                (subject[bytes] == '\0' || strcmp(subject + bytes, "-value") == 0)) {
                schemas->current[which] = (int32_t)entry;
            }
        }
    }
}

static enum nba_status load_entry(struct nba_schemas *schemas, const char *dir, json_t *item,
                                  struct nba_error *error)
{
    json_int_t id = 0;
    const char *file = NULL;
    json_t *subjects = NULL;
    if (json_unpack(item, "{s:I, s:s, s:o}", "id", &id, "file", &file, "subjects", &subjects) !=
            0 ||
        id < 0 || id > UINT32_MAX || !json_is_array(subjects)) {
        return nba_error_set(error, NBA_E_CONFIG,
                             "%s/ids.json: expected {\"id\", \"subjects\", \"file\"}", dir);
    }
    if (nba_schemas_find(schemas, (uint32_t)id, NULL, NULL) != NULL) {
        return nba_error_set(error, NBA_E_CONFIG, "id %lld stands twice in ids.json",
                             (long long)id);
    }
    struct nba_buf buf;
    enum nba_status status = read_file(dir, file, &buf, error);
    if (status == NBA_OK) {
        status = nba_schemas_add(schemas, (uint32_t)id, nba_buf_str(&buf), error);
        if (status != NBA_OK) {
            (void)nba_error_prefix(error, "%s/%s", dir, file);
        }
    }
    nba_buf_clear(&buf);
    if (status == NBA_OK) {
        note_subjects(schemas, subjects, schemas->entry_count - 1);
    }
    return status;
}

static enum nba_status load_ids(struct nba_schemas *schemas, const char *dir,
                                struct nba_error *error)
{
    struct nba_buf buf;
    char what[PATH_BYTES];
    json_t *ids = NULL;
    (void)snprintf(what, sizeof(what), "%s/ids.json:", dir);
    enum nba_status status = read_file(dir, "ids.json", &buf, error);
    status = status == NBA_OK ? nba_json_load(nba_buf_str(&buf), what, &ids, error) : status;
    const json_t *list = json_object_get(ids, "schemas");
    if (status == NBA_OK && !json_is_array(list)) {
        status = nba_error_set(error, NBA_E_CONFIG, "%s/ids.json: expected a list 'schemas'", dir);
    }
    for (size_t i = 0; status == NBA_OK && i < json_array_size(list); i++) {
        status = load_entry(schemas, dir, json_array_get(list, i), error);
    }
    json_decref(ids);
    nba_buf_clear(&buf);
    return status;
}

/* Every message has a schema, and it fits our struct. */
static enum nba_status settle(struct nba_schemas *schemas, const char *dir, struct nba_error *error)
{
    for (uint32_t which = 0; which < NBA_SCHEMA_COUNT; which++) {
        const struct nba_record_binding *binding = nba_bindings_of((enum nba_schema)which);
        if (schemas->current[which] < 0) {
            return nba_error_set(error, NBA_E_CONFIG, "%s/ids.json: expected a schema for '%s'",
                                 dir, topics[which]);
        }
        if (binding != NULL &&
            nba_program_compile(schemas->entries[schemas->current[which]].schema.type, NULL,
                                binding, &schemas->arena, &schemas->writers[which],
                                error) != NBA_OK) {
            return nba_error_prefix(error, "%s: %s", dir, topics[which]);
        }
    }
    return NBA_OK;
}

enum nba_status nba_schemas_load(const char *dir, struct nba_schemas **ret_schemas,
                                 struct nba_error *error)
{
    NBA_ASSERT(dir != NULL && ret_schemas != NULL && error != NULL);
    struct nba_schemas *schemas = nba_zeros(1, sizeof(*schemas));
    nba_arena_init(&schemas->arena, ARENA_BYTES);
    memset(schemas->current, -1, sizeof(schemas->current));
    enum nba_status status = load_ids(schemas, dir, error);
    status = status == NBA_OK ? settle(schemas, dir, error) : status;
    if (status != NBA_OK) {
        nba_schemas_destroy(schemas);
        return status;
    }
    *ret_schemas = schemas;
    return NBA_OK;
}

void nba_schemas_destroy(struct nba_schemas *schemas)
{
    if (schemas == NULL) {
        return;
    }
    for (uint32_t i = 0; i < schemas->entry_count; i++) {
        nba_avro_schema_clear(&schemas->entries[i].schema);
    }
    nba_arena_clear(&schemas->arena);
    free(schemas);
}
