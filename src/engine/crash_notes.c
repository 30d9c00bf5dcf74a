/* The handler writes one place and lets the crash go on as it would have without it. */
#include "crash_notes.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "nba/base/compiler.h"
#include "nba/base/file.h"
#include "nba/base/hash.h"
#include "nba/base/memory.h"
#include "nba/base/version.h"

#define FILE_BYTES_MAX (1u << 20)

static const int signals[] = {SIGSEGV, SIGABRT, SIGBUS, SIGFPE};
static struct sigaction before[NBA_ARRAY_COUNT(signals)];
static int file = -1;
static uint64_t engine;
static _Thread_local struct nba_crash_place here = {.partition = -1};

static uint64_t engine_hash(void)
{
    return nba_xxh64(NBA_ENGINE_VERSION, strlen(NBA_ENGINE_VERSION));
}

void nba_crash_notes_add(struct nba_crash_notes *notes, struct nba_crash_place place)
{
    notes->items = nba_room(notes->items, notes->count, &notes->capacity, sizeof(*notes->items));
    notes->items[notes->count++] = place;
}

enum nba_status nba_crash_notes_load(const char *path, struct nba_crash_notes *notes,
                                     struct nba_error *error)
{
    struct nba_buf bytes;
    if (!nba_file_exists(path)) {
        return NBA_OK;
    }
    nba_buf_init(&bytes, FILE_BYTES_MAX);
    const enum nba_status status = nba_file_read(path, &bytes, error);
    struct nba_crash_place place;
    for (size_t at = 0; status == NBA_OK && at + sizeof(place) <= bytes.bytes;
         at += sizeof(place)) {
        memcpy(&place, bytes.data + at, sizeof(place));
        if (place.engine == engine_hash()) {
            nba_crash_notes_add(notes, place);
        }
    }
    nba_buf_clear(&bytes);
    return status;
}

void nba_crash_notes_clear(struct nba_crash_notes *notes)
{
    free(notes->items);
    *notes = (struct nba_crash_notes){0};
}

bool nba_crash_notes_loop(const struct nba_crash_notes *notes, struct nba_crash_place place)
{
    unsigned times = 0;
    for (size_t i = 0; notes != NULL && i < notes->count; i++) {
        times +=
            notes->items[i].partition == place.partition && notes->items[i].offset == place.offset;
    }
    return times >= NBA_CRASHES_MAX;
}

bool nba_crash_notes_near(const struct nba_crash_notes *notes, struct nba_crash_place place)
{
    bool near = false;
    for (size_t i = 0; notes != NULL && i < notes->count; i++) {
        near |=
            notes->items[i].partition == place.partition && notes->items[i].offset >= place.offset;
    }
    return near;
}

void nba_crash_notes_at(struct nba_crash_place place)
{
    here = place;
    here.engine = engine;
}

static void on_crash(int number)
{
    if (here.partition >= 0) {
        const ssize_t written = write(file, &here, sizeof(here));
        (void)written;
    }
    for (size_t i = 0; i < NBA_ARRAY_COUNT(signals); i++) {
        if (signals[i] == number) {
            (void)sigaction(number, &before[i], NULL);
        }
    }
    (void)raise(number);
}

enum nba_status nba_crash_notes_watch(const char *path, struct nba_error *error)
{
    struct sigaction action = {.sa_handler = on_crash};
    if (file >= 0) {
        return NBA_OK;
    }
    file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    engine = engine_hash();
    if (file < 0) {
        return nba_error_set(error, NBA_E_IO, "cannot open '%s'", path);
    }
    (void)sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < NBA_ARRAY_COUNT(signals); i++) {
        (void)sigaction(signals[i], &action, &before[i]);
    }
    return NBA_OK;
}
