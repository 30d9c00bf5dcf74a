#include "nba/train/learner.h"

#include <inttypes.h>
#include <string.h>

#include "nba/base/assert.h"

bool nba_progress_interrupted(const struct nba_progress *progress)
{
    return progress->interrupted != NULL && *progress->interrupted != 0;
}

static double seconds_since(const struct nba_progress *progress, int64_t start_us)
{
    return (double)(nba_clock_monotonic_us(progress->clock) - start_us) * 1e-6;
}

void nba_epoch_print(const struct nba_epoch *epoch, struct nba_buf *text)
{
    nba_buf_printf(text,
                   "%s epoch %u/%u loss %.4f val %.4f ndcg@10 %.4f val %.4f%s %.1f s, "
                   "at most %.0f s left",
                   epoch->model, epoch->epoch, epoch->epochs, epoch->loss, epoch->validation_loss,
                   epoch->metric, epoch->validation_metric, epoch->best ? " *" : "", epoch->seconds,
                   epoch->seconds_left);
}

static enum nba_status stop_non_finite(const struct nba_learner *learner, uint32_t epoch,
                                       uint64_t step, const struct nba_learned *learned,
                                       struct nba_error *error)
{
    if (learned->best_epoch == 0) {
        return nba_error_set(error, NBA_E_NON_FINITE,
                             "%s: loss is not finite in epoch %u at step %" PRIu64, learner->model,
                             epoch, step);
    }
    return nba_error_set(error, NBA_E_NON_FINITE,
                         "%s: loss is not finite in epoch %u at step %" PRIu64 "; epoch %u is kept",
                         learner->model, epoch, step, learned->best_epoch);
}

/* Both parts measured and the line filled in. */
static enum nba_status judge(const struct nba_learner *learner, struct nba_epoch *line)
{
    struct nba_measured training;
    struct nba_measured validation;
    enum nba_status status = learner->measure(learner->context, false, &training);
    if (status == NBA_OK) {
        status = learner->measure(learner->context, true, &validation);
    }
    if (status == NBA_OK) {
        line->metric = training.metric;
        line->validation_loss = validation.loss;
        line->validation_metric = validation.metric;
    }
    return status;
}

enum nba_status nba_learner_run(const struct nba_learner *learner,
                                const struct nba_learner_options *options,
                                const struct nba_progress *progress,
                                struct nba_learned *ret_learned, struct nba_error *error)
{
    const int64_t start_us = nba_clock_monotonic_us(progress->clock);
    enum nba_status status = NBA_OK;
    NBA_ASSERT(options->epochs > 0 && options->epochs <= NBA_EPOCHS_MAX);
    memset(ret_learned, 0, sizeof(*ret_learned));
    for (uint32_t epoch = 1; epoch <= options->epochs; epoch++) {
        const int64_t epoch_us = nba_clock_monotonic_us(progress->clock);
        struct nba_epoch line = {
            .model = learner->model, .epoch = epoch, .epochs = options->epochs};
        uint64_t step = 0;
        status = learner->learn(learner->context, epoch, &line.loss, &step);
        ret_learned->interrupted = status == NBA_E_INTERRUPTED;
        if (status == NBA_E_NON_FINITE) {
            status = stop_non_finite(learner, epoch, step, ret_learned, error);
            break;
        }
        if (status == NBA_OK || (ret_learned->interrupted && ret_learned->best_epoch == 0)) {
            status = judge(learner, &line);
        } else if (ret_learned->interrupted) {
            status = NBA_OK;
            break;
        }
        if (status != NBA_OK) {
            (void)nba_error_set(error, status, "%s: %s", learner->model, nba_status_text(status));
            break;
        }
        line.best = options->patience == 0 || ret_learned->best_epoch == 0 ||
                    line.validation_metric > ret_learned->best_metric;
        if (line.best) {
            ret_learned->best_epoch = epoch;
            ret_learned->best_metric = line.validation_metric;
            learner->keep(learner->context);
        }
        line.seconds = seconds_since(progress, epoch_us);
        line.seconds_left = seconds_since(progress, start_us) / epoch * (options->epochs - epoch);
        ret_learned->epochs_run = epoch;
        ret_learned->history[epoch - 1] = line;
        if (progress->epoch != NULL) {
            progress->epoch(progress->context, &line);
        }
        if (ret_learned->interrupted ||
            (options->patience > 0 && epoch - ret_learned->best_epoch >= options->patience)) {
            break;
        }
    }
    if (ret_learned->best_epoch != 0) {
        learner->recall(learner->context);
    }
    ret_learned->seconds = seconds_since(progress, start_us);
    return status;
}

void nba_learned_print_json(const struct nba_learned *learned, struct nba_buf *text)
{
    nba_buf_printf(text, "[");
    for (uint32_t i = 0; i < learned->epochs_run; i++) {
        const struct nba_epoch *e = &learned->history[i];
        nba_buf_printf(text,
                       "%s{\"model\":\"%s\",\"epoch\":%u,\"loss\":%.6f,\"validation_loss\":%.6f,"
                       "\"ndcg10\":%.6f,\"validation_ndcg10\":%.6f,\"seconds\":%.3f,\"best\":%s}",
                       i > 0 ? "," : "", e->model, e->epoch, e->loss, e->validation_loss, e->metric,
                       e->validation_metric, e->seconds,
                       e->epoch == learned->best_epoch ? "true" : "false");
    }
    nba_buf_printf(text, "]");
}
