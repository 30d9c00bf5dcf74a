/*
 * A release: everything that training hands to serving, in one immutable directory.
 *
 * WHAT IT HOLDS.  The vocabulary (content ids), specialties, popularity counts and engagement rates
 * by specialty, the weights of each member it has, fusion weights, the calibrator, W, the trainer's
 * configuration, the evaluation report and the training history.  No HCP id and no per-HCP vector,
 * ever.
 *
 *   <folder>/<id>/manifest.json   sizes, W, parent, list of tensors with dims, offset, SHA-256
 *   <folder>/<id>/tensors.bin     the tensors, each on a 64-byte border
 *   <folder>/<id>/report.json     evaluation (bound by its SHA-256 in the manifest)
 *   <folder>/<id>/created.json    when and by which version; not part of the id
 *   <folder>/<id>/history.json    one object an epoch; holds times, so not part of the id
 *
 * id = SHA-256 of manifest.json, and the manifest holds the SHA-256 of everything that serves: the
 * same training gives the same id, and a changed byte gives another.  Byte tables:
 * docs/formats/release.md.
 *
 * LOADING trusts nothing: no link is followed, every size has a limit and is compared with the
 * file's before memory is taken; the id, every checksum, dims, finite values and the rules between
 * them are verified before a kernel sees a number.  It is read, not mapped: a file that changes
 * later can't reach a kernel.  On failure nothing is returned, so the caller's old release stays in
 * use.
 *
 * SEGMENTS.  Rows of popularity and of NCF's priors: 0 is everyone, 1 + i is specialty i.
 *
 * OWNERSHIP.  A loaded release is immutable and counted: nba_release_ref, nba_release_unref; all
 * pointers handed out live as long as it does.
 * THREADS.  Any thread may read and count.
 */
#ifndef NBA_RELEASE_RELEASE_H
#define NBA_RELEASE_RELEASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nba/base/hash.h"
#include "nba/base/hash_index.h"
#include "nba/base/limits.h"
#include "nba/base/status.h"
#include "nba/base/str.h"
#include "nba/event/vocabulary.h"
#include "nba/linalg/kernels.h"
#include "nba/model/lstm.h"
#include "nba/model/ncf.h"
#include "nba/model/neighbours.h"

#define NBA_RELEASE_FORMAT 3u
/* Hexadecimal SHA-256 with its NUL. */
#define NBA_RELEASE_ID_BYTES NBA_SHA256_TEXT_BYTES
/* W: an anchored window holds up to 2 W events and must fit the ring. */
#define NBA_RELEASE_WINDOW_MAX (NBA_RING_EVENTS / 2u)
/* Specialties one release tells apart: SNOMED's and national lists have some 300. */
#define NBA_RELEASE_SPECIALTIES_MAX (NBA_NCF_SEGMENTS_MAX - 1u)
/* manifest.json, 256 KiB: a few dozen tensors and the trainer's configuration. */
#define NBA_RELEASE_MANIFEST_BYTES_MAX 262144u
/* tensors.bin, 512 MiB: 20,000 contents at the widest layers stay below. */
#define NBA_RELEASE_TENSORS_BYTES_MAX 536870912u
/* report.json and history.json each, 4 MiB. */
#define NBA_RELEASE_DOCUMENT_BYTES_MAX 4194304u
/* Largest magnitude of a weight: far above what training makes, and low enough that no score of any
 * shape within the limits overflows to an infinity (NCF: 1e4^5 and the widths make some 1e32). */
#define NBA_RELEASE_WEIGHT_MAX 1e4f
/* Not in the vocabulary; an index not found goes to the models as it is. */
#define NBA_RELEASE_UNKNOWN NBA_HASH_INDEX_NONE

/* Members of the fusion.  Append only: the order is that of stored fusion weights.  EASE and what
 * follows are a struct nba_neighbours each. */
#define NBA_MEMBER_MAP(X)       \
    X(LSTM, "lstm")             \
    X(NCF, "ncf")               \
    X(POPULARITY, "popularity") \
    X(EASE, "ease")             \
    X(KNN, "knn")               \
    X(RULES, "rules")

enum nba_fusion_member {
#define NBA_MEMBER_ENUM(constant, name) NBA_MEMBER_##constant,
    NBA_MEMBER_MAP(NBA_MEMBER_ENUM)
#undef NBA_MEMBER_ENUM
        NBA_MEMBER_COUNT
};
#define NBA_NEIGHBOURS_FIRST NBA_MEMBER_EASE
#define NBA_NEIGHBOURS_COUNT (NBA_MEMBER_COUNT - NBA_NEIGHBOURS_FIRST)
const char *nba_fusion_member_name(enum nba_fusion_member member);

/* Two fusions: of the members that score every content, and of all, where NCF was asked. */
enum nba_fusion_kind { NBA_FUSION_CHEAP, NBA_FUSION_FULL, NBA_FUSION_COUNT };

/* Standardised member scores into log-odds: a * sum_m weight[m] z_m + b. */
struct nba_fusion {
    double weights[NBA_MEMBER_COUNT]; /* >= 0; 0 for a member that is absent; cheap: 0 for NCF */
    double a;
    double b;
};

/* What an engagement hangs on besides the score (nba/score/fusion.h says by what formula). */
#define NBA_ENGAGEMENT_MAP(X)       \
    X(CHANNEL_RATE, "channel_rate") \
    X(CONTENT_RATE, "content_rate") \
    X(WEEK_EVENTS, "week_events")

enum nba_engagement_feature {
#define NBA_ENGAGEMENT_ENUM(constant, name) NBA_ENGAGEMENT_##constant,
    NBA_ENGAGEMENT_MAP(NBA_ENGAGEMENT_ENUM)
#undef NBA_ENGAGEMENT_ENUM
        NBA_ENGAGEMENT_COUNT
};

struct nba_calibrator {
    double channel[NBA_CHANNEL_COUNT];
    double weights[NBA_ENGAGEMENT_COUNT];
};

/* What training hands over.  Everything is borrowed for the call. */
struct nba_release_parts {
    struct nba_str parent;          /* id of the champion while it was trained; empty: none */
    uint32_t window_events;         /* W, 1..NBA_RELEASE_WINDOW_MAX */
    const struct nba_str *contents; /* strictly ascending, bytewise */
    uint32_t content_count;
    const struct nba_str *specialties; /* strictly ascending, bytewise; may be none */
    uint32_t specialty_count;
    const uint32_t *popularity; /* (1 + specialty_count, content_count): engagements, row 0 all */
    const float *content_rate;  /* (1 + specialty_count, content_count): x of nba/score/fusion.h */
    const struct nba_lstm_weights *lstm; /* NULL: no such member */
    const struct nba_ncf_weights *ncf;   /* NULL: no such member; segments = 1 + specialty_count */
    /* Member NBA_NEIGHBOURS_FIRST + i; NULL: no such member. */
    const struct nba_neighbours *neighbours[NBA_NEIGHBOURS_COUNT];
    struct nba_fusion fusion[NBA_FUSION_COUNT];
    struct nba_calibrator calibrator;
    struct nba_str training_json; /* object: the trainer's configuration and seed; part of the id */
    struct nba_str report_json;   /* object: evaluation, no times; part of the id */
    struct nba_str history_json;  /* any JSON: epochs with times; not part of the id */
    int64_t created_ms;           /* wall time; not part of the id */
    struct nba_str engine_version; /* not part of the id */
};

/*
 * Writes a release below `folder` (made if absent) and says its id.  Files go into a temporary
 * directory, are synced, and the directory is renamed: after a crash the release is there whole or
 * not at all, and older ones are untouched.  The same content already there is success.
 *
 * NBA_E_SHAPE (parts that don't agree), NBA_E_NON_FINITE (a weight is NaN, infinite or absurdly
 * large), NBA_E_LIMIT, NBA_E_IO, NBA_E_NO_MEMORY; a message says which part.
 */
NBA_MUST_USE
enum nba_status nba_release_write(const struct nba_release_parts *parts, const char *folder,
                                  char ret_id[NBA_RELEASE_ID_BYTES], struct nba_error *error);

struct nba_release;

/*
 * Reads, verifies and binds the release in directory `path`, whose last component must be its id.
 * `kernels` is what its models will run on; NULL: models are not bound (to look at a release, or to
 * start training from it).  Returned with one reference.
 *
 * NBA_E_NOT_FOUND, NBA_E_IO (a link, a directory in place of a file...), NBA_E_CORRUPT (a checksum,
 * the id, JSON), NBA_E_VERSION (another format, both are named), NBA_E_SHAPE, NBA_E_NON_FINITE,
 * NBA_E_LIMIT, NBA_E_NO_MEMORY.
 */
NBA_MUST_USE
enum nba_status nba_release_load(const char *path, const struct nba_kernels *kernels,
                                 struct nba_release **ret_release, struct nba_error *error);

struct nba_release *nba_release_ref(struct nba_release *release);
void nba_release_unref(struct nba_release *release); /* NULL is fine */

const char *nba_release_id(const struct nba_release *release); /* 64 hexadecimal digits */
/* What it was written from, less report, history, time and engine version. */
const struct nba_release_parts *nba_release_parts(const struct nba_release *release);

/* The index of a content id, or of the 32-bit hash that stands in the ring; NBA_RELEASE_UNKNOWN. */
uint32_t nba_release_content_find(const struct nba_release *release, struct nba_str content_id);
uint32_t nba_release_content_of_hash(const struct nba_release *release, uint32_t content_hash);

/* 1 + index of the specialty; 0 (everyone) when it isn't known. */
uint32_t nba_release_segment_find(const struct nba_release *release, struct nba_str specialty);
/* Engagements by content (content_count of them) in a segment. */
const uint32_t *nba_release_popularity(const struct nba_release *release, uint32_t segment);

bool nba_release_has(const struct nba_release *release, enum nba_fusion_member member);

/* Bound models; NULL when the member is absent or the release was loaded without kernels. */
const struct nba_lstm *nba_release_lstm(const struct nba_release *release);
const struct nba_ncf *nba_release_ncf(const struct nba_release *release);
/* NULL when the release has no such member, or `member` is of another form. */
const struct nba_neighbours *nba_release_neighbours(const struct nba_release *release,
                                                    enum nba_fusion_member member);

#endif
