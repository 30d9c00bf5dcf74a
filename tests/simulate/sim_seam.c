/* What stands in front of the engine's calls (sim.h; CMakeLists.txt has the names for --wrap). */
#include <rocksdb/c.h>
#include <time.h>

#include "local_internal.h"
#include "nba/base/assert.h"
#include "nba/base/kill_point.h"
#include "nba/state/task.h"
#include "sim.h"

/* Every wrapped function is its own prototype, which must be that of its header. */
#define WRAP(type, name, ...)                                                                 \
    type __real_##name(__VA_ARGS__);                                                          \
    type __wrap_##name(__VA_ARGS__);                                                          \
    _Static_assert(__builtin_types_compatible_p(__typeof__(__real_##name), __typeof__(name)), \
                   #name " has another prototype in its header");                             \
    type __wrap_##name(__VA_ARGS__)

/* ---- time and threads ---- */

static struct nba_local_log *log_of(struct nba_stream *stream)
{
    return (struct nba_local_log *)stream; /* its base is its first member */
}

void sim_pass_time(int64_t us)
{
    const int64_t second = sim.monotonic_us / 1000000;
    sim.monotonic_us += us;
    sim.wall_ms += us / 1000;
    if (sim.stream != NULL && sim.monotonic_us / 1000000 != second) {
        nba_local_keep(log_of(sim.stream));
    }
}

WRAP(bool, nba_local_wait, struct nba_local_log *log, uint64_t version, int64_t deadline_us)
{
    (void)log;
    (void)version;
    (void)deadline_us;
    sim_pass_time(50000);
    return false;
}

WRAP(int, nanosleep, const struct timespec *pause, struct timespec *left)
{
    (void)left;
    sim_pass_time(pause->tv_sec * 1000000 + pause->tv_nsec / 1000);
    return 0;
}

#define THREADS_MAX 64
static struct {
    void *(*run)(void *context);
    void *context;
} threads[THREADS_MAX];

WRAP(int, pthread_create, pthread_t *thread, const pthread_attr_t *attributes,
     void *(*run)(void *context), void *context)
{
    (void)attributes;
    size_t i = 0;
    while (i < THREADS_MAX && threads[i].run != NULL) {
        i++;
    }
    NBA_ASSERT(i < THREADS_MAX);
    threads[i].run = run;
    threads[i].context = context;
    *thread = (pthread_t)i;
    return 0;
}

WRAP(int, pthread_join, pthread_t thread, void **ret_value)
{
    void *(*run)(void *context) = threads[thread].run;
    void *context = threads[thread].context;
    (void)ret_value;
    threads[thread].run = NULL;
    (void)run(context);
    return 0;
}

/* RocksDB keeps room for files of megabytes; ours are small, and in memory room is work. */
WRAP(rocksdb_options_t *, rocksdb_options_create, void)
{
    rocksdb_options_t *options = __real_rocksdb_options_create();
    rocksdb_options_set_manifest_preallocation_size(options, 4096);
    return options;
}

WRAP(void, rocksdb_options_set_write_buffer_size, rocksdb_options_t *options, size_t bytes)
{
    __real_rocksdb_options_set_write_buffer_size(options, bytes < 65536 ? bytes : 65536);
}

/* ---- faults of the log ---- */

static enum nba_status answer(void *context, enum nba_fault where, const char *transactional_id)
{
    const bool landed = where == NBA_FAULT_COMMITTED || where == NBA_FAULT_ABORTED;
    const bool ends = where == NBA_FAULT_ABORT; /* what goes wrong on the way back from a fault */
    const unsigned rare = where == NBA_FAULT_PRODUCE ? 400 : ends ? 4 : 25;
    (void)context;
    (void)transactional_id;
    if (sim.acting == NULL) {
        return NBA_OK;
    }
    if (sim_strikes(landed ? FAULT_UNKNOWN_LANDED : FAULT_UNKNOWN_LOST, rare)) {
        return NBA_E_TXN_UNKNOWN;
    }
    if (!landed && !ends && sim_strikes(FAULT_ABORTABLE, rare)) {
        return NBA_E_TXN_ABORTABLE;
    }
    if (where == NBA_FAULT_SEND_OFFSETS && sim_strikes(FAULT_MEMBERSHIP, rare)) {
        return NBA_E_TXN_MEMBERSHIP;
    }
    return NBA_OK;
}

void sim_install_faults(struct nba_stream *stream)
{
    nba_stream_set_fault(stream, answer, NULL);
}

static bool is_dead(void)
{
    return sim.acting != NULL && sim.acting->dead;
}

static enum nba_status died(struct nba_error *error)
{
    return nba_error_set(error, NBA_E_INTERRUPTED, "died");
}

void __wrap_nba_kill_point_pass(enum nba_kill_point point);
void __wrap_nba_kill_point_pass(enum nba_kill_point point)
{
    static const unsigned often[NBA_KILL_POINT_COUNT] = {[NBA_KILL_POINT_after_produce] = 16,
                                                         [NBA_KILL_POINT_in_restore] = 16,
                                                         [NBA_KILL_POINT_after_poll] = 2};
    const unsigned rare = 60 * (often[point] != 0 ? often[point] : 1);
    struct slot *slot = sim.acting;
    if (slot == NULL || slot->dead || slot->engine == NULL) {
        return;
    }
    if (sim_strikes(FAULT_CRASH, rare)) {
        sim_say("  %s dies at point %d", slot->name, (int)point);
        slot->dead = true;
        atomic_store(&slot->engine->stopping, true);
        return;
    }
    if (sim.depth < 2 && sim_strikes(FAULT_INTERLEAVED, rare)) {
        sim_say("  %s stands still at point %d", slot->name, (int)point);
        sim_let_others_run(slot);
        sim_say("  %s goes on", slot->name);
    }
    if (sim_strikes(FAULT_CLOCK, 4 * rare)) {
        sim_jump_clock();
    }
}

/* ---- what a dead instance can't do any more ---- */

/* Some records come again: a cursor goes back. */
static void rewind_member(struct nba_member *member)
{
    struct nba_local_reader *reader = (struct nba_local_reader *)member;
    if (reader->owns && reader->cursor_count != 0 && sim_strikes(FAULT_AGAIN, 40)) {
        struct nba_local_cursor *cursor =
            &reader->cursors[nba_rng_below(&sim.rng, reader->cursor_count)];
        const int64_t low = cursor->partition->marks.low;
        const int64_t back = cursor->position - 1 - (int64_t)nba_rng_below(&sim.rng, 8);
        nba_kv_iter_destroy(cursor->iter);
        cursor->iter = NULL;
        cursor->position = back > low ? back : low;
    }
}

WRAP(enum nba_status, nba_member_poll, struct nba_member *member, int timeout_ms,
     enum nba_poll *ret_what, struct nba_record *ret_record, struct nba_error *error)
{
    if (is_dead()) {
        return died(error);
    }
    rewind_member(member);
    if (sim_strikes(FAULT_AWAY, 200)) {
        return nba_error_set(error, NBA_E_UNAVAILABLE, "no broker");
    }
    const enum nba_status status =
        __real_nba_member_poll(member, timeout_ms, ret_what, ret_record, error);
    if (status == NBA_OK && *ret_what == NBA_POLL_RECORD) {
        sim_say("   %s reads %d/%lld", sim.acting->name, (int)ret_record->partition,
                (long long)ret_record->offset);
    }
    return status;
}

/* Not at the start, which it would end. */
WRAP(enum nba_status, nba_producer_init, struct nba_producer *producer, int timeout_ms,
     struct nba_error *error)
{
    if (is_dead()) {
        return died(error);
    }
    if (sim.acting != NULL && sim.acting->engine->worker_count != 0 &&
        sim_strikes(FAULT_INIT_FATAL, 4)) {
        return nba_error_set(error, NBA_E_TXN_UNKNOWN, "fenced while it was made");
    }
    return __real_nba_producer_init(producer, timeout_ms, error);
}

WRAP(enum nba_status, nba_producer_begin, struct nba_producer *producer, struct nba_error *error)
{
    return is_dead() ? died(error) : __real_nba_producer_begin(producer, error);
}

WRAP(enum nba_status, nba_producer_produce, struct nba_producer *producer,
     const struct nba_outgoing *outgoing, struct nba_error *error)
{
    return is_dead() ? died(error) : __real_nba_producer_produce(producer, outgoing, error);
}

WRAP(enum nba_status, nba_producer_send_offsets, struct nba_producer *producer,
     const struct nba_position *positions, size_t count, struct nba_member *member,
     struct nba_error *error)
{
    return is_dead() ? died(error)
                     : __real_nba_producer_send_offsets(producer, positions, count, member, error);
}

WRAP(enum nba_status, nba_producer_commit, struct nba_producer *producer, int timeout_ms,
     struct nba_error *error)
{
    return is_dead() ? died(error) : __real_nba_producer_commit(producer, timeout_ms, error);
}

WRAP(enum nba_status, nba_producer_abort, struct nba_producer *producer, int timeout_ms,
     struct nba_error *error)
{
    return is_dead() ? died(error) : __real_nba_producer_abort(producer, timeout_ms, error);
}

WRAP(enum nba_status, nba_task_restore_begin, struct nba_task *task, enum nba_restore how,
     const struct nba_changelog_bounds *bounds, int64_t *ret_offset, struct nba_error *error)
{
    return is_dead() ? died(error)
                     : __real_nba_task_restore_begin(task, how, bounds, ret_offset, error);
}

WRAP(enum nba_status, nba_task_restore_apply, struct nba_task *task, struct nba_str key,
     struct nba_str value, bool deleted, int64_t offset, struct nba_error *error)
{
    return is_dead() ? died(error)
                     : __real_nba_task_restore_apply(task, key, value, deleted, offset, error);
}

WRAP(enum nba_status, nba_task_restore_end, struct nba_task *task, int64_t position,
     bool *ret_again, struct nba_error *error)
{
    return is_dead() ? died(error) : __real_nba_task_restore_end(task, position, ret_again, error);
}

WRAP(enum nba_status, nba_state_store_flush, struct nba_state_store *store, struct nba_error *error)
{
    return is_dead() ? NBA_OK : __real_nba_state_store_flush(store, error);
}

/* After a failed write the store takes no more until it is opened anew, which may take a while. */
WRAP(enum nba_status, nba_state_store_write, struct nba_state_store *store,
     struct nba_task *const *tasks, size_t count, struct nba_error *error)
{
    struct slot *slot = sim.acting;
    if (slot != NULL && !slot->dead && sim_strikes(FAULT_WRITE_FAILED, 40)) {
        slot->store_failure = nba_rng_below(&sim.rng, 4) == 0 ? NBA_E_CORRUPT : NBA_E_IO;
    }
    if (slot != NULL && !slot->dead && slot->store_failure == NBA_OK && sim.depth < 2 &&
        sim_strikes(FAULT_WRITE_SLOW, 40)) {
        sim_pass_time((int64_t)nba_rng_below(&sim.rng, 20) * 1000000);
        sim_let_others_run(slot);
    }
    if (slot != NULL && slot->store_failure != NBA_OK) {
        return nba_error_set(error, slot->store_failure, "no space left on device");
    }
    return is_dead() ? died(error) : __real_nba_state_store_write(store, tasks, count, error);
}

WRAP(enum nba_status, nba_state_store_failure, const struct nba_state_store *store)
{
    return sim.acting != NULL && sim.acting->store_failure != NBA_OK
               ? sim.acting->store_failure
               : __real_nba_state_store_failure(store);
}

WRAP(enum nba_status, nba_state_store_open, const char *path,
     const struct nba_state_options *options, struct nba_state_store **ret_store,
     struct nba_error *error)
{
    struct slot *slot = sim.acting;
    if (slot != NULL && slot->store_failure != NBA_OK && sim_strikes(FAULT_OPEN_FAILED, 2)) {
        return nba_error_set(error, NBA_E_IO, "no space left on device");
    }
    if (slot != NULL) {
        slot->store_failure = NBA_OK;
    }
    return __real_nba_state_store_open(path, options, ret_store, error);
}
