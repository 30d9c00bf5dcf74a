/* A short list under a lock; the hashing itself is outside of it. */
#include "digest.h"

#include <stdlib.h>
#include <string.h>

void nba_digests_init(struct nba_digests *digests)
{
    *digests = (struct nba_digests){0};
    (void)pthread_mutex_init(&digests->lock, NULL);
}

static struct nba_sha256 *entry_of(struct nba_digests *digests, const char *topic,
                                   int32_t partition)
{
    for (size_t i = 0; i < digests->count; i++) {
        if (digests->entries[i].partition == partition &&
            strcmp(digests->entries[i].topic, topic) == 0) {
            digests->entries[i].records++;
            return digests->entries[i].sha;
        }
    }
    if (digests->count == digests->capacity) {
        const size_t capacity = digests->capacity != 0 ? digests->capacity * 2 : 16;
        struct nba_digest_entry *grown = realloc(digests->entries, capacity * sizeof(*grown));
        if (grown == NULL) {
            return NULL;
        }
        digests->entries = grown;
        digests->capacity = capacity;
    }
    const size_t bytes = strlen(topic) + 1;
    char *copy = malloc(bytes);
    if (copy == NULL) {
        return NULL;
    }
    memcpy(copy, topic, bytes);
    struct nba_digest_entry *entry = &digests->entries[digests->count++];
    *entry = (struct nba_digest_entry){copy, partition, 1, nba_sha256_create()};
    return entry->sha;
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

enum nba_status nba_digests_add(struct nba_digests *digests, const char *topic, int32_t partition,
                                const struct nba_outgoing *record, struct nba_error *error)
{
    (void)pthread_mutex_lock(&digests->lock);
    struct nba_sha256 *sha = entry_of(digests, topic, partition);
    (void)pthread_mutex_unlock(&digests->lock);
    if (sha == NULL) {
        return nba_error_set(error, NBA_E_NO_MEMORY, "out of memory");
    }
    update_nullable(sha, record->key, record->key_null);
    update_nullable(sha, record->value, record->value_null);
    unsigned char count[4] = {(unsigned char)record->header_count,
                              (unsigned char)(record->header_count >> 8), 0, 0};
    nba_sha256_update(sha, count, sizeof(count));
    for (uint32_t i = 0; i < record->header_count; i++) {
        nba_sha256_update_sized(sha, record->headers[i].name);
        nba_sha256_update_sized(sha, record->headers[i].value);
    }
    return NBA_OK;
}

static int compare(const void *a, const void *b)
{
    const struct nba_digest_entry *x = a;
    const struct nba_digest_entry *y = b;
    const int order = strcmp(x->topic, y->topic);
    return order != 0 ? order : (x->partition > y->partition) - (x->partition < y->partition);
}

void nba_digests_print(struct nba_digests *digests, struct nba_buf *buf)
{
    if (digests->count != 0) {
        qsort(digests->entries, digests->count, sizeof(*digests->entries), compare);
    }
    for (size_t i = 0; i < digests->count; i++) {
        char text[NBA_SHA256_TEXT_BYTES];
        nba_sha256_finish(digests->entries[i].sha, text);
        nba_buf_printf(buf, "sha256 %s %s %d\n", text, digests->entries[i].topic,
                       (int)digests->entries[i].partition);
    }
}

void nba_digests_clear(struct nba_digests *digests)
{
    for (size_t i = 0; i < digests->count; i++) {
        nba_sha256_destroy(digests->entries[i].sha);
        free(digests->entries[i].topic);
    }
    free(digests->entries);
    (void)pthread_mutex_destroy(&digests->lock);
    *digests = (struct nba_digests){0};
}
