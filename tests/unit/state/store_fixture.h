/* A store in a folder of its own under build's temporary directory, and transactions on it. */
#ifndef NBA_STORE_FIXTURE_H
#define NBA_STORE_FIXTURE_H

#include <unistd.h>

#include "state_fixture.h"

#include "nba/base/file.h"
#include "nba/state/task.h"

#define TOPIC nba_str_of("hcp.engagement.v1")

struct store_fixture {
    struct fixture f;
    struct nba_arena arena; /* of the transaction */
    char path[128];
    struct nba_state_options options;
    struct nba_state_store *store;
    struct nba_task *task;
    int64_t changelog_next;
};

#define assert_ok(fixture, expression)                                        \
    do {                                                                      \
        const enum nba_status status_here = (expression);                     \
        if (status_here != NBA_OK) {                                          \
            fail_msg("%s: %s: %s", #expression, nba_status_name(status_here), \
                     (fixture)->f.error.message);                             \
        }                                                                     \
    } while (0)

static inline void open_store(struct store_fixture *s)
{
    assert_ok(s, nba_state_store_open(s->path, &s->options, &s->store, &s->f.error));
    assert_ok(s, nba_task_open(s->store, TOPIC, 0, 1, &s->task, &s->f.error));
}

static inline void close_store(struct store_fixture *s)
{
    nba_task_close(s->task);
    s->task = NULL;
    nba_state_store_close(s->store);
    s->store = NULL;
}

static inline void store_fixture_init(struct store_fixture *s, size_t hot_bytes)
{
    memset(s, 0, sizeof(*s));
    fixture_init(&s->f);
    nba_arena_init(&s->arena, (size_t)512 * 1024 * 1024);
    (void)snprintf(s->path, sizeof(s->path), "/tmp/nba-state-XXXXXX");
    assert_non_null(mkdtemp(s->path));
    s->options = (struct nba_state_options){.create = true,
                                            .block_cache_bytes = 4u << 20,
                                            .write_buffer_bytes = 4u << 20,
                                            .hot_bytes = hot_bytes,
                                            .hot_shares = 1};
    open_store(s);
}

static inline void store_fixture_clear(struct store_fixture *s)
{
    close_store(s);
    assert_int_equal(nba_file_remove_tree(s->path, NULL), NBA_OK);
    nba_arena_clear(&s->arena);
    fixture_clear(&s->f);
}

static inline void begin(struct store_fixture *s)
{
    nba_arena_reset(&s->arena);
    nba_task_begin(s->task, &s->arena);
}

static inline struct nba_hcp *get(struct store_fixture *s, const char *id)
{
    struct nba_hcp *hcp = NULL;
    assert_ok(s, nba_task_get(s->task, nba_str_of(id), &hcp, &s->f.error));
    return hcp;
}

static inline size_t seal(struct store_fixture *s, const struct nba_change **ret_changes)
{
    const struct nba_change *changes = NULL;
    size_t count = 0;
    assert_ok(s, nba_task_seal(s->task, &changes, &count, &s->f.error));
    if (ret_changes != NULL) {
        *ret_changes = changes;
    }
    return count;
}

static inline void commit(struct store_fixture *s)
{
    const size_t count = seal(s, NULL);
    s->changelog_next += (int64_t)count + 1; /* a control record behind each transaction */
    nba_task_set_changelog_next(s->task, s->changelog_next, T0);
    assert_ok(s, nba_state_store_write(s->store, &s->task, 1, &s->f.error));
}

static inline void portal_login(struct store_fixture *s, const char *hcp_id, uint64_t number)
{
    struct nba_event event = event_of(NBA_EVENT_PORTAL_CONTENT_VIEWED, "", T0 + (int64_t)number);
    event.event_id = text_of(&s->f, "login-", number);
    event.content_id = nba_str_of("CX-1");
    apply(get(s, hcp_id), &event);
}

static inline void hash_of(struct store_fixture *s, char ret_text[NBA_SHA256_TEXT_BYTES])
{
    assert_ok(s, nba_state_store_hash(s->store, ret_text, &s->f.error));
}

#endif
