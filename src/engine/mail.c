/* Mail to the task that it is for, by kind; what nobody can take is a dead letter. */
#include <stdio.h>

#include "pipeline_internal.h"

enum nba_status nba_take_mail(struct nba_pipeline *pipeline, struct nba_task *task,
                              const struct nba_record *record, struct nba_error *error)
{
    struct nba_mail mail;
    struct nba_error why = {0};
    char src[NBA_SRC_BYTES];
    (void)snprintf(src, sizeof(src), "mailbox:%lld", (long long)record->offset);
    const struct nba_origin origin = {.src = nba_str_of(src),
                                      .partition = nba_task_partition(task)};
    nba_arena_reset(&pipeline->scratch);
    nba_arena_reset(&pipeline->said);
    enum nba_status status =
        record->value_null
            ? nba_error_set(&why, NBA_E_NULL_VALUE, "mail without a value")
            : nba_decode_mail(pipeline->decoder, record->value, &pipeline->scratch, &mail, &why);
    if (status == NBA_OK) {
        switch (mail.kind) {
        case NBA_MAIL_REQUEST:
            status = (nba_is_volume(mail.rep_id) ? nba_volume_take_request : nba_rep_take_request)(
                pipeline, task, origin, &mail, &why);
            break;
        case NBA_MAIL_FEEDBACK:
            status = (nba_is_volume(mail.rep_id)
                          ? nba_volume_take_feedback
                          : nba_rep_take_feedback)(pipeline, task, origin, &mail, &why);
            break;
        case NBA_MAIL_REFUSED:
        case NBA_MAIL_REPLACED:
            status = nba_rep_take_answer(pipeline, task, origin, &mail, &why);
            break;
        case NBA_MAIL_GRANTED:
            status = nba_volume_take_grant(pipeline, task, origin, &mail, &why);
            break;
        case NBA_MAIL_ERASED:
            if (nba_is_volume(mail.rep_id)) {
                nba_task_rewrite(task);
            } else {
                status = nba_rep_take_erased(pipeline, task, &mail, &why);
            }
            break;
        case NBA_MAIL_MERGED:
            status = nba_merge_take(pipeline, task, origin, &mail, &why);
            break;
        case NBA_MAIL_UNKNOWN:
            status = nba_error_set(&why, NBA_E_UNKNOWN_TYPE, "mail of a kind that isn't known");
        }
    }
    if (nba_status_class(status) == NBA_CLASS_SKIP) {
        nba_emit_deadletter(&pipeline->emitter, origin, record, &why);
        nba_pipeline_metrics_deadletter(&pipeline->metrics, status);
        status = NBA_OK;
    }
    if (status == NBA_OK && pipeline->emitter.outbox->failed) {
        status = NBA_E_NO_MEMORY;
    }
    return status == NBA_OK ? NBA_OK : nba_error_set(error, status, "%s", why.message);
}
