/* A list in the order in which it is printed; an entry never moves while a thread adds to it. */
#include "digest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nba/base/file.h"
#include "nba/base/hash.h"
#include "nba/base/memory.h"
#include "nba/codec/container.h"

struct nba_digest {
    struct nba_digest *next;
    int32_t partition;
    int64_t records;
    struct nba_sha256 *sha;
    struct nba_container_writer *writer; /* NULL: none is kept */
    char topic[];
};

void nba_digests_init(struct nba_digests *digests, const struct nba_schemas *schemas,
                      const char *dir)
{
    *digests = (struct nba_digests){.schemas = schemas, .dir = dir};
    (void)pthread_mutex_init(&digests->lock, NULL);
}

static enum nba_status open_file(const struct nba_digests *digests, struct nba_digest *entry,
                                 struct nba_error *error)
{
    char path[NBA_PATH_BYTES_MAX];
    (void)snprintf(path, sizeof(path), "%s/%s", digests->dir, entry->topic);
    const enum nba_status status = nba_file_make_dirs(path, error);
    (void)snprintf(path, sizeof(path), "%s/%s/%d.avro", digests->dir, entry->topic,
                   (int)entry->partition);
    return status == NBA_OK
               ? nba_container_writer_create(digests->schemas, path, NBA_CONTAINER_DEFLATE,
                                             &entry->writer, error)
               : status;
}

/* The record's entry, made when it is the first of its partition. */
static enum nba_status find_entry(struct nba_digests *digests, const struct nba_record *record,
                                  struct nba_digest **ret_entry, struct nba_error *error)
{
    struct nba_digest **link = &digests->first;
    int order = -1;
    while (*link != NULL && order < 0) {
        order = nba_str_compare(nba_str_of((*link)->topic), record->topic);
        order = order != 0 ? order : (*link)->partition - record->partition;
        link = order < 0 ? &(*link)->next : link;
    }
    if (*link != NULL && order == 0) {
        *ret_entry = *link;
        return NBA_OK;
    }
    struct nba_digest *entry = nba_zeros(1, sizeof(*entry) + record->topic.bytes + 1);
    memcpy(entry->topic, record->topic.data, record->topic.bytes);
    entry->partition = record->partition;
    entry->sha = nba_sha256_create();
    entry->next = *link;
    *link = entry;
    *ret_entry = entry;
    return digests->dir != NULL ? open_file(digests, entry, error) : NBA_OK;
}

static void update_nullable(struct nba_sha256 *sha, struct nba_str bytes, bool null)
{
    static const unsigned char none[] = {0xff, 0xff, 0xff, 0xff};
    if (null) {
        nba_sha256_update(sha, none, sizeof(none));
    } else {
        nba_sha256_update_sized(sha, bytes);
    }
}

enum nba_status nba_digests_add(void *self, const struct nba_record *record,
                                struct nba_error *error)
{
    struct nba_digests *digests = self;
    struct nba_digest *entry = NULL;
    (void)pthread_mutex_lock(&digests->lock);
    enum nba_status status = find_entry(digests, record, &entry, error);
    (void)pthread_mutex_unlock(&digests->lock);
    if (status == NBA_OK && entry->writer != NULL) {
        struct nba_record kept = *record;
        kept.offset = entry->records;
        status = nba_container_writer_append(entry->writer, &kept, error);
    }
    if (status != NBA_OK) {
        return status;
    }
    const uint32_t count = record->header_count; /* little-endian, as we are */
    entry->records++;
    update_nullable(entry->sha, record->key, record->key_null);
    update_nullable(entry->sha, record->value, record->value_null);
    nba_sha256_update(entry->sha, &count, sizeof(count));
    for (uint32_t i = 0; i < record->header_count; i++) {
        nba_sha256_update_sized(entry->sha, record->headers[i].name);
        nba_sha256_update_sized(entry->sha, record->headers[i].value);
    }
    return NBA_OK;
}

enum nba_status nba_digests_add_made(void *self, const struct nba_outbox_record *made,
                                     struct nba_error *error)
{
    const struct nba_record record = nba_outbox_as_record(made);
    return nba_digests_add(self, &record, error);
}

enum nba_status nba_digests_finish(struct nba_digests *digests, struct nba_buf *buf,
                                   struct nba_error *error)
{
    enum nba_status status = NBA_OK;
    for (struct nba_digest *e = digests->first; e != NULL && status == NBA_OK; e = e->next) {
        char text[NBA_SHA256_TEXT_BYTES];
        nba_sha256_finish(e->sha, text);
        nba_buf_printf(buf, "sha256 %s %s %d\n", text, e->topic, (int)e->partition);
        if (e->writer != NULL) {
            status = nba_container_writer_finish(e->writer, error);
        }
    }
    return status;
}

void nba_digests_clear(struct nba_digests *digests)
{
    while (digests->first != NULL) {
        struct nba_digest *entry = digests->first;
        digests->first = entry->next;
        nba_container_writer_destroy(entry->writer);
        nba_sha256_destroy(entry->sha);
        free(entry);
    }
    (void)pthread_mutex_destroy(&digests->lock);
}
