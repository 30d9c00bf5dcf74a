/* One assignment a setting; the trainers' own limits were checked by the table of settings. */
#include "learn_config.h"

#include <stdio.h>

#include "nba/app/command.h"
#include "nba/app/interrupt.h"
#include "nba/base/version.h"

struct nba_train_config nba_learn_config(const struct nba_config *config)
{
    const struct nba_config_train *from = &config->train;
    struct nba_train_config to = nba_train_config();
    to.validation_share = from->validation_share;
    to.train_share = 1.0 - from->validation_share;
    to.window_events = (uint32_t)from->window_events;
    to.seed = (uint64_t)from->seed;
    to.engine_version = NBA_ENGINE_VERSION;

    to.lstm_options.width = (uint32_t)from->lstm_embedding;
    to.lstm_options.hidden = (uint32_t)from->lstm_hidden_1;
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
    return to;
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

struct nba_progress nba_learn_progress(void)
{
    return (struct nba_progress){
        .epoch = show_epoch, .interrupted = nba_interrupt_flag(), .clock = &nba_clock_system};
}

int nba_learn_print_report(const struct nba_report *report, bool json)
{
    struct nba_buf buf;
    nba_buf_init(&buf, 4u << 20);
    if (json) {
        nba_report_print_json(report, &buf);
        nba_buf_append_byte(&buf, '\n');
    } else {
        nba_report_print_table(report, &buf);
    }
    const int code = nba_command_print(&buf);
    nba_buf_clear(&buf);
    return code;
}
