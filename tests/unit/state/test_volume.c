/* A budget's places: against a plain list, over commits, restarts, restores and windows. */
#include "store_fixture.h"

#include "nba/base/random.h"
#include "nba/state/key.h"
#include "nba/state/volume.h"

#define END    (T0 + DAY)
#define BUDGET nba_str_of("volume:daily:CX-EM-1")
#define IDS    400u

struct plain {
    bool there, open;
    double priority;
    uint64_t turn;
};

static struct nba_volume volume_of(struct store_fixture *s)
{
    struct nba_volume volume;
    assert_ok(s, nba_task_get_volume(s->task, BUDGET, &volume, &s->f.error));
    return volume;
}

static struct nba_str id_of(char text[32], uint32_t i)
{
    (void)snprintf(text, 32, "dec:web#e-%u:1", i);
    return nba_str_of(text);
}

static void add(struct store_fixture *s, uint32_t i, double priority)
{
    char action[32];
    char hcp[32];
    struct nba_volume volume = volume_of(s);
    (void)snprintf(hcp, sizeof(hcp), "hcp-%u", i);
    assert_ok(s, nba_volume_add(&volume,
                                &(struct nba_volume_place){.open = true,
                                                           .priority = priority,
                                                           .action_id = id_of(action, i),
                                                           .hcp_id = nba_str_of(hcp)},
                                &s->f.error));
}

/* Sum and least of the tree are those of the list. */
static void compare(struct store_fixture *s, const struct plain plain[IDS])
{
    char text[32];
    struct nba_volume volume = volume_of(s);
    const struct nba_volume_sum sum = nba_volume_sum(&volume);
    const struct nba_volume_place *found = NULL;
    uint32_t least = IDS;
    uint32_t used = 0;
    for (uint32_t i = 0; i < IDS; i++) {
        used += plain[i].there;
        if (plain[i].there && plain[i].open &&
            (least == IDS || plain[i].priority < plain[least].priority ||
             (plain[i].priority <= plain[least].priority && plain[i].turn > plain[least].turn))) {
            least = i;
        }
        assert_ok(s, nba_volume_find(&volume, id_of(text, i), &found, &s->f.error));
        assert_int_equal(found != NULL, plain[i].there);
        assert_true(found == NULL || found->open == plain[i].open);
    }
    assert_int_equal(sum.used, used);
    assert_int_equal(sum.open, least != IDS);
    assert_ok(s, nba_volume_least(&volume, &found, &s->f.error));
    if (least != IDS) {
        assert_true(nba_str_equal(found->action_id, id_of(text, least)));
        assert_true(found->turn == sum.turn && sum.turn == plain[least].turn);
    } else {
        assert_null(found);
    }
}

/* `places_of_three`: few priorities, so that ties are common. */
static void test_the_tree_is_a_list_with_its_least_known(void **state)
{
    struct store_fixture s;
    struct nba_rng rng = nba_rng(11);
    struct plain plain[IDS] = {{0}};
    uint64_t turn = 0;
    char text[32];
    (void)state;
    store_fixture_init(&s, 1u << 20);
    for (uint32_t transaction = 0; transaction < 60; transaction++) {
        begin(&s);
        struct nba_volume volume = volume_of(&s);
        nba_volume_move(&volume, T0 + transaction, END);
        for (uint32_t step = 0; step < 40; step++) {
            const uint32_t i = (uint32_t)(nba_rng_next(&rng) % IDS);
            const uint32_t what = (uint32_t)(nba_rng_next(&rng) % 4);
            if (!plain[i].there) {
                plain[i] = (struct plain){true, true, (double)(nba_rng_next(&rng) % 3), ++turn};
                add(&s, i, plain[i].priority);
            } else if (what == 0) {
                plain[i].there = false;
                assert_ok(&s, nba_volume_remove(&volume, id_of(text, i), &s.f.error));
            } else if (what == 1) {
                plain[i].open = false;
                assert_ok(&s, nba_volume_take(&volume, id_of(text, i), &s.f.error));
            }
        }
        compare(&s, plain);
        commit(&s);
        if (transaction % 20 == 19) {
            close_store(&s);
            open_store(&s);
        }
        begin(&s);
        compare(&s, plain);
        nba_task_drop(s.task);
    }
    store_fixture_clear(&s);
}

/* A request writes three small records, however many places are taken; a read none. */
static void test_a_request_writes_little(void **state)
{
    struct store_fixture s;
    const struct nba_change *changes = NULL;
    size_t bytes = 0;
    (void)state;
    store_fixture_init(&s, 1u << 20);
    begin(&s);
    struct nba_volume volume = volume_of(&s);
    nba_volume_move(&volume, T0, END);
    for (uint32_t i = 0; i < 50000; i++) {
        add(&s, i, 0.1 + i * 1e-6);
    }
    commit(&s);
    begin(&s);
    volume = volume_of(&s);
    assert_int_equal(nba_volume_sum(&volume).used, 50000);
    assert_int_equal(seal(&s, &changes), 1); /* meta */
    nba_task_drop(s.task);
    begin(&s);
    add(&s, 50000, 0.2);
    const size_t count = seal(&s, &changes);
    assert_int_equal(count, 4);
    for (size_t i = 0; i < count; i++) {
        bytes += changes[i].key.data[0] == NBA_KEY_VOLUME ? changes[i].value.bytes : 0;
    }
    assert_true(bytes > 0 && bytes < 6000);
    nba_task_drop(s.task);
    store_fixture_clear(&s);
}

/* Another window begins empty, whatever nodes the last one left; what has ended is dropped. */
static void test_a_window_turns_and_is_dropped(void **state)
{
    struct store_fixture s;
    struct plain plain[IDS] = {{0}};
    char before[NBA_SHA256_TEXT_BYTES];
    char after[NBA_SHA256_TEXT_BYTES];
    (void)state;
    store_fixture_init(&s, 1u << 20);
    hash_of(&s, before);
    begin(&s);
    struct nba_volume volume = volume_of(&s);
    assert_true(nba_volume_end_ms(&volume) == NBA_TIME_NONE);
    nba_volume_move(&volume, T0, END);
    for (uint32_t i = 0; i < 100; i++) {
        add(&s, i, 1);
    }
    assert_true(nba_task_volumes_due_ms(s.task) == END);
    commit(&s);
    begin(&s);
    volume = volume_of(&s);
    nba_volume_move(&volume, END, END + DAY);
    compare(&s, plain);
    add(&s, 5, 2);
    plain[5] = (struct plain){true, true, 2, 1};
    compare(&s, plain);
    commit(&s);
    close_store(&s);
    open_store(&s);
    begin(&s);
    assert_true(nba_task_volumes_due_ms(s.task) == END); /* of what is left behind */
    assert_ok(&s, nba_task_drop_volumes(s.task, END, &s.f.error));
    assert_true(nba_task_volumes_due_ms(s.task) == END + DAY);
    compare(&s, plain);
    commit(&s);
    hash_of(&s, after);
    assert_string_not_equal(before, after);
    begin(&s);
    assert_ok(&s, nba_task_drop_volumes(s.task, END + DAY, &s.f.error));
    assert_true(nba_task_volumes_due_ms(s.task) == INT64_MAX);
    commit(&s);
    hash_of(&s, after);
    assert_string_equal(before, after);
    store_fixture_clear(&s);
}

static bool holds(struct nba_str bytes, struct nba_str text)
{
    bool found = false;
    for (size_t i = 0; i + text.bytes <= bytes.bytes; i++) {
        found = found || memcmp(bytes.data + i, text.data, text.bytes) == 0;
    }
    return found;
}

/* What is taken for good doesn't say whose it is. */
static void test_a_taken_place_names_nobody(void **state)
{
    struct store_fixture s;
    const struct nba_change *changes = NULL;
    char text[32];
    (void)state;
    store_fixture_init(&s, 1u << 20);
    begin(&s);
    struct nba_volume volume = volume_of(&s);
    nba_volume_move(&volume, T0, END);
    add(&s, 7, 1);
    size_t count = seal(&s, &changes);
    bool named = false;
    for (size_t i = 0; i < count; i++) {
        named = named || holds(changes[i].value, nba_str_of("hcp-7"));
    }
    assert_true(named);
    assert_ok(&s, nba_volume_take(&volume, id_of(text, 7), &s.f.error));
    count = seal(&s, &changes);
    for (size_t i = 0; i < count; i++) {
        assert_false(holds(changes[i].value, nba_str_of("hcp-7")));
        assert_false(holds(changes[i].value, nba_str_of("e-7")));
    }
    assert_int_equal(nba_volume_sum(&volume).used, 1);
    nba_task_drop(s.task);
    store_fixture_clear(&s);
}

/* The changelog rebuilds it: the same hash, the same due time. */
static void test_a_restore_brings_it_back(void **state)
{
    struct store_fixture s;
    struct store_fixture other;
    const struct nba_change *changes = NULL;
    char here[NBA_SHA256_TEXT_BYTES];
    char there[NBA_SHA256_TEXT_BYTES];
    int64_t offset = 0;
    bool again = false;
    (void)state;
    store_fixture_init(&s, 1u << 20);
    store_fixture_init(&other, 1u << 20);
    begin(&s);
    struct nba_volume volume = volume_of(&s);
    nba_volume_move(&volume, T0, END);
    for (uint32_t i = 0; i < 300; i++) {
        add(&s, i, i % 7);
    }
    const size_t count = seal(&s, &changes);
    const struct nba_changelog_bounds bounds = {
        .low = 0, .high = (int64_t)count, .delete_retention_ms = -1, .now_ms = T0};
    assert_ok(&other, nba_task_restore_begin(other.task, NBA_RESTORE_WHOLE, &bounds, &offset,
                                             &other.f.error));
    for (size_t i = 0; i < count; i++) {
        assert_ok(&other, nba_task_restore_apply(other.task, changes[i].key, changes[i].value,
                                                 changes[i].deleted, (int64_t)i, &other.f.error));
    }
    assert_ok(&other, nba_task_restore_end(other.task, (int64_t)count, &again, &other.f.error));
    commit(&s);
    hash_of(&s, here);
    hash_of(&other, there);
    assert_string_equal(here, there);
    begin(&other);
    assert_true(nba_task_volumes_due_ms(other.task) == END);
    nba_task_drop(other.task);
    store_fixture_clear(&other);
    store_fixture_clear(&s);
}

/* Any truncation and any changed byte of a stored node is refused or read, never followed. */
static void test_damaged_records_are_refused(void **state)
{
    struct store_fixture s;
    struct store_fixture other;
    const struct nba_change *changes = NULL;
    int64_t offset = 0;
    bool again = false;
    unsigned refused = 0;
    (void)state;
    store_fixture_init(&s, 1u << 20);
    store_fixture_init(&other, 1u << 20);
    begin(&s);
    struct nba_volume volume = volume_of(&s);
    nba_volume_move(&volume, T0, END);
    add(&s, 1, 0.5);
    const size_t count = seal(&s, &changes);
    for (size_t i = 0; i < count; i++) {
        if (changes[i].key.data[0] != NBA_KEY_VOLUME) {
            continue;
        }
        for (size_t cut = 1; cut < changes[i].value.bytes; cut++) {
            const struct nba_changelog_bounds bounds = {
                .low = 0, .high = (int64_t)count, .delete_retention_ms = -1, .now_ms = T0};
            assert_ok(&other, nba_task_restore_begin(other.task, NBA_RESTORE_WHOLE, &bounds,
                                                     &offset, &other.f.error));
            for (size_t k = 0; k < count; k++) {
                const struct nba_str value =
                    nba_str(changes[k].value.data, k == i ? cut : changes[k].value.bytes);
                assert_ok(&other, nba_task_restore_apply(other.task, changes[k].key, value, false,
                                                         (int64_t)k, &other.f.error));
            }
            assert_ok(&other,
                      nba_task_restore_end(other.task, (int64_t)count, &again, &other.f.error));
            begin(&other);
            struct nba_volume damaged;
            const struct nba_volume_place *place = NULL;
            enum nba_status status =
                nba_task_get_volume(other.task, BUDGET, &damaged, &other.f.error);
            if (status == NBA_OK) {
                status = nba_volume_least(&damaged, &place, &other.f.error);
            }
            assert_true(status == NBA_OK || status == NBA_E_CORRUPT);
            refused += status == NBA_E_CORRUPT;
            nba_task_drop(other.task);
        }
    }
    assert_true(refused > 20);
    nba_task_drop(s.task);
    store_fixture_clear(&other);
    store_fixture_clear(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_tree_is_a_list_with_its_least_known),
        cmocka_unit_test(test_a_request_writes_little),
        cmocka_unit_test(test_a_window_turns_and_is_dropped),
        cmocka_unit_test(test_a_taken_place_names_nobody),
        cmocka_unit_test(test_a_restore_brings_it_back),
        cmocka_unit_test(test_damaged_records_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
