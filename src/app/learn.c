/* Every source ends in the same builder; events that can't be decoded are passed over and counted,
 * as the engine makes dead letters of them. */
#include "learn.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nba/app/interrupt.h"
#include "nba/app/walk.h"
#include "nba/base/time_text.h"
#include "nba/base/version.h"
#include "nba/train/dataset_files.h"

static struct {
    int64_t from_ms, to_ms; /* NBA_TIME_NONE: open */
    const char *mapping, *events, *profiles, *contents;
    const char *data, *data_dir;
} args = {.from_ms = NBA_TIME_NONE, .to_ms = NBA_TIME_NONE};

const struct nba_option nba_learn_options[] = {
    NBA_OPTION_TIME(&args.from_ms, "from", "log: records from this time on"),
    NBA_OPTION_TIME(&args.to_ms, "to", "log: records before this time"),
    NBA_OPTION_TEXT(&args.mapping, "mapping", "FILE", "read tables by this mapping"),
    NBA_OPTION_TEXT(&args.events, "events", "FILE", "table of events"),
    NBA_OPTION_TEXT(&args.profiles, "profiles", "FILE", "table of HCPs"),
    NBA_OPTION_TEXT(&args.contents, "contents", "FILE", "table of contents"),
    NBA_OPTION_TEXT(&args.data, "data", "NAME", "a public data set: " NBA_DATASET_NAMES),
    NBA_OPTION_TEXT(&args.data_dir, "data-dir", "DIR", "where data sets are (default: $NBA_DATA)"),
    {0},
};

struct source {
    struct nba_workplace *place;
    struct nba_dataset_builder *builder;
    uint64_t taken, skipped;
};

static enum nba_status kept(enum nba_status status, struct nba_error *error)
{
    return status == NBA_OK
               ? NBA_OK
               : nba_error_set(error, status, "cannot keep the data: %s", nba_status_text(status));
}

static enum nba_status add_content(struct source *source, const struct nba_content *content)
{
    const struct nba_str unit =
        nba_str_empty(content->business_unit) ? content->brand : content->business_unit;
    const enum nba_status status =
        nba_dataset_builder_add_content(source->builder, content->content_id);
    nba_dataset_builder_label_content(source->builder, content->content_id, content->asset_type,
                                      unit);
    return status;
}

static enum nba_status take_record(void *context, const struct nba_record *record,
                                   struct nba_error *error)
{
    struct source *source = context;
    struct nba_workplace *place = source->place;
    const struct nba_config_topics *topics = &place->config.topics;
    /* What is known of an HCP counts whenever it was said; touches only inside the range. */
    const bool inside = (args.to_ms == NBA_TIME_NONE || record->timestamp_ms < args.to_ms) &&
                        (args.from_ms == NBA_TIME_NONE || record->timestamp_ms >= args.from_ms);
    struct nba_event event;
    struct nba_reference reference;
    enum nba_status status = NBA_OK;
    nba_ticker_at(&place->ticker, source->taken);
    nba_arena_reset(&place->arena);
    if (record->value_null) {
        return NBA_OK;
    }
    if (nba_str_is(record->topic, topics->catalog)) {
        if (nba_decode_reference(place->decoder, record->value, &place->arena, &reference, NULL) ==
                NBA_OK &&
            reference.kind == NBA_REFERENCE_CONTENT) {
            status = add_content(source, &reference.content);
        }
    } else if (nba_str_is(record->topic, topics->engagement) && inside) {
        source->taken++;
        if (nba_decode_event(place->decoder, record->value, &place->arena, &event, NULL) ==
            NBA_OK) {
            status = nba_dataset_builder_add_event(source->builder, record->partition, &event);
        } else {
            source->skipped++;
        }
    }
    return kept(status, error);
}

static enum nba_status take_row(void *context, const struct nba_mapped_row *mapped, uint64_t row,
                                struct nba_error *error)
{
    struct source *source = context;
    enum nba_status status = NBA_OK;
    (void)row;
    source->skipped += mapped == NULL ? 1 : 0;
    for (size_t i = 0; mapped != NULL && i < mapped->count && status == NBA_OK; i++) {
        const struct nba_import_item *item = &mapped->items[i];
        source->taken++;
        if (item->is_event) {
            status = nba_dataset_builder_add_event(source->builder, 0, &item->event);
        } else if (item->reference.kind == NBA_REFERENCE_CONTENT) {
            status = add_content(source, &item->reference.content);
        }
    }
    nba_ticker_at(&source->place->ticker, source->taken);
    return kept(status, error);
}

static enum nba_status read_tables(struct source *source, struct nba_error *error)
{
    const struct {
        enum nba_import_kind kind;
        const char *path;
    } tables[] = {{NBA_IMPORT_CONTENTS, args.contents},
                  {NBA_IMPORT_PROFILES, args.profiles},
                  {NBA_IMPORT_EVENTS, args.events}};
    struct nba_mapping *mapping = NULL;
    if (args.events == NULL) {
        return nba_error_set(error, NBA_E_USAGE, "--mapping: expected --events FILE beside it");
    }
    enum nba_status status = nba_mapping_load(args.mapping, &mapping, error);
    const struct nba_mapping_section *events =
        status == NBA_OK ? nba_mapping_section(mapping, NBA_IMPORT_EVENTS) : NULL;
    if (events != NULL && events->sorts) {
        status = nba_error_set(error, NBA_E_USAGE,
                               "%s: its events are not in the order of their times: import them "
                               "first, then learn from the log",
                               args.mapping);
    }
    for (size_t i = 0; status == NBA_OK && i < NBA_ARRAY_COUNT(tables); i++) {
        const struct nba_table table = {tables[i].path, mapping,  args.mapping,
                                        tables[i].kind, take_row, source};
        if (table.path != NULL) {
            status = nba_walk_table(source->place, &table, error);
        }
    }
    nba_mapping_destroy(mapping);
    return status;
}

static enum nba_status read_all(struct source *source, struct nba_error *error)
{
    struct nba_workplace *place = source->place;
    const struct nba_operands *files = &place->operands;
    const struct nba_config_topics *topics = &place->config.topics;
    const bool from_log = args.mapping == NULL && files->count == 0;
    enum nba_status status = place->schemas != NULL ? NBA_OK
                             : from_log ? nba_workplace_open(place, NBA_LOCAL_READER, error)
                                        : nba_workplace_load_schemas(place, error);
    if (status == NBA_OK && args.mapping != NULL) {
        return read_tables(source, error);
    }
    if (status == NBA_OK && from_log) {
        status = nba_walk_topic(place->stream, topics->catalog, take_record, source, error);
    }
    if (status == NBA_OK && from_log) {
        status = nba_walk_topic(place->stream, topics->engagement, take_record, source, error);
    }
    for (size_t i = 0; i < files->count && status == NBA_OK; i++) {
        status = nba_walk_log_file(place->schemas, files->items[i], take_record, source, error);
    }
    return status;
}

static enum nba_status build(struct source *source, struct nba_dataset **ret_dataset,
                             struct nba_error *error)
{
    const struct nba_dataset_options options = {.name =
                                                    args.mapping != NULL ? args.mapping : "log"};
    nba_ticker_begin(&source->place->ticker, "events", 0);
    source->builder = nba_dataset_builder_create(&options);
    enum nba_status status = read_all(source, error);
    nba_ticker_end(&source->place->ticker);
    if (status == NBA_OK) {
        status = nba_dataset_builder_finish(source->builder, ret_dataset, error);
    }
    if (status == NBA_OK && source->skipped > 0) {
        (void)fprintf(stderr, "nba: %" PRIu64 " of %" PRIu64 " rows could not be used\n",
                      source->skipped, source->taken + source->skipped);
    }
    nba_dataset_builder_destroy(source->builder);
    return status;
}

enum nba_status nba_learn_load(struct nba_workplace *place, struct nba_dataset **ret_dataset,
                               struct nba_error *error)
{
    struct source source = {.place = place};
    const char *folder = args.data_dir != NULL ? args.data_dir : getenv("NBA_DATA");
    if ((args.data != NULL) + (args.mapping != NULL) + (place->operands.count > 0) > 1) {
        return nba_error_set(error, NBA_E_USAGE,
                             "expected one of --data, --mapping and log files, not several");
    }
    if (args.data == NULL) {
        return build(&source, ret_dataset, error);
    }
    if (folder == NULL || folder[0] == '\0') {
        return nba_error_set(error, NBA_E_USAGE,
                             "--data: expected --data-dir or NBA_DATA, the folder of data sets");
    }
    return nba_dataset_load(folder, args.data, ret_dataset, error);
}

void nba_learn_report(const struct nba_dataset *dataset)
{
    char first[NBA_TIME_TEXT_BYTES];
    char last[NBA_TIME_TEXT_BYTES];
    nba_time_format(dataset->first_ms, first);
    nba_time_format(dataset->last_ms, last);
    (void)fprintf(stderr, "nba: %s: %u HCPs, %u contents, %zu touches, %zu engagements, %s to %s\n",
                  dataset->name, (unsigned)dataset->user_count, (unsigned)dataset->content_count,
                  dataset->touch_offset[dataset->user_count],
                  dataset->sequence_offset[dataset->user_count], first, last);
}

/* A public data set brings its own dropout unless the command line says one. */
static void fit_to_data(struct nba_train_config *train)
{
    const double dropout = args.data != NULL ? nba_dataset_lstm_dropout(args.data) : 0.0;
    if (dropout > 0.0 && !nba_workplace_is_set("train.lstm_dropout")) {
        train->lstm_options.fit.dropout = dropout;
        (void)fprintf(stderr, "nba: %s: train.lstm_dropout=%g (--set changes it)\n", args.data,
                      dropout);
    }
}

/* One assignment a setting; the trainers' own limits were checked by the table of settings. */
enum nba_status nba_learn_config(const struct nba_config *config, const char *only, int64_t seed,
                                 struct nba_train_config *ret_train, struct nba_error *error)
{
    const struct nba_config_train *from = &config->train;
    struct nba_train_config to = nba_train_config();
    to.validation_share = from->validation_share;
    to.train_share = 1.0 - from->validation_share;
    to.window_events = (uint32_t)from->window_events;
    to.seed = (uint64_t)(seed >= 0 ? seed : from->seed);
    to.engine_version = NBA_ENGINE_VERSION;

    to.lstm_options.width = (uint32_t)from->lstm_embedding;
    to.lstm_options.hidden = (uint32_t)from->lstm_hidden_1;
    to.lstm_options.bf16 = from->lstm_bf16;
    to.lstm_options.fit.batch = (uint32_t)from->lstm_batch;
    to.lstm_options.fit.rate = from->lstm_learning_rate;
    to.lstm_options.fit.dropout = from->lstm_dropout;
    to.lstm_options.fit.clip = from->clip_norm;
    to.lstm_options.fit.epochs = (uint32_t)from->lstm_epochs_max;
    to.lstm_options.fit.patience = (uint32_t)from->patience_epochs;

    to.ncf_options.width = (uint32_t)from->ncf_embedding;
    to.ncf_options.layer_1 = (uint32_t)from->ncf_hidden_1;
    to.ncf_options.layer_2 = (uint32_t)from->ncf_hidden_2;
    to.ncf_options.layer_3 = (uint32_t)from->ncf_hidden_3;
    to.ncf_options.fit.batch = (uint32_t)from->ncf_batch;
    to.ncf_options.negatives = (uint32_t)from->ncf_negatives;
    to.ncf_options.fit.rate = from->ncf_learning_rate;
    to.ncf_options.fit.dropout = from->ncf_dropout;
    to.ncf_options.fit.epochs = (uint32_t)from->ncf_epochs_max;
    to.ncf_options.fit.patience = (uint32_t)from->patience_epochs;
    to.item_item_options[NBA_ITEM_ITEM_EASE].lambda = from->ease_lambda;
    to.item_item_options[NBA_ITEM_ITEM_EASE].decay = from->ease_decay;
    to.item_item_options[NBA_ITEM_ITEM_KNN].neighbours = (uint32_t)from->knn_neighbours;
    to.item_item_options[NBA_ITEM_ITEM_KNN].shrink = from->knn_shrink;
    to.item_item_options[NBA_ITEM_ITEM_KNN].decay = from->knn_decay;
    to.item_item_options[NBA_ITEM_ITEM_RULES].window = (uint32_t)from->rules_window;
    to.item_item_options[NBA_ITEM_ITEM_RULES].last = (uint32_t)from->rules_last;
    to.item_item_options[NBA_ITEM_ITEM_RULES].decay = from->rules_decay;
    to.asset_weights = from->asset_weights;

    if (nba_models_named(from->members, to.wanted, error) != NBA_OK) {
        return nba_config_fail(config, "train.members", error, "%s", error->message);
    }
    if (only != NULL && nba_models_named(only, to.wanted, error) != NBA_OK) {
        return nba_error_prefix(error, "--only");
    }
    fit_to_data(&to);
    *ret_train = to;
    return NBA_OK;
}

static void show_epoch(void *context, const struct nba_epoch *epoch)
{
    struct nba_buf line;
    (void)context;
    nba_buf_init(&line, 4096);
    nba_epoch_print(epoch, &line);
    (void)fprintf(stderr, "%.*s\n", NBA_STR_ARG(nba_buf_str(&line)));
    nba_buf_clear(&line);
}

static void show_note(void *context, const char *line)
{
    (void)context;
    (void)fprintf(stderr, "%s\n", line);
}

struct nba_progress nba_learn_progress(void)
{
    return (struct nba_progress){.epoch = show_epoch,
                                 .note = show_note,
                                 .interrupted = nba_interrupt_flag(),
                                 .clock = &nba_clock_system};
}
