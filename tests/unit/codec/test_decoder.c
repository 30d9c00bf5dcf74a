#include "nba_test.h"

#include <pthread.h>

#include "nba/base/limits.h"
#include "nba/codec/decoder.h"
#include "nba/codec/encoder.h"
#include "samples.h"

struct fixture {
    struct nba_schemas *schemas;
    struct nba_decoder *decoder;
    struct nba_arena arena;
    struct nba_buf buf;
    struct nba_error error;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    if (nba_schemas_load(NBA_SOURCE_DIR "/schemas", &f->schemas, &f->error) != NBA_OK) {
        print_error("%s\n", f->error.message);
        return 1;
    }
    f->decoder = nba_decoder_create(f->schemas);
    nba_arena_init(&f->arena, (size_t)64 * 1024 * 1024);
    nba_buf_init(&f->buf, NBA_RECORD_BYTES_MAX);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    nba_buf_clear(&f->buf);
    nba_arena_clear(&f->arena);
    nba_decoder_destroy(f->decoder);
    nba_schemas_destroy(f->schemas);
    free(f);
    return 0;
}

static struct nba_str encoded_event(struct fixture *f)
{
    const struct nba_event event = sample_event();
    nba_buf_reset(&f->buf);
    nba_encode_event(f->schemas, &event, &f->buf);
    assert_false(f->buf.failed);
    return nba_buf_str(&f->buf);
}

/* A value is read back equal when writing it again gives the same bytes. */
#define ASSERT_ROUND_TRIP(f, noun, first)                                                        \
    do {                                                                                         \
        struct nba_##noun again;                                                                 \
        struct nba_buf other;                                                                    \
        nba_buf_init(&other, NBA_RECORD_BYTES_MAX);                                              \
        nba_buf_reset(&(f)->buf);                                                                \
        nba_encode_##noun((f)->schemas, first, &(f)->buf);                                       \
        assert_false((f)->buf.failed);                                                           \
        assert_string_equal(nba_decode_##noun((f)->decoder, nba_buf_str(&(f)->buf), &(f)->arena, \
                                              &again, &(f)->error) == NBA_OK                     \
                                ? ""                                                             \
                                : (f)->error.message,                                            \
                            "");                                                                 \
        nba_encode_##noun((f)->schemas, &again, &other);                                         \
        assert_int_equal(other.bytes, (f)->buf.bytes);                                           \
        assert_memory_equal(other.data, (f)->buf.data, other.bytes);                             \
        nba_buf_clear(&other);                                                                   \
    } while (0)

static void test_a_full_event_is_read_back_field_by_field(void **state)
{
    struct fixture *f = *state;
    const struct nba_event in = sample_event();
    struct nba_event out;
    assert_int_equal(nba_decode_event(f->decoder, encoded_event(f), &f->arena, &out, &f->error),
                     NBA_OK);
    assert_int_equal(out.type, NBA_EVENT_PROFILE_UPDATED);
    assert_int_equal(out.channel, NBA_CHANNEL_SMS);
    assert_int_equal(out.bot, NBA_BOT_GMAIL);
    assert_int_equal(out.bounce_class, NBA_BOUNCE_SOFT);
    assert_int_equal(out.scope_type, NBA_CONSENT_SCOPE_BRAND);
    assert_int_equal(out.status, NBA_CONSENT_STATUS_OPT_OUT);
    assert_int_equal(out.event_time_ms, in.event_time_ms);
    assert_int_equal(out.recorded_time_ms, in.recorded_time_ms);
    assert_int_equal(out.captured_at_ms, in.captured_at_ms);
    assert_int_equal(out.expires_at_ms, in.expires_at_ms);
    assert_str_equal(out.event_id, "ev-1");
    assert_str_equal(out.source, "crm");
    assert_str_equal(out.tenant_id, "acme");
    assert_str_equal(out.hcp_id, "hcp-0001");
    assert_str_equal(out.market, "US");
    assert_str_equal(out.brand, "CARDIOX");
    assert_str_equal(out.campaign_id, "camp-1");
    assert_str_equal(out.content_id, "CX-EM-010");
    assert_int_equal(out.topic_ids.count, 2);
    assert_str_equal(out.topic_ids.items[1], "copd");
    assert_str_equal(out.action_id, "dec:crm#ev-0:1");
    assert_str_equal(out.message_id, "m-10");
    assert_str_equal(out.session_id, "s-1");
    assert_str_equal(out.device, "mobile");
    assert_str_equal(out.region, "CA");
    assert_str_equal(out.scope_id, "PULMOVA");
    assert_str_equal(out.rep_id, "rep-21");
    assert_str_equal(out.call_id, "call-1");
    assert_str_equal(out.link_id, "link-1");
    assert_str_equal(out.hcp_event_id, "webinar-1");
    assert_str_equal(out.dismiss_reason, "not relevant");
    assert_str_equal(out.goal, "rx");
    assert_str_equal(out.currency, "EUR");
    assert_str_equal(out.text, "thank you");
    assert_str_equal(out.language, "en");
    assert_str_equal(out.from_hcp_id, "hcp-2");
    assert_str_equal(out.to_hcp_id, "hcp-3");
    assert_str_equal(out.request_id, "gdpr-1");
    assert_int_equal(out.reaction, -1);
    assert_int_equal(out.rank, 3);
    assert_true(out.dwell_s == 12.5 && out.duration_s == 600 && out.minutes == 45);
    assert_true(out.value == 99.75 && out.rating == 4.5);
    assert_int_equal(out.attribute_count, 2);
    assert_str_equal(out.attributes[1].name, "b");
    assert_str_equal(out.attributes[1].value, "\xc3\xa4");
}

static void test_a_profile_tells_absent_facts_from_empty_ones(void **state)
{
    struct fixture *f = *state;
    struct nba_event out;
    assert_int_equal(nba_decode_event(f->decoder, encoded_event(f), &f->arena, &out, &f->error),
                     NBA_OK);
    const struct nba_profile *profile = out.profile;
    assert_non_null(profile);
    assert_str_equal(profile->market, "DE");
    assert_str_equal(profile->region, "BY");
    assert_str_equal(profile->tz, "Europe/Berlin");
    assert_str_equal(profile->language, "de");
    assert_true(profile->has_specialties);
    assert_int_equal(profile->specialties.count, 1);
    assert_str_equal(profile->specialties.items[0], "cardiology");
    assert_false(profile->has_interests);
    assert_true(profile->has_registered_events);
    assert_int_equal(profile->registered_events.count, 0);
    assert_true(profile->has_open_complaint);
    assert_false(profile->open_complaint);
    assert_str_equal(profile->rep_id, "rep-17");
    assert_str_equal(profile->msl_id, "msl-3");
    assert_str_equal(profile->territory_id, "T-9");
    assert_int_equal(profile->address[NBA_CHANNEL_EMAIL], NBA_ADDRESS_OK);
    assert_int_equal(profile->address[NBA_CHANNEL_REP], NBA_ADDRESS_NONE);
    assert_int_equal(profile->address[NBA_CHANNEL_WEB], NBA_ADDRESS_ABSENT);
    assert_int_equal(profile->address[NBA_CHANNEL_SMS], NBA_ADDRESS_BOUNCED);
    assert_str_equal(profile->npi, "1234567893");
    assert_str_equal(profile->onekey_id, "WDE123");
    assert_str_equal(profile->veeva_id, "V0K");
}

static void test_an_empty_event_has_absent_values_throughout(void **state)
{
    struct fixture *f = *state;
    struct nba_event in = {.type = NBA_EVENT_CONTROL_TICK,
                           .event_time_ms = 5,
                           .recorded_time_ms = NBA_TIME_NONE,
                           .captured_at_ms = NBA_TIME_NONE,
                           .expires_at_ms = NBA_TIME_NONE};
    struct nba_event out;
    nba_buf_reset(&f->buf);
    nba_encode_event(f->schemas, &in, &f->buf);
    assert_int_equal(nba_decode_event(f->decoder, nba_buf_str(&f->buf), &f->arena, &out, &f->error),
                     NBA_OK);
    assert_int_equal(out.recorded_time_ms, NBA_TIME_NONE);
    assert_int_equal(out.captured_at_ms, NBA_TIME_NONE);
    assert_int_equal(out.expires_at_ms, NBA_TIME_NONE);
    assert_null(out.profile);
    assert_int_equal(out.hcp_id.bytes, 0);
    assert_int_equal(out.topic_ids.count, 0);
    assert_int_equal(out.attribute_count, 0);
    assert_int_equal(out.bot, NBA_BOT_NONE);
    assert_true(out.value == 0);
}

static void test_every_message_is_read_back_as_it_was_written(void **state)
{
    struct fixture *f = *state;
    const struct nba_event event = sample_event();
    const struct nba_action action = sample_action();
    const struct nba_reference content = sample_content();
    const struct nba_slate slate = sample_slate(&action);
    const struct nba_decision decision = sample_decision(&action);
    const struct nba_absence absences[] = {{1, 2}, {3, 4}};
    const struct nba_reference rep = {.kind = NBA_REFERENCE_REP,
                                      .campaign = {.start_ms = NBA_TIME_NONE},
                                      .rep = {.rep_id = T("rep-17"),
                                              .tz = T("America/New_York"),
                                              .territory_id = T("T-9"),
                                              .role = NBA_REP_ROLE_MSL,
                                              .absences = absences,
                                              .absence_count = 2}};
    const struct nba_reference campaign = {.kind = NBA_REFERENCE_CAMPAIGN,
                                           .campaign = {.campaign_id = T("c"),
                                                        .brand = T("b"),
                                                        .goal = T("g"),
                                                        .start_ms = 1,
                                                        .end_ms = NBA_TIME_NONE}};
    const struct nba_control control = {.kind = NBA_CONTROL_EXCLUDE,
                                        .id = T("c-1"),
                                        .target = T("CX-EM-013"),
                                        .scope = T("content"),
                                        .reason = T("DHPC pending"),
                                        .by = T("jdoe"),
                                        .time_ms = 7,
                                        .until_ms = 8};
    const struct nba_journal journal = {.input_next = 1,
                                        .catalog_next = 2,
                                        .control_next = 3,
                                        .mailbox_next = 4,
                                        .policy_hash = T("h"),
                                        .policy_version = T("v"),
                                        .release_champion = T("r"),
                                        .release_challenger = T("s"),
                                        .tzdata_version = T("2026a"),
                                        .wall_clock_ms = NBA_TIME_NONE};
    ASSERT_ROUND_TRIP(f, event, &event);
    ASSERT_ROUND_TRIP(f, action, &action);
    ASSERT_ROUND_TRIP(f, reference, &content);
    ASSERT_ROUND_TRIP(f, reference, &rep);
    ASSERT_ROUND_TRIP(f, reference, &campaign);
    ASSERT_ROUND_TRIP(f, control, &control);
    ASSERT_ROUND_TRIP(f, journal, &journal);
    ASSERT_ROUND_TRIP(f, slate, &slate);
    ASSERT_ROUND_TRIP(f, decision, &decision);
}

static void test_a_decision_is_read_back_field_by_field(void **state)
{
    struct fixture *f = *state;
    const struct nba_action action = sample_action();
    const struct nba_decision in = sample_decision(&action);
    struct nba_decision out;
    nba_buf_reset(&f->buf);
    nba_encode_decision(f->schemas, &in, &f->buf);
    assert_int_equal(
        nba_decode_decision(f->decoder, nba_buf_str(&f->buf), &f->arena, &out, &f->error), NBA_OK);
    assert_int_equal(out.reason_count[NBA_REASON_REP_CAPACITY], 1);
    assert_int_equal(out.reason_count[NBA_REASON_ELIGIBILITY], 2);
    assert_int_equal(out.reason_count[NBA_REASON_LATE_EVENT], 0);
    assert_int_equal(out.selected_count, 1);
    const struct nba_action *selected = &out.selected[0];
    assert_int_equal(selected->status, NBA_ACTION_RECALLED);
    assert_int_equal(selected->recall_reason, NBA_REASON_CONSENT_REVOKED);
    assert_int_equal(selected->driver_count, 2);
    assert_int_equal(selected->drivers[1].code, NBA_DRIVER_LEVER);
    assert_int_equal(selected->drivers[0].evidence_event_ids.count, 3);
    assert_str_equal(selected->drivers[0].evidence_event_ids.items[2], "ev-3");
    assert_str_equal(selected->rep_id, "rep-17");
    assert_str_equal(selected->content_id, "CX-RC-001");
    assert_true(selected->lever_weight == 1.1 && selected->control_group);
    assert_int_equal(selected->bucket, 2991);
    assert_int_equal(out.suppressed[0].reason, NBA_REASON_REP_CAPACITY);
    assert_int_equal(out.suppressed[0].until_ms, NBA_TIME_NONE);
    assert_int_equal(out.suppressed[0].retry_after_ms, 1795237200000);
    assert_true(out.suppressed[0].counter == 5);
    assert_true(out.suppressed[0].weight == 1.98F && out.suppressed[0].priority == 0.297F);
    assert_int_equal(out.packed_reason_count, 3);
    assert_int_equal(out.packed_reasons[1].reason, NBA_REASON_REP_CAPACITY);
    assert_int_equal(out.packed_reasons[1].candidates.bytes, 2);
    assert_int_equal((unsigned char)out.packed_reasons[1].candidates.data[0], 255);
    assert_int_equal(out.packed_reasons[2].candidates.bytes, 0);
    /* A map's keys come in bytewise order. */
    assert_str_equal(out.features[0].name, "clicks_30d");
    assert_str_equal(out.features[1].name, "recency_days");
    assert_true(out.features[1].value == 3.5);
}

static void test_a_slate_keeps_a_probability_of_zero_apart_from_none(void **state)
{
    struct fixture *f = *state;
    const struct nba_action action = sample_action();
    const struct nba_slate in = sample_slate(&action);
    struct nba_slate out;
    nba_buf_reset(&f->buf);
    nba_encode_slate(f->schemas, &in, &f->buf);
    assert_int_equal(nba_decode_slate(f->decoder, nba_buf_str(&f->buf), &f->arena, &out, &f->error),
                     NBA_OK);
    assert_true(out.channel_present[NBA_CHANNEL_EMAIL] && out.channel_present[NBA_CHANNEL_WEB]);
    assert_false(out.channel_present[NBA_CHANNEL_REP]);
    assert_true(out.channel_probability[NBA_CHANNEL_WEB] == 0.25);
    assert_int_equal(out.top_contents[1].first_failed, NBA_REASON_FREQUENCY_CAP);
    assert_true(out.top_contents[0].share_ncf == 0.75);
    assert_true(out.top_contents[0].share_ease == 0.125);
    assert_true(out.top_contents[0].share_rules == -0.25);
}

/* The bytes are copied to a block of their own size, so that ASan sees a read one byte too far. */
static enum nba_status decode_exactly(struct fixture *f, const char *data, size_t bytes)
{
    char *copy = malloc(bytes != 0 ? bytes : 1);
    assert_non_null(copy);
    if (bytes != 0) {
        memcpy(copy, data, bytes);
    }
    struct nba_event out;
    nba_arena_reset(&f->arena);
    const enum nba_status status = nba_decode_event(
        f->decoder, nba_str(bytes != 0 ? copy : NULL, bytes), &f->arena, &out, &f->error);
    free(copy);
    return status;
}

static void test_an_event_cut_at_any_byte_is_refused(void **state)
{
    struct fixture *f = *state;
    const struct nba_str value = encoded_event(f);
    for (size_t bytes = 0; bytes < value.bytes; bytes++) {
        assert_int_equal(decode_exactly(f, value.data, bytes), NBA_E_TRUNCATED);
    }
    assert_int_equal(decode_exactly(f, value.data, value.bytes), NBA_OK);
}

static void test_an_event_with_bytes_left_over_is_refused(void **state)
{
    struct fixture *f = *state;
    (void)encoded_event(f);
    nba_buf_append_byte(&f->buf, 0);
    assert_int_equal(decode_exactly(f, (const char *)f->buf.data, f->buf.bytes), NBA_E_NOT_AVRO);
}

static void test_any_byte_changed_never_crashes_and_always_has_a_status_of_class_skip(void **state)
{
    struct fixture *f = *state;
    char bytes[2048];
    const struct nba_str value = encoded_event(f);
    assert_true(value.bytes < sizeof(bytes));
    for (size_t i = 0; i < value.bytes; i++) {
        for (unsigned flip = 1; flip < 256; flip++) {
            memcpy(bytes, value.data, value.bytes);
            bytes[i] = (char)((unsigned char)bytes[i] ^ flip);
            const enum nba_status status = decode_exactly(f, bytes, value.bytes);
            assert_true(status == NBA_OK || nba_status_class(status) == NBA_CLASS_SKIP);
        }
    }
}

static void test_heads_that_are_no_heads_have_each_their_own_status(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(decode_exactly(f, "", 0), NBA_E_TRUNCATED);
    assert_int_equal(decode_exactly(f, "{", 1), NBA_E_NOT_AVRO);
    assert_int_equal(decode_exactly(f, "\0\0\0\0", 4), NBA_E_TRUNCATED);
    assert_int_equal(decode_exactly(f, "\0\0\1\0\0", 5), NBA_E_UNKNOWN_SCHEMA_ID);
    /* An action's schema is known, but it is no event. */
    const struct nba_action action = sample_action();
    nba_buf_reset(&f->buf);
    nba_encode_action(f->schemas, &action, &f->buf);
    assert_int_equal(decode_exactly(f, (const char *)f->buf.data, f->buf.bytes),
                     NBA_E_SCHEMA_INCOMPATIBLE);
    uint32_t id = 0;
    assert_true(nba_wire_schema_id(nba_buf_str(&f->buf), &id));
    assert_int_equal(id, nba_schemas_id(f->schemas, NBA_SCHEMA_ACTION));
    assert_false(nba_wire_schema_id(T("{}{}{}"), &id));
}

static void test_an_event_type_outside_the_vocabulary_is_unknown(void **state)
{
    struct fixture *f = *state;
    struct nba_event event = sample_event();
    event.type = NBA_EVENT_UNKNOWN;
    nba_buf_reset(&f->buf);
    nba_encode_event(f->schemas, &event, &f->buf);
    assert_int_equal(decode_exactly(f, (const char *)f->buf.data, f->buf.bytes),
                     NBA_E_UNKNOWN_TYPE);
}

static void test_a_failed_decode_leaves_the_output_as_it_was(void **state)
{
    struct fixture *f = *state;
    struct nba_event out;
    memset(&out, 0x5a, sizeof(out));
    struct nba_event before = out;
    const struct nba_str value = encoded_event(f);
    assert_int_equal(nba_decode_event(f->decoder, nba_str(value.data, value.bytes - 1), &f->arena,
                                      &out, &f->error),
                     NBA_E_TRUNCATED);
    assert_memory_equal(&out, &before, sizeof(out));
}

static void test_a_value_above_the_limit_of_events_is_refused(void **state)
{
    struct fixture *f = *state;
    char *large = calloc(1, NBA_EVENT_BYTES_MAX + 1);
    assert_non_null(large);
    struct nba_event out;
    assert_int_equal(nba_decode_event(f->decoder, nba_str(large, NBA_EVENT_BYTES_MAX + 1),
                                      &f->arena, &out, &f->error),
                     NBA_E_LIMIT);
    free(large);
}

static void test_what_the_decoder_would_refuse_is_not_encoded(void **state)
{
    struct fixture *f = *state;
    static char text[NBA_STRING_BYTES_MAX + 1];
    struct nba_event event = sample_event();
    memset(text, 'x', sizeof(text));
    nba_buf_reset(&f->buf);
    nba_buf_append_byte(&f->buf, 'a');
    event.hcp_id = nba_str(text, NBA_ID_BYTES_MAX + 1);
    nba_encode_event(f->schemas, &event, &f->buf);
    assert_true(f->buf.failed);
    assert_int_equal(f->buf.bytes, 1);

    event.hcp_id = nba_str(text, NBA_ID_BYTES_MAX);
    event.text = nba_str(text, NBA_STRING_BYTES_MAX);
    nba_buf_reset(&f->buf);
    nba_encode_event(f->schemas, &event, &f->buf);
    assert_false(f->buf.failed);
    assert_int_equal(decode_exactly(f, (const char *)f->buf.data, f->buf.bytes), NBA_OK);

    event.text.bytes++;
    nba_encode_event(f->schemas, &event, &f->buf);
    assert_true(f->buf.failed);
}

static void test_maps_are_written_in_the_order_of_their_keys(void **state)
{
    struct fixture *f = *state;
    struct nba_event event = sample_event();
    const struct nba_attribute backwards[] = {event.attributes[1], event.attributes[0]};
    struct nba_buf other;
    nba_buf_init(&other, NBA_RECORD_BYTES_MAX);
    (void)encoded_event(f);
    event.attributes = backwards;
    nba_encode_event(f->schemas, &event, &other);
    assert_int_equal(other.bytes, f->buf.bytes);
    assert_memory_equal(other.data, f->buf.data, other.bytes);
    nba_buf_clear(&other);
}

static void test_every_word_of_the_vocabulary_survives_the_wire(void **state)
{
    struct fixture *f = *state;
    struct nba_event out;
    for (int type = NBA_EVENT_UNKNOWN + 1; type < NBA_EVENT_TYPE_COUNT; type++) {
        struct nba_event event = sample_event();
        event.type = (enum nba_event_type)type;
        nba_buf_reset(&f->buf);
        nba_encode_event(f->schemas, &event, &f->buf);
        assert_int_equal(
            nba_decode_event(f->decoder, nba_buf_str(&f->buf), &f->arena, &out, &f->error), NBA_OK);
        assert_int_equal(out.type, type);
    }
    struct nba_action read;
    for (unsigned reason = 0; reason <= NBA_REASON_NUMBER_MAX; reason++) {
        if (nba_reason_name((enum nba_reason)reason) == NULL) {
            continue;
        }
        struct nba_action action = sample_action();
        action.recall_reason = (enum nba_reason)reason;
        nba_buf_reset(&f->buf);
        nba_encode_action(f->schemas, &action, &f->buf);
        assert_int_equal(
            nba_decode_action(f->decoder, nba_buf_str(&f->buf), &f->arena, &read, &f->error),
            NBA_OK);
        assert_int_equal(read.recall_reason, reason);
    }
}

static void test_a_reference_without_the_record_its_kind_names_is_refused(void **state)
{
    struct fixture *f = *state;
    struct nba_reference reference = sample_content();
    struct nba_reference out;
    reference.content.content_id = T("");
    nba_buf_reset(&f->buf);
    nba_encode_reference(f->schemas, &reference, &f->buf);
    assert_int_equal(
        nba_decode_reference(f->decoder, nba_buf_str(&f->buf), &f->arena, &out, &f->error),
        NBA_E_SCHEMA_INCOMPATIBLE);
}

static void test_decoding_takes_no_more_of_the_arena_than_promised(void **state)
{
    struct fixture *f = *state;
    const struct nba_str value = encoded_event(f);
    struct nba_event out;
    nba_arena_reset(&f->arena);
    assert_int_equal(nba_decode_event(f->decoder, value, &f->arena, &out, &f->error), NBA_OK);
    assert_true(f->arena.bytes_used <= 32 * value.bytes);
}

struct worker {
    pthread_t thread;
    const struct nba_schemas *schemas;
    struct nba_str value;
    uint32_t decoded;
};

/* A decoder of its own over shared schemas; each compiles the program for itself. */
static void *decode_on_thread(void *context)
{
    struct worker *worker = context;
    struct nba_arena arena;
    struct nba_error error;
    nba_arena_init(&arena, (size_t)16 * 1024 * 1024);
    for (int i = 0; i < 20; i++) {
        struct nba_decoder *decoder = nba_decoder_create(worker->schemas);
        struct nba_event event;
        if (nba_decode_event(decoder, worker->value, &arena, &event, &error) == NBA_OK) {
            worker->decoded += event.topic_ids.count;
        }
        nba_decoder_destroy(decoder);
        nba_arena_reset(&arena);
    }
    nba_arena_clear(&arena);
    return NULL;
}

static void test_workers_share_the_schemas(void **state)
{
    struct fixture *f = *state;
    struct worker workers[3] = {0};
    const struct nba_str value = encoded_event(f);
    for (size_t i = 0; i < 3; i++) {
        workers[i] = (struct worker){.schemas = f->schemas, .value = value};
        assert_int_equal(pthread_create(&workers[i].thread, NULL, decode_on_thread, &workers[i]),
                         0);
    }
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
        assert_int_equal(workers[i].decoded, 40);
    }
}

static const char old_schema[] =
    "{\"type\":\"record\",\"name\":\"EngagementEvent\",\"fields\":["
    "{\"name\":\"event_type\",\"type\":{\"type\":\"enum\",\"name\":\"EventType\","
    "\"symbols\":[\"fax_sent\",\"email_opened\"]}},"
    "{\"name\":\"event_time\",\"type\":\"int\"},"
    "{\"name\":\"source\",\"type\":\"string\"},{\"name\":\"event_id\",\"type\":\"bytes\"}]}";

static void test_a_producer_with_a_schema_of_its_own_is_read_beside_ours(void **state)
{
    struct fixture *f = *state;
    struct nba_event event;
    assert_int_equal(nba_schemas_add(f->schemas, 0x01020304, nba_str_of(old_schema), &f->error),
                     NBA_OK);
    for (int i = 0; i < 2; i++) {
        const struct nba_str theirs = T("\0\1\2\3\4\2\x0a\2s\2e");
        assert_int_equal(nba_decode_event(f->decoder, theirs, &f->arena, &event, &f->error),
                         NBA_OK);
        assert_int_equal(event.type, NBA_EVENT_EMAIL_OPENED);
        assert_int_equal(event.event_time_ms, 5);
        assert_str_equal(event.event_id, "e");
        assert_int_equal(event.bot, NBA_BOT_NONE);
        assert_int_equal(event.recorded_time_ms, NBA_TIME_NONE);
        assert_int_equal(
            nba_decode_event(f->decoder, encoded_event(f), &f->arena, &event, &f->error), NBA_OK);
        assert_int_equal(event.type, NBA_EVENT_PROFILE_UPDATED);
    }
    /* A type that only they know. */
    assert_int_equal(decode_exactly(f, "\0\1\2\3\4\0\x0a\2s\2e", 11), NBA_E_UNKNOWN_TYPE);
}

static void test_a_schema_that_can_not_be_resolved_is_refused_each_time(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(nba_schemas_add(f->schemas, 900, nba_str_of("\"long\""), &f->error), NBA_OK);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(decode_exactly(f, "\0\0\0\3\x84\2", 6), NBA_E_SCHEMA_INCOMPATIBLE);
        assert_non_null(strstr(f->error.message, "long"));
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_a_full_event_is_read_back_field_by_field),
        TEST(test_a_profile_tells_absent_facts_from_empty_ones),
        TEST(test_an_empty_event_has_absent_values_throughout),
        TEST(test_every_message_is_read_back_as_it_was_written),
        TEST(test_a_decision_is_read_back_field_by_field),
        TEST(test_a_slate_keeps_a_probability_of_zero_apart_from_none),
        TEST(test_an_event_cut_at_any_byte_is_refused),
        TEST(test_an_event_with_bytes_left_over_is_refused),
        TEST(test_any_byte_changed_never_crashes_and_always_has_a_status_of_class_skip),
        TEST(test_heads_that_are_no_heads_have_each_their_own_status),
        TEST(test_an_event_type_outside_the_vocabulary_is_unknown),
        TEST(test_a_failed_decode_leaves_the_output_as_it_was),
        TEST(test_a_value_above_the_limit_of_events_is_refused),
        TEST(test_what_the_decoder_would_refuse_is_not_encoded),
        TEST(test_maps_are_written_in_the_order_of_their_keys),
        TEST(test_every_word_of_the_vocabulary_survives_the_wire),
        TEST(test_a_reference_without_the_record_its_kind_names_is_refused),
        TEST(test_decoding_takes_no_more_of_the_arena_than_promised),
        TEST(test_workers_share_the_schemas),
        TEST(test_a_producer_with_a_schema_of_its_own_is_read_beside_ours),
        TEST(test_a_schema_that_can_not_be_resolved_is_refused_each_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
