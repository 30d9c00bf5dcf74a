/* nba models: the releases on the shelf, what is in them, and which one serves. */
#include <stdio.h>
#include <string.h>

#include "commands_internal.h"
#include "nba/app/workplace.h"
#include "nba/linalg/kernels.h"
#include "nba/release/release.h"
#include "nba/release/shelf.h"

struct args {
    struct nba_common common;
    bool report;
};

static const struct nba_option options[] = {
    NBA_COMMON_OPTIONS(struct args, common),
    NBA_OPTION_FLAG(struct args, report, "report", "show: also the figures it was judged by"),
};

struct listing {
    const char *folder;
    char champion[NBA_RELEASE_ID_BYTES];
    struct nba_buf buf;
    char ids[NBA_SHELF_RELEASES_MAX][NBA_RELEASE_ID_BYTES];
    unsigned count;
};

static enum nba_status load(const char *folder, const char *id, const struct nba_kernels *kernels,
                            struct nba_release **ret_release, struct nba_error *error)
{
    char path[4096];
    const enum nba_status status = nba_shelf_path(folder, id, path, sizeof(path), error);
    return status == NBA_OK ? nba_release_load(path, kernels, ret_release, error) : status;
}

static void members_of(const struct nba_release *release, struct nba_buf *buf)
{
    const char *between = "";
    for (int m = 0; m < NBA_MEMBER_COUNT; m++) {
        if (nba_release_has(release, (enum nba_fusion_member)m)) {
            nba_buf_printf(buf, "%s%s", between, nba_fusion_member_name((enum nba_fusion_member)m));
            between = ", ";
        }
    }
}

static void keep_id(void *context, const char *id)
{
    struct listing *listing = context;
    if (listing->count < NBA_SHELF_RELEASES_MAX) {
        (void)snprintf(listing->ids[listing->count], NBA_RELEASE_ID_BYTES, "%s", id);
        listing->count++;
    }
}

static void list_one(struct listing *listing, const char *id)
{
    struct nba_error error = {NBA_OK, ""};
    struct nba_release *release = NULL;
    const bool champion = strcmp(id, listing->champion) == 0;
    nba_buf_printf(&listing->buf, "%c %s  ", champion ? '*' : ' ', id);
    if (load(listing->folder, id, NULL, &release, &error) != NBA_OK) {
        nba_buf_printf(&listing->buf, "REFUSED: %s\n", error.message);
        return;
    }
    nba_buf_printf(&listing->buf, "%6u contents  W %2u  ",
                   (unsigned)nba_release_parts(release)->content_count,
                   (unsigned)nba_release_parts(release)->window_events);
    members_of(release, &listing->buf);
    nba_buf_printf(&listing->buf, "\n");
    nba_release_unref(release);
}

static enum nba_status list(const struct nba_config *config, struct nba_error *error)
{
    static struct listing listing; /* 260 KB of ids: too much for the stack */
    memset(&listing, 0, sizeof(listing));
    listing.folder = config->release_dir;
    nba_buf_init(&listing.buf, 4u << 20);
    if (nba_shelf_champion(config->release_dir, listing.champion, NULL) != NBA_OK) {
        listing.champion[0] = '\0';
    }
    enum nba_status status = nba_shelf_list(config->release_dir, keep_id, &listing, error);
    for (unsigned i = 0; i < listing.count && status == NBA_OK; i++) {
        list_one(&listing, listing.ids[i]);
    }
    if (status == NBA_OK) {
        nba_buf_printf(&listing.buf, "%u releases in %s%s\n", listing.count, config->release_dir,
                       listing.champion[0] != '\0' ? ", * is champion" : ", none is champion");
        status = nba_command_print(&listing.buf) == 0
                     ? NBA_OK
                     : nba_error_set(error, NBA_E_IO, "cannot print");
    }
    nba_buf_clear(&listing.buf);
    return status;
}

static enum nba_status show(const struct nba_config *config, const char *id, bool report,
                            struct nba_error *error)
{
    struct nba_release *release = NULL;
    struct nba_buf buf;
    enum nba_status status = load(config->release_dir, id, NULL, &release, error);
    if (status != NBA_OK) {
        return status;
    }
    nba_buf_init(&buf, 16u << 20);
    nba_buf_printf(
        &buf,
        "release     %s\nparent      %s\ncontents    %u\nspecialties %u\nW           %u\n"
        "members     ",
        id,
        nba_str_empty(nba_release_parts(release)->parent) ? "none"
                                                          : nba_release_parts(release)->parent.data,
        (unsigned)nba_release_parts(release)->content_count,
        (unsigned)nba_release_parts(release)->specialty_count,
        (unsigned)nba_release_parts(release)->window_events);
    members_of(release, &buf);
    nba_buf_printf(&buf, "\ntraining    %.*s\n",
                   NBA_STR_ARG(nba_release_parts(release)->training_json));
    if (report) {
        nba_buf_printf(&buf, "report      ");
        status = nba_shelf_document(config->release_dir, id, "report.json", &buf, error);
        nba_buf_printf(&buf, "\n");
    }
    if (status == NBA_OK && nba_command_print(&buf) != 0) {
        status = nba_error_set(error, NBA_E_IO, "cannot print");
    }
    nba_buf_clear(&buf);
    nba_release_unref(release);
    return status;
}

/* Verified whole, with its models bound, before it may serve. */
static enum nba_status release(const struct nba_config *config, const char *id,
                               struct nba_error *error)
{
    struct nba_release *loaded = NULL;
    enum nba_status status = load(config->release_dir, id, nba_kernels_best(), &loaded, error);
    nba_release_unref(loaded);
    if (status == NBA_OK) {
        status = nba_shelf_set_champion(config->release_dir, id, error);
    }
    if (status == NBA_OK) {
        (void)printf("champion %s\n", id);
    }
    return status;
}

static enum nba_status act(const struct args *args, const struct nba_config *config,
                           const struct nba_operands *operands, struct nba_error *error)
{
    const char *verb = operands->count > 0 ? operands->items[0] : "list";
    if (strcmp(verb, "list") == 0 && operands->count <= 1) {
        return list(config, error);
    }
    if (strcmp(verb, "show") == 0 && operands->count == 2) {
        return show(config, operands->items[1], args->report, error);
    }
    if (strcmp(verb, "release") == 0 && operands->count == 2) {
        return release(config, operands->items[1], error);
    }
    return nba_error_set(error, NBA_E_USAGE, "models: expected list, show ID or release ID");
}

static int run(const struct nba_command *command, int argc, char **argv)
{
    struct args args = {.report = false};
    struct nba_operands operands;
    struct nba_error error = {NBA_OK, ""};
    struct nba_config config;
    int code = 0;
    if (!nba_command_parse(command, argc, argv, &args, &operands, &code)) {
        return code;
    }
    if (nba_common_config(&args.common, &config, &error) != NBA_OK) {
        return nba_command_fail(&error);
    }
    const enum nba_status status = act(&args, &config, &operands, &error);
    nba_config_clear(&config);
    return status == NBA_OK ? 0 : nba_command_fail(&error);
}

const struct nba_command nba_command_models = {
    .name = "models",
    .summary = "list releases, show one, choose the one that serves",
    .operands = "[list | show ID | release ID]",
    .about =
        "A release is a folder named by its content. `release` verifies it whole and makes it\n"
        "champion; a running engine adopts it at its next transaction's start. The former one\n"
        "stays on the shelf: releasing it again is the way back.",
    .examples = "nba models\n"
                "nba models show 3f0c... --report\n"
                "nba models release 3f0c...",
    .options = options,
    .option_count = NBA_ARRAY_COUNT(options),
    .operands_max = 2,
    .run = run,
};
