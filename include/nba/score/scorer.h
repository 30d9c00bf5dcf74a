/*
 * The scorer: a wave of HCPs in, their scores out (nba/score/score.h says what a score is).
 *
 * BINDING.  A catalogue and a release are bound once when either changes: which content of one is
 * which of the other, and popularity standardised for every segment.  Without a release the binding
 * holds the catalogue alone and scores come from a tally.
 *
 * BATCHES.  nba_scorer_run takes up to NBA_SCORE_WAVE HCPs, all different; their LSTM steps and
 * scores go through the kernels together.  The result doesn't depend on who shares a wave.
 *
 * THE RECURRENT STATE of an HCP is a pure function of ring and release (anchored window,
 * state/hcp.h).  The caller hands in what it remembers of it (release, start, number of events
 * taken in); the scorer steps on from there when the window still starts at the same event, else
 * runs the window again.
 *
 * OWNERSHIP.  A binding holds references to its catalogue and release.  Scores lie in the caller's
 * arena.  THREADS.  A binding is immutable; a scorer belongs to one worker.
 */
#ifndef NBA_SCORE_SCORER_H
#define NBA_SCORE_SCORER_H

#include "nba/base/arena.h"
#include "nba/catalog/catalog.h"
#include "nba/release/release.h"
#include "nba/score/score.h"
#include "nba/score/table.h"
#include "nba/state/hcp.h"

/* Most HCPs scored side by side. */
#define NBA_SCORE_WAVE 64u
/* NCF's candidates: the default, and the most that configuration may ask for. */
#define NBA_SCORE_NCF_CANDIDATES     32u
#define NBA_SCORE_NCF_CANDIDATES_MAX 200u

struct nba_score_options {
    uint32_t ncf_candidates;       /* at most NBA_SCORE_NCF_CANDIDATES_MAX; 0: NCF isn't asked */
    enum nba_score_model model;    /* NCF alone scores every content */
    struct nba_score_table *table; /* scores come from here and from nowhere else; NULL: none */
    uint32_t rankings_top_n; /* 0: no rankings; at most NBA_SCORE_RANKING_MAX.  Costs NCF over every
                                content */
};

struct nba_score_binding;

/* `release` NULL: nothing trained yet.  NBA_E_NOT_FOUND: the release has no such
 * member. */
NBA_MUST_USE
enum nba_status nba_score_binding_create(struct nba_catalog *catalog, struct nba_release *release,
                                         const struct nba_score_options *options,
                                         struct nba_score_binding **ret_binding,
                                         struct nba_error *error);
void nba_score_binding_destroy(struct nba_score_binding *binding);

/* Release id, "popularity" or "table". */
const char *nba_score_binding_version(const struct nba_score_binding *binding);
/* Floats of a recurrent state; 0 when no model has one. */
size_t nba_score_binding_state_floats(const struct nba_score_binding *binding);

/* Engagements by content of a partition, for scores without a release; index = catalogue content.
 * Arrays of content_count; segment = the HCP's specialty, everyone = all. */
struct nba_score_tally {
    const uint32_t *segment;
    const uint32_t *everyone;
};

struct nba_score_job {
    const struct nba_hcp *hcp;
    int64_t watermark_ms; /* of the partition: how long ago the HCP's events were */
    /* Recurrent state: state_floats of them, in and out.  As handed in it has taken in the events
     * known_start .. known_pushed - 1; known_pushed = 0: nothing is known, contents are ignored. */
    float *state;
    uint64_t known_start;
    uint64_t known_pushed;
    struct nba_score_tally tally; /* without a release */
    struct nba_scores scores;     /* result, in the arena */
    /* Result: what `state` has taken in now. */
    uint64_t start;
    uint64_t pushed;
};

struct nba_scorer;

struct nba_scorer *nba_scorer_create(void);
void nba_scorer_destroy(struct nba_scorer *scorer);

/* Scores jobs[0 .. count - 1], count <= NBA_SCORE_WAVE, HCPs all different.  NBA_E_NO_MEMORY. */
NBA_MUST_USE
enum nba_status nba_scorer_run(struct nba_scorer *scorer, const struct nba_score_binding *binding,
                               struct nba_score_job *jobs, size_t count, struct nba_arena *arena,
                               struct nba_error *error);

/* The same in two parts: recurrent states and LSTM scores of the whole wave, then everything else
 * of one HCP after the other, so that a caller who is done with each one's scores before the next
 * may give the same (reset) arena again: a catalogue's scores then stay in the cache. */
void nba_scorer_start(struct nba_scorer *scorer, const struct nba_score_binding *binding,
                      struct nba_score_job *jobs, size_t count);
/* jobs[index] of those that were started; the HCP must not have changed since. */
NBA_MUST_USE
enum nba_status nba_scorer_finish(struct nba_scorer *scorer,
                                  const struct nba_score_binding *binding,
                                  struct nba_score_job *jobs, size_t index, struct nba_arena *arena,
                                  struct nba_error *error);

#endif
