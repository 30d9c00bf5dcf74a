/*
 * What a decision of the funnel costs: microseconds of CPU, medians of rounds.
 *
 *   bench_policy [rounds]
 *
 * Contents in three channels each, 20 brands with 5 topics, the shipped policy with three limits,
 * an HCP with 20 outcomes and 12 contacts; every candidate gets a reason, the top 50 are ranked
 * with their details.  Measured twice: 3,000 and 510 candidates.  Building the catalogue and
 * binding the funnel are shown too.  So is the size of the record that such a decision leaves, of
 * HCPs with other outcomes and other propensities each: as encoded, and in batches compressed as a
 * producer does (zstd, level 3, Kafka's default).  NBA_BENCH_BARS as tools/bench wants it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "nba/base/file.h"
#include "nba/base/random.h"
#include "nba/codec/encoder.h"
#include "nba/policy/funnel.h"
#ifdef NBA_ZSTD
#include <zstd.h>
#endif

#define RECORDS      200u
#define BATCH        100u /* records: what a linger of some 100 ms collects in a busy partition */
#define DECISIONS    1000u
#define ROUNDS_MAX   101u
#define CONTENTS_MAX 1000u
#define BRANDS       20u
#define TOPICS       5u /* a brand */
#define NOW          INT64_C(1795190400000)

struct bench {
    struct nba_arena arena;   /* of the HCP and the event */
    struct nba_arena scratch; /* of one decision */
    struct nba_policy *policy;
    struct nba_control_state *control;
    struct nba_catalog *catalog;
    struct nba_funnel *funnel;
    struct nba_hcp *hcp;
    double propensity[CONTENTS_MAX * 3];
    double score[CONTENTS_MAX];
    struct nba_score_shares shares;
    uint16_t rescored[CONTENTS_MAX];
    char brands[BRANDS][16];
    char topics[BRANDS * TOPICS][16];
    struct nba_error error;
};

static double cpu_us(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void must(const struct bench *b, enum nba_status status)
{
    if (status != NBA_OK) {
        (void)fprintf(stderr, "bench_policy: %s: %s\n", nba_status_name(status), b->error.message);
        exit(1);
    }
}

static void report(const char *id, double value, double bar, const char *unit)
{
    (void)printf("%-28s %10.2f %s\n", id, value, unit);
    const char *path = getenv("NBA_BENCH_BARS");
    FILE *file = path != NULL ? fopen(path, "a") : NULL;
    if (file != NULL) {
        (void)fprintf(file, "{\"id\": \"%s\", \"value\": %.3f, ", id, value);
        if (bar > 0) {
            (void)fprintf(file, "\"bar\": %.3f, ", bar);
        }
        (void)fprintf(file, "\"unit\": \"%s\", \"better\": \"lower\", \"must\": false}\n", unit);
        (void)fclose(file);
    }
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return (x > y) - (x < y);
}

static void build_catalog(struct bench *b, uint32_t contents)
{
    static const enum nba_channel channels[] = {NBA_CHANNEL_EMAIL, NBA_CHANNEL_REP,
                                                NBA_CHANNEL_WEB};
    static const enum nba_action_type types[] = {NBA_ACTION_TYPE_EMAIL, NBA_ACTION_TYPE_REP_CALL,
                                                 NBA_ACTION_TYPE_PORTAL_CONTENT};
    const struct nba_str markets[] = {nba_str_of("US"), nba_str_of("DE")};
    struct nba_rng rng = nba_rng(7);
    struct nba_catalog_builder *builder = nba_catalog_builder_create();
    const struct nba_reference rep = {
        .kind = NBA_REFERENCE_REP,
        .rep = {.rep_id = nba_str_of("rep-1"), .role = NBA_REP_ROLE_REP}};
    must(b, nba_catalog_builder_apply(builder, &rep, &b->error));
    for (uint32_t i = 0; i < contents; i++) {
        char id[16];
        (void)snprintf(id, sizeof(id), "C%05u", (unsigned)i);
        const uint64_t brand = nba_rng_below(&rng, BRANDS);
        const struct nba_str topic =
            nba_str_of(b->topics[brand * TOPICS + nba_rng_below(&rng, TOPICS)]);
        struct nba_treatment treatments[3];
        for (size_t t = 0; t < 3; t++) {
            treatments[t] = (struct nba_treatment){.channel = channels[t],
                                                   .action_type = types[t],
                                                   .approval_state = NBA_APPROVAL_APPROVED,
                                                   .markets = {markets, i % 3 == 0 ? 2 : 0},
                                                   .effective_from_ms = NBA_TIME_NONE,
                                                   .expires_at_ms = NBA_TIME_NONE,
                                                   .value = 1};
        }
        const struct nba_reference record = {.content = {.content_id = nba_str_of(id),
                                                         .brand = nba_str_of(b->brands[brand]),
                                                         .topic_ids = {&topic, 1},
                                                         .treatments = treatments,
                                                         .treatment_count = 3}};
        must(b, nba_catalog_builder_apply(builder, &record, &b->error));
    }
    const double start = cpu_us();
    must(b, nba_catalog_builder_build(builder, &b->catalog, &b->error));
    report(contents == CONTENTS_MAX ? "catalog_build_1000" : "catalog_build_170", cpu_us() - start,
           0, "us");
    nba_catalog_builder_destroy(builder);
}

static void fill_hcp(struct bench *b)
{
    b->hcp = nba_arena_take(&b->arena, sizeof(*b->hcp));
    if (b->hcp == NULL) {
        must(b, NBA_E_NO_MEMORY);
    }
    nba_hcp_init(b->hcp, nba_str_of("hcp-1"), &b->arena);
    b->hcp->profile.market = nba_str_of("US");
    b->hcp->profile.rep_id = nba_str_of("rep-1");
    b->hcp->profile.specialties[0] = nba_str_of("cardiology");
    b->hcp->profile.specialty_count = 1;
    b->hcp->profile.address[NBA_CHANNEL_EMAIL] = NBA_ADDRESS_OK;
    for (uint32_t i = 0; i < 20; i++) {
        const uint32_t k = i * 7 % b->catalog->content_count;
        b->hcp->outcomes[i] =
            (struct nba_outcome_entry){.family_id = b->catalog->contents[k].family_id,
                                       .topic = nba_str_of(b->topics[i]),
                                       .brand = b->catalog->contents[k].brand,
                                       .outcome = NBA_OUTCOME_OPENED,
                                       .channel = NBA_CHANNEL_EMAIL,
                                       .time_ms = NOW - (int64_t)i * NBA_DAY_MS,
                                       .evidence_event_id = nba_str_of("e-0")};
    }
    b->hcp->outcome_count = 20;
    b->hcp->profile.tz = nba_str_of("America/New_York");
    for (uint32_t i = 0; i < 12; i++) { /* one a month of each brand; the last e-mail is of today */
        const struct nba_ledger_entry contact = {
            .message_key = i + 1,
            .brand_hash = nba_hcp_text_hash(nba_str_of(b->brands[i])),
            .channel = i % 3 == 0 ? NBA_CHANNEL_EMAIL : NBA_CHANNEL_REP,
            .committed = true,
            .time_ms = NOW - (int64_t)i * 5 * NBA_DAY_MS,
            .expires_at_ms = NBA_TIME_NONE,
            .evidence_event_id = nba_str_of("e-0"),
        };
        nba_hcp_ledger_reserve(b->hcp, &contact);
    }
}

/* The shipped policy, and limits behind its suppressions. */
static void load_policy(struct bench *b)
{
    static const char limits[] =
        "  limits:\n"
        "    - {id: brand_7d, per: [hcp, brand], channel: email, max: 1, window: {rolling: P7D}}\n"
        "    - {id: all_7d, per: [hcp], channel: email, max: 2, window: {rolling: P7D}}\n"
        "    - {id: month, per: [hcp], channel: [email, sms, rep], max: 6,"
        " window: {calendar: month, tz: hcp}}\n";
    struct nba_buf file;
    struct nba_buf text;
    nba_buf_init(&file, 1u << 20);
    nba_buf_init(&text, 1u << 20);
    must(b, nba_file_read(NBA_SOURCE_DIR "/config/policy-basic.yaml", &file, &b->error));
    const struct nba_str whole = nba_buf_str(&file);
    size_t at = 0;
    while (at + 13 < whole.bytes && memcmp(whole.data + at, "\narbitration:", 13) != 0) {
        at++;
    }
    nba_buf_append_str(&text, nba_str(whole.data, at));
    nba_buf_append_str(&text, nba_str_of(limits));
    nba_buf_append_str(&text, nba_str(whole.data + at, whole.bytes - at));
    must(b, nba_policy_parse("bench.yaml", nba_buf_str(&text), &b->policy, &b->error));
    nba_buf_clear(&file);
    nba_buf_clear(&text);
}

static void decide(struct bench *b, struct nba_str id, struct nba_decide_result *ret_result)
{
    const struct nba_str topic = nba_str_of(b->topics[3]);
    const struct nba_scores scores = {.propensity = b->propensity,
                                      .candidate_count = b->catalog->candidate_count,
                                      .score = b->score,
                                      .members = {.rescored = b->rescored, .shares = &b->shares},
                                      .content_count = b->catalog->content_count,
                                      .model_version = "bench"};
    const struct nba_event event = {
        .type = NBA_EVENT_PORTAL_CONTENT_VIEWED, .event_id = id, .topic_ids = {&topic, 1}};
    const struct nba_decide_request request = {.scores = &scores,
                                               .hcp = b->hcp,
                                               .event = &event,
                                               .decision_id = id,
                                               .trigger_event_id = event.event_id,
                                               .now_ms = NOW,
                                               .watermark_ms = NOW,
                                               .top_n = 10};
    must(b, nba_funnel_decide(b->funnel, &request, &b->scratch, ret_result));
}

static double one_round(struct bench *b)
{
    const double start = cpu_us();
    for (uint32_t i = 0; i < DECISIONS; i++) {
        struct nba_decide_result result;
        decide(b, nba_str_of("dec:bench#e-1"), &result);
        nba_arena_reset(&b->scratch);
    }
    return (cpu_us() - start) / DECISIONS;
}

static void score_at_random(struct bench *b, struct nba_rng *rng)
{
    for (uint32_t c = 0; c < b->catalog->candidate_count; c++) {
        b->propensity[c] = nba_round9(nba_rng_double(rng) * 0.3);
    }
}

/* Bytes of a batch; what isn't compressed where there is no zstd. */
static size_t compressed(const char *data, size_t bytes)
{
#ifdef NBA_ZSTD
    char *packed = malloc(ZSTD_compressBound(bytes));
    const size_t size =
        packed != NULL ? ZSTD_compress(packed, ZSTD_compressBound(bytes), data, bytes, 3) : 0;
    free(packed);
    return size;
#else
    (void)data;
    return bytes;
#endif
}

static void bench_record(struct bench *b, struct nba_rng *rng)
{
    struct nba_schemas *schemas = NULL;
    struct nba_buf buf;
    size_t ends[RECORDS + 1] = {0};
    size_t alone = 0;
    size_t batches = 0;
    nba_buf_init(&buf, 64u << 20);
    must(b, nba_schemas_load(NBA_SOURCE_DIR "/schemas", &schemas, &b->error));
    for (uint32_t i = 0; i < RECORDS; i++) {
        char id[32];
        struct nba_decide_result result;
        score_at_random(b, rng);
        for (uint32_t o = 0; o < b->hcp->outcome_count; o++) {
            const struct nba_content *content =
                &b->catalog->contents[nba_rng_below(rng, b->catalog->content_count)];
            b->hcp->outcomes[o].family_id = content->family_id;
            b->hcp->outcomes[o].topic = content->topic_ids.items[0];
            b->hcp->outcomes[o].brand = content->brand;
        }
        (void)snprintf(id, sizeof(id), "dec:bench#e-%u", (unsigned)i);
        decide(b, nba_str_of(id), &result);
        nba_encode_decision(schemas, &result.decision, &buf);
        nba_arena_reset(&b->scratch);
        ends[i + 1] = nba_buf_str(&buf).bytes;
        alone += compressed(nba_buf_str(&buf).data + ends[i], ends[i + 1] - ends[i]);
    }
    for (uint32_t i = 0; i < RECORDS; i += BATCH) {
        batches += compressed(nba_buf_str(&buf).data + ends[i], ends[i + BATCH] - ends[i]);
    }
    report("record_3000_encoded", (double)ends[RECORDS] / RECORDS / 1000, 0, "KB");
#ifdef NBA_ZSTD
    report("record_3000_zstd_alone", (double)alone / RECORDS / 1000, 0, "KB");
    report("record_3000_zstd_batch", (double)batches / RECORDS / 1000, 0.8, "KB");
#else
    (void)fprintf(stderr, "bench_policy: built without zstd: no size of compressed records\n");
#endif
    nba_schemas_destroy(schemas);
    nba_buf_clear(&buf);
}

static void bench_size(struct bench *b, const char *id, uint32_t contents, size_t rounds,
                       double bar)
{
    double times[ROUNDS_MAX];
    struct nba_rng rng = nba_rng(3);
    build_catalog(b, contents);
    const double start = cpu_us();
    must(b, nba_funnel_create(b->policy, b->catalog, b->control, &b->funnel, &b->error));
    report(contents == CONTENTS_MAX ? "funnel_bind_3000" : "funnel_bind_510", cpu_us() - start, 0,
           "us");
    fill_hcp(b);
    b->shares = (struct nba_score_shares){{0.5, 0.3}};
    score_at_random(b, &rng);
    for (uint32_t k = 0; k < contents; k++) {
        b->score[k] = nba_rng_double(&rng);
        b->rescored[k] = 1;
    }
    for (size_t r = 0; r < rounds; r++) {
        times[r] = one_round(b);
    }
    qsort(times, rounds, sizeof(*times), by_value);
    report(id, times[rounds / 2], bar, "us");
    if (contents == CONTENTS_MAX) {
        bench_record(b, &rng);
    }
    nba_funnel_destroy(b->funnel);
    nba_catalog_unref(b->catalog);
}

int main(int argc, char **argv)
{
    static struct bench b;
    size_t rounds = argc > 1 ? (size_t)strtoul(argv[1], NULL, 10) : 11;
    rounds = rounds > 0 && rounds <= ROUNDS_MAX ? rounds : ROUNDS_MAX;
    nba_arena_init(&b.arena, (size_t)64 << 20);
    nba_arena_init(&b.scratch, (size_t)64 << 20);
    for (unsigned i = 0; i < BRANDS; i++) {
        (void)snprintf(b.brands[i], sizeof(b.brands[i]), "B%u", i);
    }
    for (unsigned i = 0; i < BRANDS * TOPICS; i++) {
        (void)snprintf(b.topics[i], sizeof(b.topics[i]), "t%u", i);
    }
    b.control = nba_control_state_create();
    load_policy(&b);
    bench_size(&b, "decision_3000_candidates", CONTENTS_MAX, rounds, 8.0);
    bench_size(&b, "decision_510_candidates", 170, rounds, 3.0);
    nba_control_state_unref(b.control);
    nba_policy_unref(b.policy);
    nba_arena_clear(&b.arena);
    nba_arena_clear(&b.scratch);
    return 0;
}
