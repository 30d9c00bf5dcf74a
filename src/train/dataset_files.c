/* Each reader turns lines into rows. */
#include "nba/train/dataset_files.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nba/base/hash.h"
#include "nba/base/random.h"
#include "nba/codec/text_lines.h"

#define PATH_BYTES 4096u
#define FIELDS_MAX 64u
/* All contents of one user fit. */
#define LINE_BYTES_MAX ((size_t)1 << 20)
/* Sets without an order get one by this seed, so that a window of them is a fair sample. */
#define SHUFFLE_SEED 1u

struct lines {
    struct nba_text_lines *text;
    char path[PATH_BYTES];
    char *line;
    enum nba_status status; /* of the last reading */
    struct nba_error *error;
};

static enum nba_status lines_open(struct lines *lines, const char *folder, const char *file,
                                  struct nba_error *error)
{
    *lines = (struct lines){.error = error};
    (void)snprintf(lines->path, sizeof(lines->path), "%s/%s", folder, file);
    return nba_text_lines_open(lines->path, LINE_BYTES_MAX, &lines->text, error);
}

/* `status`, or what reading failed with. */
static enum nba_status lines_close(struct lines *lines, enum nba_status status)
{
    nba_text_lines_close(lines->text);
    return status != NBA_OK ? status : lines->status;
}

static bool lines_next(struct lines *lines)
{
    struct nba_str line = {NULL, 0};
    bool more = false;
    lines->status = nba_text_lines_next(lines->text, &line, &more, lines->error);
    if (lines->status != NBA_OK) {
        (void)nba_error_prefix(lines->error, "%s", lines->path);
    }
    lines->line = (char *)line.data;
    return lines->status == NBA_OK && more;
}

static enum nba_status lines_bad(const struct lines *lines, const char *expected)
{
    return nba_error_set(lines->error, NBA_E_CORRUPT, "%s:%zu: expected %s", lines->path,
                         nba_text_lines_number(lines->text), expected);
}

/* Splits at `separator` in place; returns the number of fields, at most FIELDS_MAX. */
static size_t split_fields(char *line, char separator, char **ret_fields)
{
    size_t count = 0;
    char *next = line;
    while (next != NULL && count < FIELDS_MAX) {
        ret_fields[count++] = next;
        next = strchr(next, separator);
        if (next != NULL) {
            *next++ = '\0';
        }
    }
    return count;
}

/* Quotes are not needed by the columns read here: all of them stand before free text. */
static bool parse_number(const char *text, long long *ret_value)
{
    char *end = NULL;
    errno = 0;
    const long long value = strtoll(text, &end, 10);
    if (end == text || errno != 0 || value < 0) {
        return false;
    }
    *ret_value = value;
    return true;
}

/* Zero-padded, so that bytewise order is the order of the numbers and indexes are id - first. */
static struct nba_str padded(char *ret_text, size_t bytes, long long number)
{
    (void)snprintf(ret_text, bytes, "%06lld", number);
    return nba_str_of(ret_text);
}

static enum nba_status add_numbered(struct nba_dataset_builder *builder, long long user,
                                    long long content, int64_t time_ms)
{
    char user_text[32];
    char content_text[32];
    const struct nba_dataset_row row = {
        .user = padded(user_text, sizeof(user_text), user),
        .content = padded(content_text, sizeof(content_text), content),
        .time_ms = time_ms,
        .kind = NBA_TOUCH_ENGAGED,
    };
    return nba_dataset_builder_add(builder, &row);
}

/* Users and contents first ..= last, so that their indexes follow their numbers. */
static enum nba_status add_ranges(struct nba_dataset_builder *builder, long long first_user,
                                  long long last_user, long long first_content,
                                  long long last_content)
{
    char text[32];
    enum nba_status status = NBA_OK;
    for (long long u = first_user; status == NBA_OK && u <= last_user; u++) {
        status =
            nba_dataset_builder_add_user(builder, padded(text, sizeof(text), u), nba_str(NULL, 0));
    }
    for (long long c = first_content; status == NBA_OK && c <= last_content; c++) {
        status = nba_dataset_builder_add_content(builder, padded(text, sizeof(text), c));
    }
    return status;
}

/* ---- ml-100k ---- */

struct rating {
    long long user, item, time_s;
    size_t line;
};

static int compare_ratings(const void *a, const void *b)
{
    const struct rating *x = a;
    const struct rating *y = b;
    if (x->time_s != y->time_s) {
        return x->time_s < y->time_s ? -1 : 1;
    }
    return (x->line > y->line) - (x->line < y->line);
}

static enum nba_status read_ratings(struct lines *lines, struct rating **ratings, size_t *count)
{
    size_t capacity = 0;
    (void)lines_next(lines); /* header */
    while (lines_next(lines)) {
        char *fields[FIELDS_MAX];
        struct rating r = {.line = *count};
        if (split_fields(lines->line, '\t', fields) != 4 || !parse_number(fields[0], &r.user) ||
            !parse_number(fields[1], &r.item) || !parse_number(fields[3], &r.time_s) ||
            r.user < 1 || r.item < 1 || r.user > 999999 || r.item > 999999) {
            return lines_bad(lines, "user, item, rating and time between tabs");
        }
        if (*count == capacity) {
            capacity = capacity != 0 ? capacity * 2 : 4096;
            struct rating *grown = realloc(*ratings, capacity * sizeof(*grown));
            if (grown == NULL) {
                return nba_error_set(lines->error, NBA_E_NO_MEMORY, "out of memory");
            }
            *ratings = grown;
        }
        (*ratings)[(*count)++] = r;
    }
    return NBA_OK;
}

static enum nba_status load_ml_100k(const char *folder, struct nba_dataset_builder *builder,
                                    struct nba_error *error)
{
    struct lines lines;
    struct rating *ratings = NULL;
    size_t count = 0;
    long long users = 0;
    long long items = 0;
    enum nba_status status = lines_open(&lines, folder, "ml-100k/ml-100k.inter", error);
    if (status != NBA_OK) {
        return status;
    }
    status = read_ratings(&lines, &ratings, &count);
    for (size_t i = 0; i < count; i++) {
        users = ratings[i].user > users ? ratings[i].user : users;
        items = ratings[i].item > items ? ratings[i].item : items;
    }
    if (status == NBA_OK) {
        qsort(ratings, count, sizeof(*ratings), compare_ratings);
        status = add_ranges(builder, 1, users, 1, items);
    }
    for (size_t i = 0; status == NBA_OK && i < count; i++) {
        status = add_numbered(builder, ratings[i].user, ratings[i].item,
                              (int64_t)ratings[i].time_s * 1000);
    }
    free(ratings);
    return lines_close(&lines, status);
}

/* ---- "user item item ..." ---- */

static enum nba_status read_sequences(struct lines *lines, struct nba_dataset_builder *builder)
{
    enum nba_status status = NBA_OK;
    while (status == NBA_OK && lines_next(lines)) {
        char *next = lines->line;
        char *end = NULL;
        const long long user = strtoll(next, &end, 10);
        if (end == next || user < 0) {
            return lines_bad(lines, "a user's number and the numbers of items");
        }
        for (int64_t at = 0; status == NBA_OK; at++) {
            next = end;
            const long long item = strtoll(next, &end, 10);
            if (end == next) {
                break;
            }
            if (item < 0 || item > 999999) {
                return lines_bad(lines, "the number of an item");
            }
            status = add_numbered(builder, user, item, at);
        }
    }
    return status;
}

static enum nba_status load_sequences(const char *folder, const char *file,
                                      struct nba_dataset_builder *builder, struct nba_error *error)
{
    struct lines lines;
    enum nba_status status = lines_open(&lines, folder, file, error);
    if (status == NBA_OK) {
        status = lines_close(&lines, read_sequences(&lines, builder));
    }
    return status;
}

/* ---- ml-1m-ncf ---- */

#define NCF_USERS     6040u
#define NCF_ITEMS     3706u
#define NCF_NEGATIVES 99u

static enum nba_status read_fixed(struct lines *lines, uint32_t *test, uint32_t *negatives)
{
    for (uint32_t u = 0; u < NCF_USERS; u++) {
        char *fields[FIELDS_MAX];
        long long user = 0;
        long long item = 0;
        if (!lines_next(lines)) {
            return lines_bad(lines, "as many lines as users");
        }
        if (negatives == NULL) {
            if (split_fields(lines->line, '\t', fields) < 2 || !parse_number(fields[0], &user) ||
                !parse_number(fields[1], &item) || user != u || item >= NCF_ITEMS) {
                return lines_bad(lines, "user and item in the order of users");
            }
            test[u] = (uint32_t)item;
            continue;
        }
        char *next = strchr(lines->line, '\t');
        for (uint32_t i = 0; i < NCF_NEGATIVES; i++) {
            char *end = next;
            item = next != NULL ? strtoll(next, &end, 10) : -1;
            if (end == next || item < 0 || item >= NCF_ITEMS) {
                return lines_bad(lines, "(user,item) and 99 items");
            }
            negatives[u * NCF_NEGATIVES + i] = (uint32_t)item;
            next = end;
        }
    }
    return NBA_OK;
}

static void shuffle(uint32_t *items, uint32_t count, struct nba_rng *rng)
{
    for (uint32_t i = count; i > 1; i--) {
        const uint32_t j = (uint32_t)nba_rng_below(rng, i);
        const uint32_t item = items[i - 1];
        items[i - 1] = items[j];
        items[j] = item;
    }
}

/* The test contents and negatives; sequences are shuffled, since their order means nothing. */
static enum nba_status add_fixed(const char *folder, struct nba_dataset *d, struct nba_error *error)
{
    struct lines lines;
    uint32_t *test = calloc(NCF_USERS, sizeof(*test));
    uint32_t *negatives = calloc((size_t)NCF_USERS * NCF_NEGATIVES, sizeof(*negatives));
    d->fixed_test = test;
    d->fixed_negatives = negatives;
    d->fixed_negative_count = NCF_NEGATIVES;
    d->ordered = false;
    if (test == NULL || negatives == NULL) {
        return nba_error_set(error, NBA_E_NO_MEMORY, "out of memory");
    }
    enum nba_status status = lines_open(&lines, folder, "ml-1m-ncf/test.rating", error);
    if (status == NBA_OK) {
        status = lines_close(&lines, read_fixed(&lines, test, NULL));
    }
    if (status == NBA_OK) {
        status = lines_open(&lines, folder, "ml-1m-ncf/test.negative", error);
    }
    if (status == NBA_OK) {
        status = lines_close(&lines, read_fixed(&lines, test, negatives));
    }
    struct nba_rng rng = nba_rng(SHUFFLE_SEED);
    for (uint32_t u = 0; u < d->user_count; u++) {
        shuffle(d->sequence + d->sequence_offset[u],
                (uint32_t)(d->sequence_offset[u + 1] - d->sequence_offset[u]), &rng);
    }
    return status;
}

/* ---- hcp-a ---- */

static bool hcp_touch(const char *event, const char *channel, struct nba_dataset_row *row)
{
    static const struct {
        const char *word;
        enum nba_channel channel;
    } channels[] = {{"email", NBA_CHANNEL_EMAIL},
                    {"webinar", NBA_CHANNEL_EVENT},
                    {"digital", NBA_CHANNEL_WEB},
                    {"call", NBA_CHANNEL_REP}};
    for (size_t i = 0; i < NBA_ARRAY_COUNT(channels); i++) {
        if (strcmp(channel, channels[i].word) == 0) {
            row->channel = channels[i].channel;
        }
    }
    if (strcmp(event, "engaged") == 0 || strcmp(event, "converted") == 0) {
        row->kind = NBA_TOUCH_ENGAGED;
        return true;
    }
    row->kind = NBA_TOUCH_REFUSED;
    return strcmp(event, "ignored") == 0;
}

static enum nba_status read_hcp_events(struct lines *lines, struct nba_dataset_builder *builder)
{
    enum nba_status status = NBA_OK;
    (void)lines_next(lines); /* event_id,ts_ms,hcp_id,event,channel,content_id,... */
    while (status == NBA_OK && lines_next(lines)) {
        char *fields[FIELDS_MAX];
        long long time_ms = 0;
        if (split_fields(lines->line, ',', fields) < 6 || !parse_number(fields[1], &time_ms)) {
            return lines_bad(lines, "event_id,ts_ms,hcp_id,event,channel,content_id");
        }
        struct nba_dataset_row row = {
            .user = nba_str_of(fields[2]),
            .content = nba_str_of(fields[5]),
            .time_ms = (int64_t)time_ms,
            .event_hash = nba_event_hash(nba_str_of("csv"), nba_str_of(fields[0])),
        };
        if (hcp_touch(fields[3], fields[4], &row)) {
            status = nba_dataset_builder_add(builder, &row);
        }
    }
    return status;
}

static enum nba_status read_hcp_table(struct lines *lines, struct nba_dataset_builder *builder,
                                      bool of_users)
{
    enum nba_status status = NBA_OK;
    (void)lines_next(lines);
    while (status == NBA_OK && lines_next(lines)) {
        char *fields[FIELDS_MAX];
        if (split_fields(lines->line, ',', fields) < 2) {
            return lines_bad(lines, "at least two columns");
        }
        status = of_users ? nba_dataset_builder_add_user(builder, nba_str_of(fields[0]),
                                                         nba_str_of(fields[1]))
                          : nba_dataset_builder_add_content(builder, nba_str_of(fields[0]));
    }
    return status;
}

static enum nba_status load_hcp(const char *folder, struct nba_dataset_builder *builder,
                                struct nba_error *error)
{
    static const char *const files[] = {"hcp-a/hcps.csv", "hcp-a/contents.csv",
                                        "hcp-a/events.csv.gz"};
    enum nba_status status = NBA_OK;
    for (size_t i = 0; status == NBA_OK && i < NBA_ARRAY_COUNT(files); i++) {
        struct lines lines;
        status = lines_open(&lines, folder, files[i], error);
        if (status == NBA_OK) {
            status =
                i < 2 ? read_hcp_table(&lines, builder, i == 0) : read_hcp_events(&lines, builder);
            status = lines_close(&lines, status);
        }
    }
    return status;
}

static enum nba_status load_rows(const char *folder, const char *name,
                                 struct nba_dataset_builder *builder, struct nba_error *error)
{
    if (strcmp(name, "ml-100k") == 0) {
        return load_ml_100k(folder, builder, error);
    }
    if (strcmp(name, "ml-1m-ncf") == 0) {
        const enum nba_status status = add_ranges(builder, 0, NCF_USERS - 1, 0, NCF_ITEMS - 1);
        return status != NBA_OK ? status
                                : load_sequences(folder, "ml-1m-ncf/train.txt", builder, error);
    }
    if (strcmp(name, "ml-1m-sasrec") == 0) {
        return load_sequences(folder, "ml-1m-sasrec/sequences.txt", builder, error);
    }
    if (strcmp(name, "hcp-a") == 0) {
        return load_hcp(folder, builder, error);
    }
    return nba_error_set(error, NBA_E_USAGE,
                         "unknown data set '%s': ml-100k, ml-1m-ncf, ml-1m-sasrec or hcp-a", name);
}

enum nba_status nba_dataset_load(const char *folder, const char *name,
                                 struct nba_dataset **ret_dataset, struct nba_error *error)
{
    const struct nba_dataset_options options = {.name = name};
    struct nba_dataset_builder *builder = NULL;
    struct nba_dataset *dataset = NULL;
    enum nba_status status = nba_dataset_builder_create(&options, &builder);
    if (status != NBA_OK) {
        return nba_error_set(error, status, "out of memory");
    }
    if (error != NULL) {
        error->status = NBA_OK;
    }
    status = load_rows(folder, name, builder, error);
    if (status != NBA_OK && error != NULL && error->status == NBA_OK) {
        (void)nba_error_set(error, status, "%s: %s", name, nba_status_text(status));
    }
    if (status == NBA_OK) {
        status = nba_dataset_builder_finish(builder, &dataset, error);
    }
    if (status == NBA_OK && strcmp(name, "ml-1m-ncf") == 0) {
        status = add_fixed(folder, dataset, error);
    }
    nba_dataset_builder_destroy(builder);
    if (status != NBA_OK) {
        nba_dataset_destroy(dataset);
        return status;
    }
    *ret_dataset = dataset;
    return NBA_OK;
}
