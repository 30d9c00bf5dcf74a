/* nba state: what the engine remembers, read-only. */
#include <stdio.h>
#include <string.h>

#include "commands_internal.h"
#include "json_text.h"
#include "nba/app/workplace.h"
#include "nba/base/hash.h"
#include "state_view.h"

#define OUTPUT_BYTES_MAX (16u << 20)

struct args {
    struct nba_common common;
    const char *hcp;
};

static const struct nba_option options[] = {
    NBA_COMMON_OPTIONS(struct args, common),
    NBA_OPTION_TEXT(struct args, hcp, "hcp", "ID", "show: the HCP"),
};

static void print_ring(const struct nba_hcp *hcp, struct nba_buf *buf)
{
    nba_json_member(buf, "ring");
    nba_buf_append_byte(buf, '[');
    for (uint32_t i = 0; i < hcp->ring_count; i++) {
        const struct nba_ring_event *event = &hcp->ring[i];
        nba_json_comma(buf);
        nba_buf_append_byte(buf, '{');
        nba_json_member_time(buf, "time", event->time_ms);
        nba_json_member_text(buf, "type",
                             nba_str_of(nba_event_type_name((enum nba_event_type)event->type)));
        nba_json_member(buf, "content_hash");
        nba_buf_printf(buf, "\"%08x\"}", event->content_hash);
    }
    nba_buf_append_byte(buf, ']');
}

static void print_consents(const struct nba_hcp *hcp, struct nba_buf *buf)
{
    nba_json_member(buf, "consents");
    nba_buf_append_byte(buf, '[');
    for (uint32_t i = 0; i < hcp->consent_count; i++) {
        const struct nba_consent *consent = &hcp->consents[i];
        nba_json_comma(buf);
        nba_buf_append_byte(buf, '{');
        nba_json_member_text(buf, "channel", nba_str_of(nba_channel_name(consent->channel)));
        nba_json_member_text(buf, "scope", nba_str_of(nba_consent_scope_name(consent->scope)));
        nba_json_member_text(buf, "scope_id", consent->scope_id);
        nba_json_member_text(buf, "status", nba_str_of(nba_consent_status_name(consent->status)));
        nba_json_member_time(buf, "captured_at", consent->captured_at_ms);
        nba_json_member_time(buf, "expires_at", consent->expires_at_ms);
        nba_json_member_text(buf, "evidence", consent->evidence_event_id);
        nba_buf_append_byte(buf, '}');
    }
    nba_buf_append_byte(buf, ']');
}

static void print_actions(const struct nba_hcp *hcp, struct nba_buf *buf)
{
    nba_json_member(buf, "open_actions");
    nba_buf_append_byte(buf, '[');
    for (uint32_t i = 0; i < hcp->action_count; i++) {
        const struct nba_open_action *action = &hcp->actions[i];
        nba_json_comma(buf);
        nba_buf_append_byte(buf, '{');
        nba_json_member_text(buf, "action_id", action->action_id);
        nba_json_member_text(buf, "content_id", action->content_id);
        nba_json_member_text(buf, "channel", nba_str_of(nba_channel_name(action->channel)));
        nba_json_member_time(buf, "proposed_at", action->proposed_at_ms);
        nba_json_member_time(buf, "expires_at", action->expires_at_ms);
        nba_json_member_number(buf, "priority", action->priority);
        nba_buf_append_byte(buf, '}');
    }
    nba_buf_append_byte(buf, ']');
}

static void print_profile(const struct nba_hcp *hcp, struct nba_buf *buf)
{
    const struct nba_hcp_profile *profile = &hcp->profile;
    nba_json_member(buf, "profile");
    nba_buf_append_byte(buf, '{');
    nba_json_member_text(buf, "market", profile->market);
    nba_json_member_text(buf, "region", profile->region);
    nba_json_member_text(buf, "tz", profile->tz);
    nba_json_member_text(buf, "language", profile->language);
    nba_json_member_text(buf, "rep_id", profile->rep_id);
    nba_json_member(buf, "specialties");
    nba_buf_append_byte(buf, '[');
    for (uint32_t i = 0; i < profile->specialty_count; i++) {
        nba_json_comma(buf);
        nba_json_text(buf, profile->specialties[i]);
    }
    nba_buf_append_str(buf, nba_str_of("]}"));
}

static void print_hcp(const struct nba_hcp *hcp, struct nba_buf *buf)
{
    nba_buf_append_byte(buf, '{');
    nba_json_member_text(buf, "hcp_id", hcp->hcp_id);
    nba_json_member_number(buf, "engagements", (double)hcp->pushed);
    nba_json_member_number(buf, "touches", (double)hcp->touches);
    nba_json_member_time(buf, "first_event", hcp->first_event_ms);
    nba_json_member_time(buf, "last_event", hcp->last_event_ms);
    print_profile(hcp, buf);
    print_consents(hcp, buf);
    print_actions(hcp, buf);
    print_ring(hcp, buf);
    nba_buf_append_str(buf, nba_str_of("}\n"));
}

static enum nba_status show(const struct args *args, struct nba_state_view *view,
                            struct nba_buf *buf, struct nba_error *error)
{
    struct nba_arena arena;
    struct nba_hcp hcp;
    bool found = false;
    if (args->hcp == NULL) {
        return nba_error_set(error, NBA_E_USAGE, "--hcp: expected the id of an HCP to show");
    }
    nba_arena_init(&arena, 4u << 20);
    enum nba_status status =
        nba_state_store_read_hcp(view->store, nba_str_of(args->hcp), &arena, &hcp, &found, error);
    if (status == NBA_OK && !found) {
        status = nba_error_set(error, NBA_E_NOT_FOUND, "no state of HCP '%s'", args->hcp);
    }
    if (status == NBA_OK) {
        print_hcp(&hcp, buf);
    }
    nba_arena_clear(&arena);
    return status;
}

static void list(struct nba_state_view *view, struct nba_buf *buf)
{
    for (size_t i = 0; i < view->task_count; i++) {
        const struct nba_meta *meta = nba_task_committed_meta(view->tasks[i]);
        nba_buf_append_byte(buf, '{');
        nba_json_member_number(buf, "partition", nba_task_partition(view->tasks[i]));
        nba_json_member_number(buf, "input_next", (double)meta->input_next);
        nba_json_member_number(buf, "changelog_next", (double)meta->changelog_next);
        nba_json_member_number(buf, "transactions", (double)meta->txn_seq);
        nba_json_member_time(buf, "watermark", meta->watermark_ms);
        nba_json_member_text(buf, "policy", nba_str_of(meta->policy_version));
        nba_json_member_text(buf, "release", nba_str_of(meta->release_champion));
        nba_buf_append_str(buf, nba_str_of("}\n"));
    }
}

static int run(const struct nba_command *command, int argc, char **argv)
{
    struct args args = {.hcp = NULL};
    struct nba_operands operands;
    struct nba_error error = {0};
    struct nba_config config;
    static struct nba_state_view view;
    struct nba_buf buf;
    char hash[NBA_SHA256_TEXT_BYTES];
    int code = 0;
    if (!nba_command_parse(command, argc, argv, &args, &operands, &code)) {
        return code;
    }
    const char *what = operands.items[0];
    if (strcmp(what, "show") != 0 && strcmp(what, "list") != 0 && strcmp(what, "hash") != 0) {
        return nba_command_fail_with(NBA_E_USAGE, "expected show, list or hash, got '%s'", what);
    }
    enum nba_status status = nba_common_config(&args.common, &config, &error);
    if (status != NBA_OK) {
        return nba_command_fail(&error);
    }
    nba_buf_init(&buf, OUTPUT_BYTES_MAX);
    status = nba_state_view_open(&config, &view, &error);
    if (status == NBA_OK) {
        if (strcmp(what, "show") == 0) {
            status = show(&args, &view, &buf, &error);
        } else if (strcmp(what, "list") == 0) {
            list(&view, &buf);
        } else {
            status = nba_state_store_hash(view.store, hash, &error);
            nba_buf_printf(&buf, "state %s\n", hash);
        }
        nba_state_view_close(&view);
    }
    code = status == NBA_OK ? nba_command_print(&buf) : nba_command_fail(&error);
    nba_buf_clear(&buf);
    nba_config_clear(&config);
    return code;
}

const struct nba_command nba_command_state = {
    .name = "state",
    .summary = "what the engine remembers: one HCP, the partitions, or a hash of it all",
    .operands = "show|list|hash",
    .about =
        "Reads the state folder (state.dir) without changing it, also while `nba run` writes.\n"
        "hash is the SHA-256 over all HCP and rep records in key order, whatever the number of\n"
        "partitions: equal states have equal hashes.",
    .examples = "nba state show --hcp hcp-0001\n"
                "nba state list\n"
                "nba state hash",
    .options = options,
    .option_count = NBA_ARRAY_COUNT(options),
    .operands_min = 1,
    .operands_max = 1,
    .run = run,
};
