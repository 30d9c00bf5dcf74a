/* nba state: what the engine remembers: looked at, saved and put back. */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "json_text.h"
#include "nba/app/command.h"
#include "nba/base/file.h"
#include "nba/base/hash.h"
#include "nba/engine/engine.h"
#include "state_view.h"

#define BACKUP_PAUSES 600 /* 30 s; an instance looks ten times a second */

static struct {
    const char *hcp;
} args;

static const struct nba_option options[] = {
    NBA_OPTION_TEXT(&args.hcp, "hcp", "ID", "show: the HCP"),
    {0},
};

static void print_profile(const struct nba_hcp_profile *profile, struct nba_buf *buf)
{
    nba_json_open(buf, "profile", '{');
    nba_json_text(buf, "market", profile->market);
    nba_json_text(buf, "region", profile->region);
    nba_json_text(buf, "tz", profile->tz);
    nba_json_text(buf, "language", profile->language);
    nba_json_text(buf, "rep_id", profile->rep_id);
    nba_json_open(buf, "specialties", '[');
    for (uint32_t i = 0; i < profile->specialty_count; i++) {
        nba_json_text(buf, NULL, profile->specialties[i]);
    }
    nba_buf_append_str(buf, nba_str_of("]}"));
}

static void print_consents(const struct nba_hcp *hcp, struct nba_buf *buf)
{
    nba_json_open(buf, "consents", '[');
    for (uint32_t i = 0; i < hcp->consent_count; i++) {
        const struct nba_consent *consent = &hcp->consents[i];
        nba_json_open(buf, NULL, '{');
        nba_json_word(buf, "channel", nba_channel_name(consent->channel));
        nba_json_word(buf, "scope", nba_consent_scope_name(consent->scope));
        nba_json_text(buf, "scope_id", consent->scope_id);
        nba_json_word(buf, "status", nba_consent_status_name(consent->status));
        nba_json_time(buf, "captured_at", consent->captured_at_ms);
        nba_json_time(buf, "expires_at", consent->expires_at_ms);
        nba_json_text(buf, "evidence", consent->evidence_event_id);
        nba_buf_append_byte(buf, '}');
    }
    nba_buf_append_byte(buf, ']');
}

static void print_actions(const struct nba_hcp *hcp, struct nba_buf *buf)
{
    nba_json_open(buf, "open_actions", '[');
    for (uint32_t i = 0; i < hcp->action_count; i++) {
        const struct nba_open_action *action = &hcp->actions[i];
        nba_json_open(buf, NULL, '{');
        nba_json_text(buf, "action_id", action->action_id);
        nba_json_text(buf, "content_id", action->content_id);
        nba_json_word(buf, "channel", nba_channel_name(action->channel));
        nba_json_time(buf, "proposed_at", action->proposed_at_ms);
        nba_json_time(buf, "expires_at", action->expires_at_ms);
        nba_json_number(buf, "priority", action->priority);
        if ((action->flags & NBA_OPEN_ACTION_GHOST) != 0) {
            nba_json_word(buf, "ghost", "control group, nobody was told");
        }
        nba_buf_append_byte(buf, '}');
    }
    nba_buf_append_byte(buf, ']');
}

/* Ids stand as hashes there: `key` is that of action_id, else of message_id or call_id. */
static void print_ledger(const struct nba_hcp *hcp, struct nba_buf *buf)
{
    nba_json_open(buf, "ledger", '[');
    for (uint32_t i = 0; i < hcp->ledger_count; i++) {
        const struct nba_ledger_entry *contact = &hcp->ledger[i];
        nba_json_open(buf, NULL, '{');
        nba_json_word(buf, "channel", nba_channel_name(contact->channel));
        nba_json_word(buf, "state", contact->committed ? "committed" : "reserved");
        nba_json_time(buf, "time", contact->time_ms);
        nba_json_time(buf, "expires_at", contact->expires_at_ms);
        nba_json_text(buf, "evidence", contact->evidence_event_id);
        if (contact->ghost) {
            nba_json_word(buf, "ghost", "control group, nobody was told");
        }
        nba_buf_printf(buf, ",\"key\":\"%08x\"}",
                       contact->action_key != 0 ? contact->action_key : contact->message_key);
    }
    nba_buf_append_byte(buf, ']');
}

static void print_hcp(const struct nba_hcp *hcp, struct nba_buf *buf)
{
    nba_json_open(buf, NULL, '{');
    nba_json_text(buf, "hcp_id", hcp->hcp_id);
    nba_json_number(buf, "engagements", (double)hcp->pushed);
    nba_json_number(buf, "touches", (double)hcp->touches);
    nba_json_time(buf, "first_event", hcp->first_event_ms);
    nba_json_time(buf, "last_event", hcp->last_event_ms);
    print_profile(&hcp->profile, buf);
    print_consents(hcp, buf);
    print_actions(hcp, buf);
    print_ledger(hcp, buf);
    nba_json_open(buf, "ring", '[');
    for (uint32_t i = 0; i < hcp->ring_count; i++) {
        nba_json_open(buf, NULL, '{');
        nba_json_time(buf, "time", hcp->ring[i].time_ms);
        nba_json_word(buf, "type", nba_event_type_name((enum nba_event_type)hcp->ring[i].type));
        nba_buf_printf(buf, ",\"content_hash\":\"%08x\"}", hcp->ring[i].content_hash);
    }
    nba_buf_append_str(buf, nba_str_of("]}\n"));
}

static enum nba_status show(struct nba_workplace *place, struct nba_state_view *view,
                            struct nba_error *error)
{
    static struct nba_hcp hcp;
    if (args.hcp == NULL) {
        return nba_error_set(error, NBA_E_USAGE, "--hcp: expected the id of an HCP to show");
    }
    const enum nba_status status = nba_state_view_hcp(view, args.hcp, &place->arena, &hcp, error);
    if (status == NBA_OK) {
        print_hcp(&hcp, &place->out);
    }
    return status;
}

static void list(const struct nba_state_view *view, struct nba_buf *buf)
{
    for (size_t i = 0; i < view->task_count; i++) {
        const struct nba_meta *meta = nba_task_committed_meta(view->tasks[i]);
        nba_json_open(buf, NULL, '{');
        nba_json_number(buf, "partition", nba_task_partition(view->tasks[i]));
        nba_json_number(buf, "input_next", (double)meta->input_next);
        nba_json_number(buf, "changelog_next", (double)meta->changelog_next);
        nba_json_number(buf, "transactions", (double)meta->txn_seq);
        nba_json_time(buf, "watermark", meta->watermark_ms);
        nba_json_text(buf, "policy", nba_str_of(meta->policy_version));
        nba_json_text(buf, "release", nba_str_of(meta->release_champion));
        nba_buf_append_str(buf, nba_str_of("}\n"));
    }
}

/* ---- backup and restore: a backup is a state folder like another ---- */

/* Only the process that writes a store can make a checkpoint of it. */
static enum nba_status ask_instance(const char *state_dir, const char *folder,
                                    struct nba_error *error)
{
    const struct timespec pause = {0, 50000000};
    char request[NBA_PATH_BYTES_MAX];
    char taken[NBA_PATH_BYTES_MAX];
    (void)snprintf(taken, sizeof(taken), "%s/" NBA_ENGINE_BACKUP_TAKEN, state_dir);
    (void)snprintf(request, sizeof(request), "%s/" NBA_ENGINE_BACKUP_REQUEST, state_dir);
    enum nba_status status = nba_file_write(request, nba_str_of(folder), error);
    if (status != NBA_OK) {
        return status;
    }
    for (int waited = 0; nba_file_exists(request) && waited < BACKUP_PAUSES; waited++) {
        (void)nanosleep(&pause, NULL);
    }
    if (remove(request) == 0) {
        return nba_error_set(error, NBA_E_TIMEOUT, "no instance answered in 30 s");
    }
    while (nba_file_exists(taken)) { /* a copy to another disk takes what it takes */
        (void)nanosleep(&pause, NULL);
    }
    return nba_file_exists(folder)
               ? NBA_OK
               : nba_error_set(error, NBA_E_IO, "the instance could not: its log says why");
}

/* The store of one state folder into another one that has none. */
static enum nba_status copy_store(const struct nba_config *config, const char *from, const char *to,
                                  struct nba_error *error)
{
    static struct nba_state_view view;
    struct nba_config source = *config;
    char here[NBA_PATH_BYTES_MAX] = ""; /* another process may stand elsewhere */
    char store[2 * NBA_PATH_BYTES_MAX];
    source.state.dir = (char *)from;
    if (to[0] != '/' && getcwd(here, sizeof(here)) == NULL) {
        return nba_error_set(error, NBA_E_IO, "cannot tell the present folder");
    }
    (void)snprintf(store, sizeof(store), "%s/%s/store", here, to);
    enum nba_status status = nba_file_make_dirs(to, error);
    if (status != NBA_OK) {
        return status;
    }
    if (nba_file_exists(store)) {
        return nba_error_set(error, NBA_E_EXISTS, "'%s' is there already: move it away", store);
    }
    status =
        nba_state_view_open(&source, false, &view, error); /* whole, and of a format we know? */
    nba_state_view_close(&view);
    if (status == NBA_OK) {
        status = nba_state_view_open(&source, true, &view, error);
        if (status == NBA_OK) {
            status = nba_state_store_checkpoint(view.store, store, error);
        } else if (status == NBA_E_BUSY) {
            status = ask_instance(from, store, error);
        }
        nba_state_view_close(&view);
    }
    return status;
}

static enum nba_status copy(struct nba_workplace *place, bool back, struct nba_error *error)
{
    if (place->operands.count != 2) {
        return nba_error_set(error, NBA_E_USAGE, "expected the folder of the backup");
    }
    const char *mine = place->config.state.dir;
    const char *backup = place->operands.items[1];
    const enum nba_status status =
        copy_store(&place->config, back ? backup : mine, back ? mine : backup, error);
    if (status == NBA_OK) {
        nba_buf_printf(&place->out, "%s is in %s now\n", back ? backup : mine,
                       back ? mine : backup);
    }
    return status;
}

static enum nba_status run(struct nba_workplace *place, struct nba_error *error)
{
    static struct nba_state_view view;
    const char *what = place->operands.items[0];
    char hash[NBA_SHA256_TEXT_BYTES];
    if (strcmp(what, "backup") == 0 || strcmp(what, "restore") == 0) {
        return copy(place, what[0] == 'r', error);
    }
    enum nba_status status = nba_state_view_open(&place->config, false, &view, error);
    if (status == NBA_OK && strcmp(what, "show") == 0) {
        status = show(place, &view, error);
    } else if (status == NBA_OK && strcmp(what, "list") == 0) {
        list(&view, &place->out);
    } else if (status == NBA_OK) {
        status = nba_state_store_hash(view.store, hash, error);
        if (status == NBA_OK) {
            nba_buf_printf(&place->out, "state %s\n", hash);
        }
    }
    nba_state_view_close(&view);
    return status;
}

const struct nba_command nba_command_state = {
    .name = "state",
    .summary = "what the engine remembers: one HCP, the partitions, a hash of it all, a backup",
    .operands = "show|list|hash|backup|restore [DIR]",
    .about =
        "show, list and hash read the state folder (state.dir) without changing it, also while\n"
        "`nba run` writes. hash is the SHA-256 over all HCP and rep records in key order,\n"
        "whatever the number of partitions: equal states have equal hashes.\n"
        "backup makes DIR a state folder with a checkpoint of the store: hard links on the same\n"
        "disk, a copy on another. A running instance makes it itself, between two transactions.\n"
        "restore puts it into a state.dir that has no store; the next run reads what came since\n"
        "from the changelog.",
    .examples = "nba state show --hcp hcp-0001\n"
                "nba state list\n"
                "nba state hash\n"
                "nba state backup /backup/monday\n"
                "nba state list --set state.dir=/backup/monday\n"
                "nba state restore /backup/monday",
    .options = options,
    .operands_min = 1,
    .operands_max = 2,
    .run = run,
};
