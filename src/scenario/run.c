/*
 * The parent of runs: one process at a time drives the engine; one that a crash step has killed is
 * followed by another.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "nba/base/assert.h"
#include "nba/base/file.h"
#include "run_internal.h"

#define REPORT_BYTES_MAX ((size_t)16 << 20)
#define LOG_TAIL_BYTES   2000u

/* The list of scores as the engine reads it. */
static enum nba_status write_scores(const struct run *run, struct nba_error *error)
{
    char path[PATH_BYTES_MAX + 16];
    struct nba_buf text;
    const struct nba_yaml_node *list = run->scenario->scores;
    (void)snprintf(path, sizeof(path), "%s/scores.yaml", run->folder);
    nba_buf_init(&text, (size_t)4 << 20);
    nba_buf_printf(&text, "[\n");
    for (const struct nba_yaml_node *n = list != NULL ? list->first : NULL; n != NULL;
         n = n->next) {
        const char *between = "{";
        for (const struct nba_yaml_node *v = n->first; v != NULL; v = v->next) {
            const char *quote = v->quoted ? "\"" : "";
            nba_buf_printf(&text, "%s%s: %s%.*s%s", between, v->key->text.data, quote,
                           NBA_STR_ARG(v->text), quote);
            between = ", ";
        }
        nba_buf_printf(&text, "},\n");
    }
    nba_buf_printf(&text, "]\n");
    const enum nba_status status = nba_file_write(path, nba_buf_str(&text), error);
    nba_buf_clear(&text);
    return status;
}

static struct progress *make_progress(const struct scenario *scenario, struct nba_error *error)
{
    const size_t ends =
        (size_t)(scenario->step_count + 1) * OUT_COUNT * (size_t)scenario->partition_count;
    const size_t bytes = sizeof(struct progress) + ends * sizeof(int64_t) +
                         (scenario->state_count + 1u) * sizeof(struct state_note);
    struct progress *progress =
        mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (progress == MAP_FAILED) {
        (void)nba_error_set(error, NBA_E_NO_MEMORY, "out of memory for a run");
        return NULL;
    }
    progress->end_count = bytes;
    progress->ends = (int64_t *)(void *)(progress + 1);
    progress->notes = (struct state_note *)(void *)(progress->ends + ends);
    return progress;
}

/* After a SIGKILL that a step asked for: what was armed was reached. */
static bool was_meant(struct progress *progress)
{
    if (progress->idle) {
        progress->idle = false;
        return true;
    }
    if (progress->point_count == 0) {
        return false;
    }
    const bool restores = progress->points[0] == NBA_KILL_POINT_in_restore ||
                          progress->points[0] == NBA_KILL_POINT_after_restore;
    progress->at_start = restores && !progress->at_start; /* the second death is the one meant */
    if (!progress->at_start) {
        progress->point_count--;
        memmove(progress->points, progress->points + 1,
                progress->point_count * sizeof(*progress->points));
    }
    return true;
}

/* One process after the other, until one comes to an end of its own. */
static enum nba_status run_processes(struct run *run, enum drive_end *ret_end,
                                     struct nba_error *error)
{
    for (;;) {
        int how = 0;
        (void)fflush(NULL);
        const pid_t child = fork();
        if (child < 0) {
            return nba_error_set(error, NBA_E_IO, "cannot fork");
        }
        if (child == 0) {
            nba_drive(run);
        }
        while (waitpid(child, &how, 0) < 0) {
            if (errno != EINTR) {
                return nba_error_set(error, NBA_E_IO, "cannot wait for a run");
            }
        }
        if (WIFEXITED(how)) {
            *ret_end = (enum drive_end)WEXITSTATUS(how);
            return NBA_OK;
        }
        run->deaths++;
        if (WTERMSIG(how) != SIGKILL || !was_meant(run->progress)) {
            return nba_error_set(error, NBA_E_IO, "the engine died by signal %d in step %u",
                                 WTERMSIG(how), run->progress->at + 1);
        }
    }
}

static void add_report(const struct run *run, struct nba_buf *report)
{
    char path[PATH_BYTES_MAX + 16];
    struct nba_error ignored;
    (void)snprintf(path, sizeof(path), "%s/report", run->folder);
    if (nba_file_read(path, report, &ignored) != NBA_OK) {
        nba_buf_printf(report, "  %s\n", ignored.message);
    }
}

/* What the engine said last, where the run came to no verdict. */
static void add_engine_log(const struct run *run, struct nba_buf *report)
{
    char path[PATH_BYTES_MAX + 16];
    struct nba_buf text;
    struct nba_error ignored;
    (void)snprintf(path, sizeof(path), "%s/engine.log", run->folder);
    nba_buf_init(&text, REPORT_BYTES_MAX);
    if (nba_file_read(path, &text, &ignored) == NBA_OK) {
        const size_t from = text.bytes > LOG_TAIL_BYTES ? text.bytes - LOG_TAIL_BYTES : 0;
        nba_buf_append(report, text.data + from, text.bytes - from);
    }
    nba_buf_clear(&text);
}

/* One run in a folder of its own. */
static enum nba_status run_once(struct run *run, bool *ret_passed, struct nba_buf *report,
                                struct nba_error *error)
{
    enum drive_end ended = DRIVE_ERROR;
    enum nba_status status = nba_file_remove_tree(run->folder, error);
    status = status == NBA_OK ? nba_file_make_dirs(run->folder, error) : status;
    status = status == NBA_OK ? write_scores(run, error) : status;
    if (status != NBA_OK) {
        return status;
    }
    run->progress = make_progress(run->scenario, error);
    if (run->progress == NULL) {
        return error->status;
    }
    struct nba_error trouble = {NBA_OK, ""};
    if (run_processes(run, &ended, &trouble) != NBA_OK) {
        nba_buf_printf(report, "  %s\n", trouble.message);
        add_engine_log(run, report);
    } else if (ended != DRIVE_PASSED && ended != DRIVE_FAILED) {
        nba_buf_printf(report, "  the run stopped: %s\n", run->progress->error.message);
        add_engine_log(run, report);
    } else {
        add_report(run, report);
    }
    *ret_passed = ended == DRIVE_PASSED;
    (void)munmap(run->progress, run->progress->end_count);
    return NBA_OK;
}

/* The combination of kill points that is the `number`th; false: there is none. */
static void choose_points(const struct scenario *scenario, uint32_t number, uint32_t *ret_points)
{
    for (uint32_t i = 0; i < scenario->step_count; i++) {
        const uint32_t count = scenario->steps[i].point_count;
        ret_points[i] = count != 0 ? number % count : 0;
        number /= count != 0 ? count : 1;
    }
}

static void name_points(const struct run *run, struct nba_buf *report)
{
    for (uint32_t i = 0; i < run->scenario->step_count; i++) {
        const struct step *step = &run->scenario->steps[i];
        if (step->kind == STEP_CRASH) {
            nba_buf_printf(report, "  with a crash %s in step %u:\n",
                           nba_crash_point_name(step->points[run->points[i]]), i + 1);
        }
    }
}

static bool asks_for_kill_points(const struct scenario *scenario)
{
    bool asks = false;
    for (uint32_t i = 0; i < scenario->step_count; i++) {
        for (uint32_t p = 0; p < scenario->steps[i].point_count; p++) {
            asks = asks || scenario->steps[i].points[p] != CRASH_IDLE;
        }
    }
    return asks;
}

static bool has_crashes(const struct scenario *scenario)
{
    bool has = false;
    for (uint32_t i = 0; i < scenario->step_count; i++) {
        has = has || scenario->steps[i].kind == STEP_CRASH;
    }
    return has;
}

static bool kill_points_are_there(void)
{
#ifdef NBA_KILL_POINTS
    return true;
#else
    return false;
#endif
}

static enum nba_status run_same(const struct run *like, const struct scenario *scenario,
                                const char *folder, bool *ret_passed, struct nba_buf *report,
                                struct nba_error *error)
{
    struct run run = {.options = like->options, .file = like->file, .scenario = scenario};
    uint32_t *points = calloc(run.scenario->step_count + 1u, sizeof(*points));
    if (points == NULL) {
        return nba_error_set(error, NBA_E_NO_MEMORY, "out of memory");
    }
    run.points = points;
    (void)snprintf(run.folder, sizeof(run.folder), "%s", folder);
    const enum nba_status status = run_once(&run, ret_passed, report, error);
    free(points);
    return status;
}

static enum nba_status run_all(struct run *run, uint32_t *points, bool *ret_passed,
                               struct nba_buf *report, struct nba_error *error)
{
    char same[PATH_BYTES_MAX];
    enum nba_status status = NBA_OK;
    (void)snprintf(same, sizeof(same), "%.3000s/same", run->options->folder);
    (void)snprintf(run->folder, sizeof(run->folder), "%.3000s/run", run->options->folder);
    if (run->scenario->same_as != NULL) {
        run->same_as = same;
        status = run_same(run, run->scenario->same_as, same, ret_passed, report, error);
        if (status == NBA_OK && !*ret_passed) {
            nba_buf_printf(report,
                           "  (that was scenario '%.*s', which this one must be the same as)\n",
                           NBA_STR_ARG(run->scenario->same_as->name));
            return NBA_OK;
        }
    }
    *ret_passed = true;
    for (uint32_t n = 0; status == NBA_OK && n < run->scenario->run_count; n++) {
        bool passed = false;
        struct nba_buf said;
        choose_points(run->scenario, n, points);
        nba_buf_init(&said, REPORT_BYTES_MAX);
        status = run_once(run, &passed, &said, error);
        if (!passed || run->options->verbose) {
            name_points(run, report);
            nba_buf_append_str(report, nba_buf_str(&said));
        }
        nba_buf_clear(&said);
        *ret_passed = *ret_passed && passed;
    }
    return status;
}

/* Dies in every step at one kill point after the other, and compares with an undisturbed run. */
static enum nba_status run_with_crashes(struct run *run, uint32_t *points, bool *ret_passed,
                                        struct nba_buf *report, struct nba_error *error)
{
    char same[PATH_BYTES_MAX];
    (void)snprintf(same, sizeof(same), "%.3000s/undisturbed", run->options->folder);
    choose_points(run->scenario, 0, points);
    enum nba_status status = run_same(run, run->scenario, same, ret_passed, report, error);
    run->same_as = same;
    while (run->crash_end < run->scenario->step_count &&
           run->scenario->steps[run->crash_end].kind != STEP_POLICY) {
        run->crash_end++; /* a start with a policy that was refused would be refused */
    }
    for (uint32_t point = 0; status == NBA_OK && *ret_passed && point < NBA_KILL_POINT_COUNT;
         point++) {
        struct nba_buf said;
        if (point == NBA_KILL_POINT_in_revoke || point == NBA_KILL_POINT_in_swap ||
            point == NBA_KILL_POINT_in_close) {
            continue; /* not passed in a step */
        }
        nba_buf_init(&said, REPORT_BYTES_MAX);
        run->everywhere = &point;
        status = run_once(run, ret_passed, &said, error);
        if (status == NBA_OK && (!*ret_passed || run->options->verbose)) {
            nba_buf_printf(report, "  with a crash %s in every step (%u deaths so far):\n",
                           nba_crash_point_name(point), run->deaths);
            nba_buf_append_str(report, nba_buf_str(&said));
        }
        nba_buf_clear(&said);
    }
    if (status == NBA_OK && *ret_passed && run->deaths == 0 && run->crash_end != 0) {
        nba_buf_printf(report, "  no kill point was reached\n");
        *ret_passed = false;
    }
    return status;
}

enum nba_status nba_scenarios_run(const struct nba_scenarios *scenarios, size_t index,
                                  const struct nba_scenario_options *options,
                                  enum nba_scenario_verdict *ret_verdict, struct nba_buf *report,
                                  struct nba_error *error)
{
    NBA_ASSERT(index < scenarios->count);
    const struct scenario *scenario = scenarios->items[index];
    struct run run = {.options = options, .file = scenarios, .scenario = scenario, .judged = true};
    bool passed = false;
    if (scenario->policy_refused.bytes != 0) {
        nba_buf_printf(report, "  the policy is refused: %.*s\n",
                       NBA_STR_ARG(scenario->policy_refused));
        *ret_verdict = NBA_SCENARIO_FAILED;
        return NBA_OK;
    }
    if (asks_for_kill_points(scenario) && !kill_points_are_there()) {
        nba_buf_printf(report, "  this build has no kill points\n");
        *ret_verdict = NBA_SCENARIO_SKIPPED;
        return NBA_OK;
    }
    uint32_t *points = calloc(scenario->step_count + 1u, sizeof(*points));
    if (points == NULL) {
        return nba_error_set(error, NBA_E_NO_MEMORY, "out of memory");
    }
    run.points = points;
    enum nba_status status = run_all(&run, points, &passed, report, error);
    if (status == NBA_OK && passed && options->crash && !has_crashes(scenario) &&
        kill_points_are_there()) {
        status = run_with_crashes(&run, points, &passed, report, error);
    }
    free(points);
    *ret_verdict = passed ? NBA_SCENARIO_PASSED : NBA_SCENARIO_FAILED;
    return status;
}
