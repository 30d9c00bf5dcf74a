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
/* All contents of one user fit. */
#define LINE_BYTES_MAX ((size_t)1 << 20)
#define FIELDS_MAX     8u
/* Largest number of a user or an item: ids have six digits. */
#define NUMBER_MAX 999999
/* Sets without an order get one by this seed, so that a window of them is a fair sample. */
#define SHUFFLE_SEED 1u

#define NCF_USERS     6040u
#define NCF_ITEMS     3706u
#define NCF_NEGATIVES 99u

struct load {
    const char *folder;
    struct nba_error *error;
    struct nba_dataset_builder *builder;
    struct nba_dataset *dataset; /* once it is built */
    size_t index;                /* of the line, from 0 */
    enum nba_status status;      /* of what was done with the line */
    bool of_contents;            /* hcp-a: the table that is read */
    long long users, contents;   /* the next numbers to be added */
};

/* Takes a line of a file; returns what was expected in its place, or NULL. */
typedef const char *take_line(struct load *load, char *line);

static enum nba_status each_line(struct load *load, const char *file, take_line *take)
{
    struct nba_text_lines *lines = NULL;
    char path[PATH_BYTES];
    bool more = true;
    (void)snprintf(path, sizeof(path), "%s/%s", load->folder, file);
    load->status = NBA_OK;
    enum nba_status status = nba_text_lines_open(path, LINE_BYTES_MAX, &lines, load->error);
    for (load->index = 0; status == NBA_OK; load->index++) {
        struct nba_str line;
        status = nba_text_lines_next(lines, &line, &more, load->error);
        if (status != NBA_OK) {
            (void)nba_error_prefix(load->error, "%s", path);
        }
        if (status != NBA_OK || !more) {
            break;
        }
        const char *expected = take(load, (char *)line.data);
        if (expected != NULL) {
            status = nba_error_set(load->error, NBA_E_CORRUPT, "%s:%zu: expected %s", path,
                                   nba_text_lines_number(lines), expected);
        } else if (load->status != NBA_OK) {
            status = nba_error_set(load->error, load->status, "%s:%zu: %s", file,
                                   nba_text_lines_number(lines), nba_status_text(load->status));
        }
    }
    nba_text_lines_close(lines);
    return status;
}

/* Splits at `separator` in place, the last of FIELDS_MAX fields being the rest; the columns read
 * here need no quotes: all of them stand before free text. */
static size_t split_fields(char *line, char separator, char **ret_fields)
{
    size_t count = 0;
    for (char *next = line; next != NULL && count < FIELDS_MAX;) {
        ret_fields[count++] = next;
        next = strchr(next, separator);
        if (next != NULL) {
            *next++ = '\0';
        }
    }
    return count;
}

/* A whole number from least to most at the start of *text, which goes on behind it. */
static bool take_number(char **text, long long least, long long most, long long *ret_value)
{
    char *end = NULL;
    errno = 0;
    const long long value = strtoll(*text, &end, 10);
    if (end == *text || errno != 0 || value < least || value > most) {
        return false;
    }
    *text = end;
    *ret_value = value;
    return true;
}

/* Zero-padded, so that bytewise order is the order of the numbers and indexes are id - first. */
static struct nba_str padded(char ret_text[32], long long number)
{
    (void)snprintf(ret_text, 32, "%06lld", number);
    return nba_str_of(ret_text);
}

static void add_numbered(struct load *load, long long user, long long content, int64_t time_ms)
{
    char user_text[32];
    char content_text[32];
    const struct nba_dataset_row row = {
        .user = padded(user_text, user),
        .content = padded(content_text, content),
        .time_ms = time_ms,
        .kind = NBA_TOUCH_ENGAGED,
    };
    load->status = nba_dataset_builder_add(load->builder, &row);
}

/* Users and contents up to these numbers, so that their indexes follow their numbers. */
static void add_up_to(struct load *load, long long user, long long content)
{
    char text[32];
    for (; load->users <= user; load->users++) {
        nba_dataset_builder_add_user(load->builder, padded(text, load->users), nba_str(NULL, 0));
    }
    for (; load->status == NBA_OK && load->contents <= content; load->contents++) {
        load->status = nba_dataset_builder_add_content(load->builder, padded(text, load->contents));
    }
}

/* ---- ml-100k ---- */

static const char *take_rating(struct load *load, char *line)
{
    char *fields[FIELDS_MAX];
    long long user = 0;
    long long item = 0;
    long long time_s = 0;
    if (load->index == 0) {
        return NULL; /* header */
    }
    if (split_fields(line, '\t', fields) != 4 || !take_number(&fields[0], 1, NUMBER_MAX, &user) ||
        !take_number(&fields[1], 1, NUMBER_MAX, &item) ||
        !take_number(&fields[3], 0, INT64_MAX / 1000, &time_s)) {
        return "user, item, rating and time between tabs";
    }
    add_up_to(load, user, item);
    if (load->status == NBA_OK) {
        add_numbered(load, user, item, (int64_t)time_s * 1000);
    }
    return NULL;
}

static enum nba_status load_ml_100k(struct load *load)
{
    load->users = load->contents = 1;
    return each_line(load, "ml-100k/ml-100k.inter", take_rating);
}

/* ---- "user item item ..." ---- */

static const char *take_sequence(struct load *load, char *line)
{
    long long user = 0;
    long long item = 0;
    int64_t at = 0;
    if (!take_number(&line, 0, INT64_MAX, &user)) {
        return "a user's number and the numbers of items";
    }
    while (load->status == NBA_OK && take_number(&line, INT64_MIN, INT64_MAX, &item)) {
        if (item < 0 || item > NUMBER_MAX) {
            return "the number of an item";
        }
        add_numbered(load, user, item, at++);
    }
    return NULL;
}

static enum nba_status load_sasrec(struct load *load)
{
    return each_line(load, "ml-1m-sasrec/sequences.txt", take_sequence);
}

static enum nba_status load_toys(struct load *load)
{
    return each_line(load, "amazon-toys/Toys_and_Games.txt", take_sequence);
}

static enum nba_status finish_toys(struct load *load)
{
    load->dataset->train_only = true;
    return NBA_OK;
}

/* One pair a line is a sequence of one. */
static enum nba_status load_video(struct load *load)
{
    return each_line(load, "amazon-video-games/Video.txt", take_sequence);
}

/* ---- ml-1m-ncf ---- */

static enum nba_status load_ncf(struct load *load)
{
    add_up_to(load, NCF_USERS - 1, NCF_ITEMS - 1);
    return each_line(load, "ml-1m-ncf/train.txt", take_sequence);
}

static const char *take_test(struct load *load, char *line)
{
    const long long user = (long long)load->index;
    char *fields[FIELDS_MAX];
    long long item = 0;
    if (split_fields(line, '\t', fields) < 2 || user >= NCF_USERS ||
        !take_number(&fields[0], user, user, &item) ||
        !take_number(&fields[1], 0, NCF_ITEMS - 1, &item)) {
        return "user and item in the order of users";
    }
    load->dataset->fixed_test[user] = (uint32_t)item;
    return NULL;
}

static const char *take_negatives(struct load *load, char *line)
{
    char *next = strchr(line, '\t');
    for (uint32_t i = 0; i < NCF_NEGATIVES; i++) {
        long long item = 0;
        if (next == NULL || load->index >= NCF_USERS ||
            !take_number(&next, 0, NCF_ITEMS - 1, &item)) {
            return "(user,item) and 99 items";
        }
        load->dataset->fixed_negatives[load->index * NCF_NEGATIVES + i] = (uint32_t)item;
    }
    return NULL;
}

static enum nba_status each_user(struct load *load, const char *file, take_line *take)
{
    const enum nba_status status = each_line(load, file, take);
    return status == NBA_OK && load->index != NCF_USERS
               ? nba_error_set(load->error, NBA_E_CORRUPT, "%s: %zu lines, expected %u", file,
                               load->index, NCF_USERS)
               : status;
}

/* Sequences without an order. */
static void shuffle_sequences(struct nba_dataset *d)
{
    struct nba_rng rng = nba_rng(SHUFFLE_SEED);
    d->ordered = false;
    for (uint32_t u = 0; u < d->user_count; u++) {
        nba_rng_shuffle(&rng, d->sequence + d->sequence_offset[u],
                        d->sequence_offset[u + 1] - d->sequence_offset[u], sizeof(*d->sequence));
    }
}

/* The test contents and negatives. */
static enum nba_status finish_ncf(struct load *load)
{
    struct nba_dataset *d = load->dataset;
    d->fixed_test = nba_pool_take(&d->pool, NCF_USERS, sizeof(*d->fixed_test));
    d->fixed_negatives =
        nba_pool_take(&d->pool, (size_t)NCF_USERS * NCF_NEGATIVES, sizeof(*d->fixed_negatives));
    d->fixed_negative_count = NCF_NEGATIVES;
    shuffle_sequences(d);
    enum nba_status status = each_user(load, "ml-1m-ncf/test.rating", take_test);
    if (status == NBA_OK) {
        status = each_user(load, "ml-1m-ncf/test.negative", take_negatives);
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
    const bool engaged = strcmp(event, "engaged") == 0 || strcmp(event, "converted") == 0;
    row->kind = engaged ? NBA_TOUCH_ENGAGED : NBA_TOUCH_REFUSED;
    return engaged || strcmp(event, "ignored") == 0;
}

/* hcp-seed000: clicks say whether it was an engagement; there are no event ids. */
static const char *take_seed_event(struct load *load, char *line)
{
    static const struct {
        const char *word;
        enum nba_channel channel;
    } channels[] = {{"email", NBA_CHANNEL_EMAIL},
                    {"webinar", NBA_CHANNEL_EVENT},
                    {"social-event", NBA_CHANNEL_EVENT},
                    {"in-person", NBA_CHANNEL_REP},
                    {"rep_visit", NBA_CHANNEL_REP}};
    char *fields[FIELDS_MAX];
    long long time_ms = 0;
    long long clicks = 0;
    if (load->index == 0) {
        return NULL; /* header */
    }
    if (split_fields(line, ',', fields) < 6 || !take_number(&fields[0], 0, INT64_MAX, &time_ms) ||
        !take_number(&fields[5], 0, INT32_MAX, &clicks)) {
        return "ts_ms,hcp_id,content_id,campaign_id,channel,clicks";
    }
    struct nba_dataset_row row = {
        .user = nba_str_of(fields[1]),
        .content = nba_str_of(fields[2]),
        .time_ms = (int64_t)time_ms,
        .kind = clicks > 0 ? NBA_TOUCH_ENGAGED : NBA_TOUCH_REFUSED,
    };
    for (size_t i = 0; i < NBA_ARRAY_COUNT(channels); i++) {
        if (strcmp(fields[4], channels[i].word) == 0) {
            row.channel = channels[i].channel;
        }
    }
    load->status = nba_dataset_builder_add(load->builder, &row);
    return NULL;
}

static const char *take_hcp_event(struct load *load, char *line)
{
    char *fields[FIELDS_MAX];
    long long time_ms = 0;
    if (load->index == 0) {
        return NULL; /* header */
    }
    if (split_fields(line, ',', fields) < 6 || !take_number(&fields[1], 0, INT64_MAX, &time_ms)) {
        return "event_id,ts_ms,hcp_id,event,channel,content_id";
    }
    struct nba_dataset_row row = {
        .user = nba_str_of(fields[2]),
        .content = nba_str_of(fields[5]),
        .time_ms = (int64_t)time_ms,
        .event_hash = nba_event_hash(nba_str_of("csv"), nba_str_of(fields[0])),
    };
    if (hcp_touch(fields[3], fields[4], &row)) {
        load->status = nba_dataset_builder_add(load->builder, &row);
    }
    return NULL;
}

static const char *take_hcp_table(struct load *load, char *line)
{
    char *fields[FIELDS_MAX];
    if (load->index == 0) {
        return NULL; /* header */
    }
    if (split_fields(line, ',', fields) < 2) {
        return "at least two columns";
    }
    if (load->of_contents) {
        load->status = nba_dataset_builder_add_content(load->builder, nba_str_of(fields[0]));
    } else {
        nba_dataset_builder_add_user(load->builder, nba_str_of(fields[0]), nba_str_of(fields[1]));
    }
    return NULL;
}

static enum nba_status load_hcp(struct load *load)
{
    enum nba_status status = each_line(load, "hcp-a/hcps.csv", take_hcp_table);
    load->of_contents = true;
    if (status == NBA_OK) {
        status = each_line(load, "hcp-a/contents.csv", take_hcp_table);
    }
    return status == NBA_OK ? each_line(load, "hcp-a/events.csv.gz", take_hcp_event) : status;
}

/* What field a content is for. */
static const char *take_seed_content(struct load *load, char *line)
{
    const char *field = strrchr(line, ',');
    char *fields[FIELDS_MAX];
    if (load->index == 0) {
        return NULL; /* header */
    }
    if (field == NULL || split_fields(line, ',', fields) < 3) {
        return "campaign_id,campaign_channel,content_id,...,specialty";
    }
    load->status = nba_dataset_builder_add_content(load->builder, nba_str_of(fields[2]));
    nba_dataset_builder_label_content(load->builder, nba_str_of(fields[2]), nba_str(NULL, 0),
                                      nba_str_of(field + 1));
    return NULL;
}

static enum nba_status load_seed(struct load *load)
{
    enum nba_status status = each_line(load, "hcp-seed000/hcps.csv", take_hcp_table);
    if (status == NBA_OK) {
        status = each_line(load, "hcp-seed000/campaigns_with_content.csv", take_seed_content);
    }
    return status == NBA_OK ? each_line(load, "hcp-seed000/events.csv.gz", take_seed_event)
                            : status;
}

/* ---- asset-clickstream ---- */

static const char *take_submission(struct load *load, char *line)
{
    char *fields[FIELDS_MAX];
    if (load->index == 0) {
        return NULL; /* header */
    }
    if (split_fields(line, ',', fields) != 5) {
        return "index,cookie,gated_asset_type,page_url,form_submissions";
    }
    const struct nba_dataset_row row = {
        .user = nba_str_of(fields[1]), .content = nba_str_of(fields[3]), .kind = NBA_TOUCH_ENGAGED};
    const bool has_type = strcmp(fields[2], "None") != 0;
    load->status = nba_dataset_builder_add(load->builder, &row);
    nba_dataset_builder_label_content(load->builder, row.content,
                                      nba_str_of(has_type ? fields[2] : ""), nba_str(NULL, 0));
    return NULL;
}

static const char *take_unit(struct load *load, char *line)
{
    char *fields[FIELDS_MAX];
    if (load->index == 0) {
        return NULL; /* header */
    }
    if (split_fields(line, ',', fields) != 3) {
        return "index,business_unit,page_url";
    }
    nba_dataset_builder_label_content(load->builder, nba_str_of(fields[2]), nba_str(NULL, 0),
                                      nba_str_of(fields[1]));
    return NULL;
}

static enum nba_status load_clickstream(struct load *load)
{
    const enum nba_status status =
        each_line(load, "asset-clickstream/submissions.csv", take_submission);
    return status == NBA_OK ? each_line(load, "asset-clickstream/bu_mapping.csv", take_unit)
                            : status;
}

static enum nba_status finish_clickstream(struct load *load)
{
    shuffle_sequences(load->dataset);
    return NBA_OK;
}

/* ---- all of them ---- */

static const struct set {
    const char *name;
    enum nba_status (*rows)(struct load *load);
    enum nba_status (*finish)(struct load *load); /* with the data set built; NULL: nothing */
    bool by_time;                                 /* lines are not in the order of time */
    uint32_t contents_max;                        /* 0: the default */
    double lstm_dropout;                          /* 0: the default */
} sets[] = {{.name = "ml-100k", .rows = load_ml_100k, .by_time = true, .lstm_dropout = 0.4},
            {.name = "ml-1m-ncf", .rows = load_ncf, .finish = finish_ncf},
            {.name = "ml-1m-sasrec", .rows = load_sasrec},
            {.name = "hcp-a", .rows = load_hcp},
            {.name = "hcp-seed000", .rows = load_seed},
            {.name = "amazon-toys", .rows = load_toys, .finish = finish_toys},
            {.name = "amazon-video-games", .rows = load_video, .contents_max = 32768},
            {.name = "asset-clickstream", .rows = load_clickstream, .finish = finish_clickstream}};

static const struct set *find_set(const char *name)
{
    for (size_t i = 0; i < NBA_ARRAY_COUNT(sets); i++) {
        if (strcmp(name, sets[i].name) == 0) {
            return &sets[i];
        }
    }
    return NULL;
}

double nba_dataset_lstm_dropout(const char *name)
{
    const struct set *set = find_set(name);
    return set != NULL ? set->lstm_dropout : 0.0;
}

static enum nba_status load_set(struct load *load, const struct set *set)
{
    enum nba_status status = set->rows(load);
    if (status == NBA_OK) {
        status = nba_dataset_builder_finish(load->builder, &load->dataset, load->error);
    }
    return status == NBA_OK && set->finish != NULL ? set->finish(load) : status;
}

enum nba_status nba_dataset_load(const char *folder, const char *name,
                                 struct nba_dataset **ret_dataset, struct nba_error *error)
{
    const struct set *set = find_set(name);
    if (set == NULL) {
        return nba_error_set(error, NBA_E_USAGE,
                             "unknown data set '%s': expected one of " NBA_DATASET_NAMES, name);
    }
    const struct nba_dataset_options options = {
        .name = name, .by_time = set->by_time, .contents_max = set->contents_max};
    struct nba_error own = {.status = NBA_OK};
    struct load load = {.folder = folder, .error = &own};
    load.builder = nba_dataset_builder_create(&options);
    const enum nba_status status = load_set(&load, set);
    nba_dataset_builder_destroy(load.builder);
    if (status != NBA_OK) {
        nba_dataset_destroy(load.dataset);
        return own.status != NBA_OK
                   ? nba_error_set(error, status, "%s", own.message)
                   : nba_error_set(error, status, "%s: %s", name, nba_status_text(status));
    }
    *ret_dataset = load.dataset;
    return NBA_OK;
}
