/* What a run has put out, read back from its log; and the same made once more by a replay. */
#include <stdio.h>
#include <stdlib.h>

#include "nba/base/file.h"
#include "nba/base/memory.h"
#include "nba/engine/replay.h"
#include "nba/stream/reader.h"
#include "run_internal.h"

#define POLL_MS 100

static enum nba_status collect_partition(struct nba_stream *stream, const char *topic,
                                         int32_t partition,
                                         enum nba_status (*take)(void *context,
                                                                 const struct nba_record *record,
                                                                 struct nba_error *error),
                                         void *context, struct nba_error *error)
{
    struct nba_reader *reader = NULL;
    int64_t low = 0;
    int64_t high = 0;
    enum nba_status status =
        nba_stream_watermarks(stream, topic, partition, NBA_READ_COMMITTED, &low, &high, error);
    const struct nba_position position = {topic, partition, low};
    if (status != NBA_OK || low == high) {
        return status;
    }
    status = nba_reader_create(stream, NBA_READ_COMMITTED, &reader, error);
    status = status == NBA_OK ? nba_reader_assign(reader, &position, 1, error) : status;
    for (bool end = false; status == NBA_OK && !end;) {
        enum nba_poll what = NBA_POLL_NONE;
        struct nba_record record = {0};
        status = nba_reader_poll(reader, POLL_MS, &what, &record, error);
        end = what == NBA_POLL_END;
        if (status == NBA_OK && what == NBA_POLL_RECORD) {
            status = take(context, &record, error); /* kept: the process ends soon */
        }
    }
    nba_reader_destroy(reader);
    return status;
}

enum nba_status nba_collect_topic(struct nba_stream *stream, const char *topic,
                                  enum nba_status (*take)(void *context,
                                                          const struct nba_record *record,
                                                          struct nba_error *error),
                                  void *context, struct nba_error *error)
{
    int32_t partitions = 0;
    enum nba_status status = nba_stream_topic_partitions(stream, topic, &partitions, error);
    for (int32_t p = 0; status == NBA_OK && p < partitions; p++) {
        status = collect_partition(stream, topic, p, take, context, error);
    }
    return status;
}

/* ---- outputs as lines ---- */

struct lines {
    char **items;
    size_t count, capacity;
};

static struct nba_str header_of(const struct nba_header *headers, uint32_t count, const char *name)
{
    for (uint32_t i = 0; i < count; i++) {
        if (nba_str_is(headers[i].name, name)) {
            return headers[i].value;
        }
    }
    return nba_str(NULL, 0);
}

static void add_line(struct lines *lines, const struct nba_record *record, const char *place)
{
    char sha[NBA_SHA256_TEXT_BYTES];
    struct nba_buf bytes;
    struct nba_buf line;
    const struct nba_str source = header_of(record->headers, record->header_count, "ce_source");
    struct nba_str id = header_of(record->headers, record->header_count, "ce_id");
    id = id.bytes != 0 ? id : header_of(record->headers, record->header_count, "src");
    nba_buf_init(&bytes, (size_t)16 << 20);
    nba_buf_append_sized(&bytes, record->key);
    nba_buf_append_sized(&bytes, record->value);
    nba_buf_printf(&bytes, "%d %d", record->key_null, record->value_null);
    for (uint32_t i = 0; i < record->header_count; i++) {
        nba_buf_append_sized(&bytes, record->headers[i].name);
        nba_buf_append_sized(&bytes, record->headers[i].value);
    }
    nba_sha256_text(bytes.data, bytes.bytes, sha);
    nba_buf_init(&line, (size_t)1 << 20);
    nba_buf_printf(&line, "%.*s%s %.*s %.*s %s", NBA_STR_ARG(record->topic), place,
                   NBA_STR_ARG(source), NBA_STR_ARG(id), sha);
    nba_buf_append_byte(&line, 0);
    lines->items =
        nba_room((void *)lines->items, lines->count, &lines->capacity, sizeof(*lines->items));
    lines->items[lines->count++] = nba_copy((const char *)line.data);
    nba_buf_clear(&line);
    nba_buf_clear(&bytes);
}

static enum nba_status take_line(void *context, const struct nba_record *record,
                                 struct nba_error *error)
{
    (void)error;
    add_line(context, record, "");
    return NBA_OK;
}

static int compare_lines(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static enum nba_status collect_lines(struct run *run, struct lines *lines, struct nba_error *error)
{
    const struct nba_config_topics *topics = &run->config.topics;
    const char *const outputs[] = {topics->action, topics->slate, topics->decision,
                                   topics->deadletter};
    enum nba_status status = NBA_OK;
    for (size_t i = 0; status == NBA_OK && i < NBA_ARRAY_COUNT(outputs); i++) {
        status = nba_collect_topic(run->stream, outputs[i], take_line, lines, error);
    }
    qsort((void *)lines->items, lines->count, sizeof(*lines->items), compare_lines);
    return status;
}

static void free_lines(struct lines *lines)
{
    for (size_t i = 0; i < lines->count; i++) {
        free(lines->items[i]);
    }
    free((void *)lines->items);
}

enum nba_status nba_collect_outputs(struct run *run, struct nba_buf *text, struct nba_error *error)
{
    struct lines lines = {NULL, 0, 0};
    const enum nba_status status = collect_lines(run, &lines, error);
    for (size_t i = 0; i < lines.count; i++) {
        if (i == 0 || strcmp(lines.items[i], lines.items[i - 1]) != 0) {
            nba_buf_printf(text, "%s\n", lines.items[i]);
        }
    }
    nba_buf_printf(text, "state %s\n", run->progress->state_hash);
    free_lines(&lines);
    return status;
}

/* ---- replay ---- */

static enum nba_status take_input(void *replay, const struct nba_record *record,
                                  struct nba_error *error)
{
    return nba_replay_add(replay, record, error);
}

/* A record that either side has made; its place in the partition's order is part of the line. */
struct sequence {
    struct run *run;
    struct lines lines;
    uint32_t seen[OUT_COUNT][NBA_PARTITIONS_MAX];
};

static void take_in_order(struct sequence *sequence, const struct nba_record *record)
{
    const struct nba_config_topics *topics = &sequence->run->config.topics;
    const char *const outputs[OUT_COUNT] = {topics->action, topics->slate, topics->decision,
                                            topics->deadletter};
    for (size_t i = 0; i < OUT_COUNT; i++) {
        if (nba_str_is(record->topic, outputs[i])) {
            char place[48];
            (void)snprintf(place, sizeof(place), "/%d/%u", (int)record->partition,
                           sequence->seen[i][record->partition]++);
            add_line(&sequence->lines, record, place);
        }
    }
}

static enum nba_status take_logged(void *context, const struct nba_record *record,
                                   struct nba_error *error)
{
    (void)error;
    take_in_order(context, record);
    return NBA_OK;
}

static enum nba_status take_made(void *context, const struct nba_outbox_record *made,
                                 struct nba_error *error)
{
    const struct nba_record record = nba_outbox_as_record(made);
    (void)error;
    take_in_order(context, &record);
    return NBA_OK;
}

/* Two sorted lists: what is in one and not in the other. */
static bool tell_lines(struct nba_buf *report, const struct lines *ours, const struct lines *theirs,
                       const char *here, const char *there)
{
    size_t i = 0;
    size_t j = 0;
    bool same = true;
    while (i < ours->count || j < theirs->count) {
        const int order = i == ours->count     ? 1
                          : j == theirs->count ? -1
                                               : strcmp(ours->items[i], theirs->items[j]);
        if (order != 0) {
            nba_buf_printf(report, "  only %s: %s\n", order < 0 ? here : there,
                           order < 0 ? ours->items[i] : theirs->items[j]);
            same = false;
        }
        i += order <= 0 ? 1 : 0;
        j += order >= 0 ? 1 : 0;
    }
    return same;
}

static enum nba_status run_replay(struct run *run, struct sequence *made, char hash[],
                                  struct nba_error *error)
{
    char state[PATH_BYTES_MAX + 16];
    char policies[PATH_BYTES_MAX + 32];
    const struct nba_config_topics *topics = &run->config.topics;
    const char *const inputs[] = {topics->rep_capacity, topics->catalog, topics->control,
                                  topics->journal,      topics->mailbox, topics->engagement};
    (void)snprintf(state, sizeof(state), "%s/replay", run->folder);
    (void)snprintf(policies, sizeof(policies), "%s/state/policies", run->folder);
    const struct nba_replay_options options = {.config = &run->config,
                                               .schemas = run->options->schemas,
                                               .state_dir = state,
                                               .policies_dir = policies,
                                               .threads = 1,
                                               .sink = {take_made, made}};
    struct nba_replay *replay = nba_replay_create(&options);
    enum nba_status status = NBA_OK;
    for (size_t i = 0; status == NBA_OK && i < NBA_ARRAY_COUNT(inputs); i++) {
        status = nba_collect_topic(run->stream, inputs[i], take_input, replay, error);
    }
    status = status == NBA_OK ? nba_replay_run(replay, error) : status;
    status = status == NBA_OK ? nba_replay_state_hash(replay, hash, error) : status;
    nba_replay_destroy(replay);
    return status;
}

enum nba_status nba_collect_replay(struct run *run, bool *ret_same, struct nba_error *error)
{
    struct sequence *logged = nba_zeros(2, sizeof(*logged));
    struct sequence *made = &logged[1];
    char hash[NBA_SHA256_TEXT_BYTES] = "";
    const struct nba_config_topics *topics = &run->config.topics;
    const char *const outputs[OUT_COUNT] = {topics->action, topics->slate, topics->decision,
                                            topics->deadletter};
    enum nba_status status = NBA_OK;
    logged->run = run;
    made->run = run;
    for (size_t i = 0; status == NBA_OK && i < OUT_COUNT; i++) {
        status = nba_collect_topic(run->stream, outputs[i], take_logged, logged, error);
    }
    status = status == NBA_OK ? run_replay(run, made, hash, error) : status;
    if (status == NBA_OK) {
        qsort((void *)logged->lines.items, logged->lines.count, sizeof(char *), compare_lines);
        qsort((void *)made->lines.items, made->lines.count, sizeof(char *), compare_lines);
        *ret_same =
            tell_lines(&run->report, &logged->lines, &made->lines, "in the log", "in the replay");
        if (strcmp(hash, run->progress->state_hash) != 0) {
            nba_buf_printf(&run->report, "  state hash: %s in the run, %s in the replay\n",
                           run->progress->state_hash, hash);
            *ret_same = false;
        }
    }
    free_lines(&logged->lines);
    free_lines(&made->lines);
    free(logged);
    return status;
}

/* ---- same_as ---- */

static void split(struct nba_buf *text, struct lines *lines)
{
    nba_buf_append_byte(text, 0);
    for (char *at = (char *)text->data; *at != '\0';) {
        char *end = strchr(at, '\n');
        *end = '\0';
        lines->items =
            nba_room((void *)lines->items, lines->count, &lines->capacity, sizeof(*lines->items));
        lines->items[lines->count++] = nba_copy(at);
        at = end + 1;
    }
}

enum nba_status nba_collect_same(struct run *run, bool *ret_same, struct nba_error *error)
{
    char path[PATH_BYTES_MAX + 16];
    const char *const folders[] = {run->folder, run->same_as};
    struct lines lines[2] = {{NULL, 0, 0}, {NULL, 0, 0}};
    enum nba_status status = NBA_OK;
    for (size_t i = 0; status == NBA_OK && i < 2; i++) {
        struct nba_buf text;
        nba_buf_init(&text, (size_t)1 << 30);
        (void)snprintf(path, sizeof(path), "%s/outputs", folders[i]);
        status = nba_file_read(path, &text, error);
        if (status == NBA_OK) {
            split(&text, &lines[i]);
        }
        nba_buf_clear(&text);
    }
    if (status == NBA_OK) {
        *ret_same = tell_lines(&run->report, &lines[0], &lines[1], "here", "in same_as");
    }
    free_lines(&lines[0]);
    free_lines(&lines[1]);
    return status;
}
