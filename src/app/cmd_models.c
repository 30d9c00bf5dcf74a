/* nba models: the releases on the shelf, what is in them, and which one serves. */
#include <stdio.h>
#include <string.h>

#include "nba/app/command.h"
#include "nba/linalg/kernels.h"
#include "nba/release/shelf.h"
#include "side_loader.h"

static struct {
    bool report;
} args;

static const struct nba_option options[] = {
    NBA_OPTION_FLAG(&args.report, "report", "show: also the figures it was judged by"),
    {0},
};

static void print_members(const struct nba_release *release, struct nba_buf *buf)
{
    const char *between = "";
    for (int m = 0; m < NBA_MEMBER_COUNT; m++) {
        if (nba_release_has(release, (enum nba_fusion_member)m)) {
            nba_buf_printf(buf, "%s%s", between, nba_fusion_member_name((enum nba_fusion_member)m));
            between = ", ";
        }
    }
    nba_buf_append_byte(buf, '\n');
}

struct listing {
    struct nba_workplace *place;
    /* Empty: none. */
    char champion[NBA_RELEASE_ID_BYTES], former[NBA_RELEASE_ID_BYTES];
    char challenger[NBA_RELEASE_ID_BYTES];
    unsigned count;
};

static void list_one(void *context, const char *id)
{
    struct listing *listing = context;
    struct nba_buf *out = &listing->place->out;
    struct nba_error error = {NBA_OK, ""};
    struct nba_release *release = NULL;
    listing->count++;
    nba_buf_printf(out, "%c %s  ",
                   strcmp(id, listing->champion) == 0     ? '*'
                   : strcmp(id, listing->challenger) == 0 ? '+'
                   : strcmp(id, listing->former) == 0     ? '-'
                                                          : ' ',
                   id);
    if (nba_open_release(&listing->place->config, id, NULL, &release, &error) != NBA_OK) {
        nba_buf_printf(out, "REFUSED: %s\n", error.message);
        return;
    }
    const struct nba_release_parts *parts = nba_release_parts(release);
    nba_buf_printf(out, "%6u contents  W %2u  ", (unsigned)parts->content_count,
                   (unsigned)parts->window_events);
    print_members(release, out);
    nba_release_unref(release);
}

static enum nba_status list(struct nba_workplace *place, struct nba_error *error)
{
    const char *dir = place->config.release_dir;
    struct listing listing = {.place = place};
    const bool chosen = nba_shelf_champion(dir, listing.champion, NULL) == NBA_OK;
    const bool had = nba_shelf_former(dir, listing.former, NULL) == NBA_OK;
    const bool challenged = nba_shelf_challenger(dir, listing.challenger, NULL) == NBA_OK;
    const enum nba_status status = nba_shelf_list(dir, list_one, &listing, error);
    if (status == NBA_OK) {
        nba_buf_printf(&place->out, "%u releases in %s, %s%s%s\n", listing.count, dir,
                       chosen ? "* is champion" : "none is champion",
                       challenged ? ", + is challenger" : "", had ? ", - was it before" : "");
    }
    return status;
}

static enum nba_status show(struct nba_workplace *place, const char *id, struct nba_error *error)
{
    struct nba_buf *out = &place->out;
    struct nba_release *release = NULL;
    enum nba_status status = nba_open_release(&place->config, id, NULL, &release, error);
    if (status != NBA_OK) {
        return status;
    }
    const struct nba_release_parts *parts = nba_release_parts(release);
    nba_buf_printf(
        out,
        "release     %s\nparent      %.*s\ncontents    %u\nspecialties %u\nW           %u\n"
        "members     ",
        id, NBA_STR_ARG(nba_str_empty(parts->parent) ? nba_str_of("none") : parts->parent),
        (unsigned)parts->content_count, (unsigned)parts->specialty_count,
        (unsigned)parts->window_events);
    print_members(release, out);
    nba_buf_printf(out, "training    %.*s\n", NBA_STR_ARG(parts->training_json));
    if (args.report) {
        nba_buf_printf(out, "report      ");
        status = nba_shelf_document(place->config.release_dir, id, "report.json", out, error);
        nba_buf_printf(out, "\n");
    }
    nba_release_unref(release);
    return status;
}

/* Verified whole, with its models bound, before it may serve. */
static enum nba_status verify(struct nba_workplace *place, const char *id, struct nba_error *error)
{
    struct nba_release *loaded = NULL;
    const enum nba_status status =
        nba_open_release(&place->config, id, nba_kernels_best(), &loaded, error);
    nba_release_unref(loaded);
    return status;
}

static enum nba_status release(struct nba_workplace *place, const char *id, struct nba_error *error)
{
    enum nba_status status = verify(place, id, error);
    if (status == NBA_OK) {
        status = nba_shelf_set_champion(place->config.release_dir, id, error);
    }
    if (status == NBA_OK) {
        nba_buf_printf(&place->out, "champion %s\n", id);
    }
    return status;
}

static enum nba_status challenge(struct nba_workplace *place, const char *id,
                                 struct nba_error *error)
{
    const bool none = strcmp(id, "none") == 0;
    enum nba_status status = none ? NBA_OK : verify(place, id, error);
    if (status == NBA_OK) {
        status = nba_shelf_set_challenger(place->config.release_dir, none ? NULL : id, error);
    }
    if (status == NBA_OK) {
        nba_buf_printf(&place->out, "challenger %s\n", id);
    }
    return status;
}

/* Back and forth: the champion that is left becomes the former one. */
static enum nba_status rollback(struct nba_workplace *place, struct nba_error *error)
{
    char id[NBA_RELEASE_ID_BYTES];
    const enum nba_status status = nba_shelf_former(place->config.release_dir, id, error);
    return status == NBA_OK ? release(place, id, error) : status;
}

static enum nba_status run(struct nba_workplace *place, struct nba_error *error)
{
    const char *const *words = place->operands.items;
    const size_t count = place->operands.count;
    if (count == 0 || (strcmp(words[0], "list") == 0 && count == 1)) {
        return list(place, error);
    }
    if (strcmp(words[0], "show") == 0 && count == 2) {
        return show(place, words[1], error);
    }
    if (strcmp(words[0], "release") == 0 && count == 2) {
        return release(place, words[1], error);
    }
    if (strcmp(words[0], "challenge") == 0 && count == 2) {
        return challenge(place, words[1], error);
    }
    if (strcmp(words[0], "rollback") == 0 && count == 1) {
        return rollback(place, error);
    }
    return nba_error_set(
        error, NBA_E_USAGE,
        "models: expected list, show ID, release ID, challenge ID, challenge none or "
        "rollback");
}

const struct nba_command nba_command_models = {
    .name = "models",
    .summary = "list releases, show one, choose the one that serves",
    .operands = "[list | show ID | release ID | challenge ID|none | rollback]",
    .about =
        "A release is a folder named by its content. `release` verifies it whole and makes it\n"
        "champion; a running engine adopts it at its next transaction's start. `rollback` makes\n"
        "the champion before it champion again, in the same way. `challenge` lets a release serve\n"
        "the HCPs of the policy's arm `challenger` beside the champion; `none` ends that.",
    .examples = "nba models\n"
                "nba models show 3f0c... --report\n"
                "nba models release 3f0c...\n"
                "nba models challenge 77aa...\n"
                "nba models rollback",
    .options = options,
    .operands_max = 2,
    .run = run,
};
