/*
 * Loading: manifest, then its checksum against the name, then sizes, then one read of tensors.bin
 * into one block, then checksums, then the rules; only then are models bound.  The loaded release
 * is described by the same struct nba_release_parts that the writer takes, pointing into the block,
 * so that both are held to the same rules.
 */
#include "nba/release/release.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "nba/base/assert.h"
#include "nba/base/buf.h"
#include "parts.h"
#include "release_file.h"
#include "release_internal.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "tensors are stored little-endian");
_Static_assert(NBA_RELEASE_UNKNOWN == NBA_LSTM_UNKNOWN && NBA_RELEASE_UNKNOWN == NBA_NCF_UNKNOWN,
               "an index not found goes to the models as it is");

#define PATH_BYTES 4096u

struct nba_release {
    atomic_uint references;
    char id[NBA_RELEASE_ID_BYTES];
    char parent[NBA_RELEASE_ID_BYTES];
    char *training;         /* copy of the manifest's object */
    unsigned char *tensors; /* tensors.bin */
    struct nba_str *names;  /* contents, then specialties; they point into `tensors` */
    struct nba_hash_slots slots;
    struct nba_lstm_weights lstm_weights;
    struct nba_ncf_weights ncf_weights;
    struct nba_release_parts parts;
    struct nba_lstm *lstm; /* bound, or NULL */
    struct nba_ncf *ncf;
};

/* ---- decoding ---- */

static const void *tensor_at(const struct nba_release *release, const struct nba_manifest *manifest,
                             enum nba_release_tensor tensor)
{
    return release->tensors + manifest->layout.places[tensor].offset;
}

static enum nba_status check_tensor(const struct nba_release *release,
                                    const struct nba_manifest *manifest,
                                    enum nba_release_tensor tensor, struct nba_error *error)
{
    const struct nba_tensor_place *place = &manifest->layout.places[tensor];
    const unsigned char *bytes = tensor_at(release, manifest, tensor);
    char sha256[NBA_SHA256_TEXT_BYTES];
    nba_sha256_text(bytes, (size_t)place->bytes, sha256);
    if (strcmp(sha256, manifest->sha256[tensor]) != 0) {
        return nba_error_set(error, NBA_E_CORRUPT, "tensors.bin: %s: checksum differs",
                             nba_release_tensor_name(tensor));
    }
    for (uint64_t i = place->bytes; i % NBA_RELEASE_ALIGN_BYTES != 0; i++) {
        if (bytes[i] != 0) {
            return nba_error_set(error, NBA_E_CORRUPT, "tensors.bin: after %s: padding is not 0",
                                 nba_release_tensor_name(tensor));
        }
    }
    return NBA_OK;
}

static enum nba_status check_tensors(const struct nba_release *release,
                                     const struct nba_manifest *manifest, struct nba_error *error)
{
    for (int t = 0; t < NBA_TENSOR_COUNT; t++) {
        if (manifest->layout.places[t].present) {
            const enum nba_status status =
                check_tensor(release, manifest, (enum nba_release_tensor)t, error);
            if (status != NBA_OK) {
                return status;
            }
        }
    }
    return NBA_OK;
}

/* count + 1 offsets into `bytes`: rising from 0 to its length. */
static enum nba_status decode_names(const uint32_t *offsets, const char *bytes, uint32_t count,
                                    uint32_t total, struct nba_str *ret_names)
{
    if (offsets[0] != 0 || offsets[count] != total) {
        return NBA_E_CORRUPT;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (offsets[i + 1] < offsets[i] || offsets[i + 1] > total) {
            return NBA_E_CORRUPT;
        }
        ret_names[i] = nba_str(bytes + offsets[i], offsets[i + 1] - offsets[i]);
    }
    return NBA_OK;
}

static enum nba_status decode_all_names(struct nba_release *release,
                                        const struct nba_manifest *manifest,
                                        struct nba_error *error)
{
    const struct nba_release_sizes *sizes = &manifest->sizes;
    release->names = calloc((size_t)sizes->contents + sizes->specialties, sizeof *release->names);
    if (release->names == NULL) {
        return nba_error_set(error, NBA_E_NO_MEMORY, "no memory for the vocabulary");
    }
    struct nba_str *specialties = release->names + sizes->contents;
    if (decode_names(tensor_at(release, manifest, NBA_TENSOR_VOCABULARY_OFFSETS),
                     tensor_at(release, manifest, NBA_TENSOR_VOCABULARY_BYTES), sizes->contents,
                     sizes->vocabulary_bytes, release->names) != NBA_OK) {
        return nba_error_set(error, NBA_E_CORRUPT, "vocabulary.offsets don't rise to its length");
    }
    if (decode_names(tensor_at(release, manifest, NBA_TENSOR_SPECIALTIES_OFFSETS),
                     tensor_at(release, manifest, NBA_TENSOR_SPECIALTIES_BYTES), sizes->specialties,
                     sizes->specialty_bytes, specialties) != NBA_OK) {
        return nba_error_set(error, NBA_E_CORRUPT, "specialties.offsets don't rise to its length");
    }
    release->parts.contents = release->names;
    release->parts.content_count = sizes->contents;
    release->parts.specialties = specialties;
    release->parts.specialty_count = sizes->specialties;
    return NBA_OK;
}

static void decode_fusion(struct nba_release *release, const struct nba_manifest *manifest)
{
    const double *fusion = tensor_at(release, manifest, NBA_TENSOR_FUSION);
    const double *calibrator = tensor_at(release, manifest, NBA_TENSOR_CALIBRATOR);
    struct nba_release_parts *parts = &release->parts;
    for (int kind = 0; kind < NBA_FUSION_COUNT; kind++, fusion += NBA_MEMBER_COUNT + 2) {
        memcpy(parts->fusion[kind].weights, fusion, sizeof parts->fusion[kind].weights);
        parts->fusion[kind].a = fusion[NBA_MEMBER_COUNT];
        parts->fusion[kind].b = fusion[NBA_MEMBER_COUNT + 1];
    }
    memcpy(parts->calibrator.channel, calibrator, sizeof parts->calibrator.channel);
    parts->calibrator.c = calibrator[NBA_CHANNEL_COUNT];
}

static void decode_members(struct nba_release *release, const struct nba_manifest *manifest)
{
    const struct nba_release_sizes *sizes = &manifest->sizes;
    if (sizes->has_lstm) {
        release->lstm_weights = (struct nba_lstm_weights){
            .shape = sizes->lstm,
            .embedding = tensor_at(release, manifest, NBA_TENSOR_LSTM_EMBEDDING),
            .w1 = tensor_at(release, manifest, NBA_TENSOR_LSTM_W1),
            .b1 = tensor_at(release, manifest, NBA_TENSOR_LSTM_B1),
            .w2 = tensor_at(release, manifest, NBA_TENSOR_LSTM_W2),
            .b2 = tensor_at(release, manifest, NBA_TENSOR_LSTM_B2),
            .out_bias = tensor_at(release, manifest, NBA_TENSOR_LSTM_OUT_BIAS),
        };
        release->parts.lstm = &release->lstm_weights;
    }
    if (sizes->has_ncf) {
        release->ncf_weights = (struct nba_ncf_weights){
            .shape = sizes->ncf,
            .item_gmf = tensor_at(release, manifest, NBA_TENSOR_NCF_ITEM_GMF),
            .item_mlp = tensor_at(release, manifest, NBA_TENSOR_NCF_ITEM_MLP),
            .history = tensor_at(release, manifest, NBA_TENSOR_NCF_HISTORY),
            .prior = tensor_at(release, manifest, NBA_TENSOR_NCF_PRIOR),
            .w1 = tensor_at(release, manifest, NBA_TENSOR_NCF_W1),
            .b1 = tensor_at(release, manifest, NBA_TENSOR_NCF_B1),
            .w2 = tensor_at(release, manifest, NBA_TENSOR_NCF_W2),
            .b2 = tensor_at(release, manifest, NBA_TENSOR_NCF_B2),
            .w3 = tensor_at(release, manifest, NBA_TENSOR_NCF_W3),
            .b3 = tensor_at(release, manifest, NBA_TENSOR_NCF_B3),
            .w_out = tensor_at(release, manifest, NBA_TENSOR_NCF_W_OUT),
            .b_out = tensor_at(release, manifest, NBA_TENSOR_NCF_B_OUT),
        };
        release->parts.ncf = &release->ncf_weights;
    }
}

static enum nba_status decode(struct nba_release *release, const struct nba_manifest *manifest,
                              bool checksums, struct nba_error *error)
{
    enum nba_status status = checksums ? check_tensors(release, manifest, error) : NBA_OK;
    if (status == NBA_OK) {
        status = decode_all_names(release, manifest, error);
    }
    if (status != NBA_OK) {
        return status;
    }
    release->parts.window_events = manifest->sizes.window_events;
    release->parts.popularity = tensor_at(release, manifest, NBA_TENSOR_POPULARITY);
    decode_fusion(release, manifest);
    decode_members(release, manifest);
    status = nba_parts_check(&release->parts, &manifest->sizes, error);
    if (status == NBA_OK) {
        status = nba_hash_slots_fill(release->parts.contents, release->parts.content_count,
                                     &release->slots, error);
    }
    return status;
}

static void destroy(struct nba_release *release)
{
    nba_lstm_destroy(release->lstm);
    nba_ncf_destroy(release->ncf);
    nba_hash_slots_clear(&release->slots);
    free(release->names);
    free(release->training);
    free(release->tensors);
    free(release);
}

enum nba_status nba_release_decode(const struct nba_manifest *manifest, void *tensors,
                                   bool checksums, struct nba_release **ret_release,
                                   struct nba_error *error)
{
    struct nba_release *release = calloc(1, sizeof *release);
    if (release == NULL) {
        free(tensors);
        return nba_error_set(error, NBA_E_NO_MEMORY, "out of memory");
    }
    atomic_init(&release->references, 1);
    release->tensors = tensors;
    memcpy(release->parent, manifest->parent, sizeof release->parent);
    release->training = malloc(manifest->training.bytes + 1);
    enum nba_status status = NBA_OK;
    if (release->training == NULL) {
        status = nba_error_set(error, NBA_E_NO_MEMORY, "out of memory");
    } else {
        memcpy(release->training, manifest->training.data, manifest->training.bytes);
        release->training[manifest->training.bytes] = '\0';
        release->parts.training_json = nba_str(release->training, manifest->training.bytes);
        status = decode(release, manifest, checksums, error);
    }
    if (status != NBA_OK) {
        destroy(release);
        return status;
    }
    *ret_release = release;
    return NBA_OK;
}

/* ---- loading ---- */

static enum nba_status load_tensors(int dir, uint64_t bytes, void **ret_tensors,
                                    struct nba_error *error)
{
    int file = -1;
    uint64_t there = 0;
    void *tensors = NULL;
    enum nba_status status = nba_release_file_open(dir, "tensors.bin", &file, &there, error);
    if (status != NBA_OK) {
        return status;
    }
    if (there != bytes) {
        status = nba_error_set(error, NBA_E_CORRUPT, "tensors.bin: %llu bytes, expected %llu",
                               (unsigned long long)there, (unsigned long long)bytes);
    } else if (posix_memalign(&tensors, NBA_RELEASE_ALIGN_BYTES, (size_t)bytes) != 0) {
        status = nba_error_set(error, NBA_E_NO_MEMORY, "no memory for %llu bytes of tensors",
                               (unsigned long long)bytes);
    } else {
        status = nba_release_file_read(file, tensors, bytes, error);
    }
    (void)close(file);
    if (status != NBA_OK) {
        free(tensors);
        return status;
    }
    *ret_tensors = tensors;
    return NBA_OK;
}

static enum nba_status load_from(int dir, struct nba_str id, struct nba_buf *text,
                                 struct nba_release **ret_release, struct nba_error *error)
{
    struct nba_manifest manifest;
    char sha256[NBA_SHA256_TEXT_BYTES];
    void *tensors = NULL;
    enum nba_status status = nba_release_file_text(dir, "manifest.json", text, error);
    if (status != NBA_OK) {
        return status;
    }
    /* The version first: a release of a later format keeps its id rule, and deserves its name. */
    status = nba_manifest_scan(nba_buf_str(text), &manifest, error);
    nba_sha256_text(text->data, text->bytes, sha256);
    if (status != NBA_E_VERSION && !nba_str_is(id, sha256)) {
        return nba_error_set(error, NBA_E_CORRUPT,
                             "manifest.json: its checksum is not the directory's name");
    }
    if (status != NBA_OK) {
        (void)nba_error_prefix(error, "manifest.json");
        return status;
    }
    status = load_tensors(dir, manifest.layout.bytes, &tensors, error);
    if (status == NBA_OK) {
        status = nba_release_decode(&manifest, tensors, true, ret_release, error);
    }
    if (status == NBA_OK) {
        memcpy((*ret_release)->id, sha256, sizeof sha256);
    }
    return status;
}

static enum nba_status bind(struct nba_release *release, const struct nba_kernels *kernels,
                            struct nba_error *error)
{
    enum nba_status status = NBA_OK;
    if (release->parts.lstm != NULL) {
        status = nba_lstm_create(release->parts.lstm, kernels, &release->lstm, error);
    }
    if (status == NBA_OK && release->parts.ncf != NULL) {
        status = nba_ncf_create(release->parts.ncf, kernels, &release->ncf, error);
    }
    return status;
}

enum nba_status nba_release_load(const char *path, const struct nba_kernels *kernels,
                                 struct nba_release **ret_release, struct nba_error *error)
{
    char clean_path[PATH_BYTES];
    struct nba_str id;
    int dir = -1;
    struct nba_release *release = NULL;
    struct nba_buf text;
    nba_buf_init(&text, NBA_RELEASE_MANIFEST_BYTES_MAX);
    enum nba_status status =
        nba_release_file_split(path, clean_path, sizeof clean_path, &id, error);
    if (status == NBA_OK) {
        status = nba_release_file_open_dir(clean_path, &dir, error);
    }
    if (status == NBA_OK) {
        status = load_from(dir, id, &text, &release, error);
        (void)close(dir);
    }
    nba_buf_clear(&text);
    if (status == NBA_OK && kernels != NULL) {
        status = bind(release, kernels, error);
    }
    if (status != NBA_OK) {
        nba_release_unref(release);
        (void)nba_error_prefix(error, "release '%.200s'", path);
        return status;
    }
    *ret_release = release;
    return NBA_OK;
}

/* ---- the loaded release ---- */

struct nba_release *nba_release_ref(struct nba_release *release)
{
    atomic_fetch_add_explicit(&release->references, 1, memory_order_relaxed);
    return release;
}

void nba_release_unref(struct nba_release *release)
{
    if (release != NULL &&
        atomic_fetch_sub_explicit(&release->references, 1, memory_order_acq_rel) == 1) {
        destroy(release);
    }
}

const char *nba_release_id(const struct nba_release *release)
{
    return release->id;
}

const char *nba_release_parent(const struct nba_release *release)
{
    return release->parent;
}

uint32_t nba_release_window_events(const struct nba_release *release)
{
    return release->parts.window_events;
}

struct nba_str nba_release_training(const struct nba_release *release)
{
    return release->parts.training_json;
}

uint32_t nba_release_content_count(const struct nba_release *release)
{
    return release->parts.content_count;
}

struct nba_str nba_release_content_id(const struct nba_release *release, uint32_t content)
{
    NBA_ASSERT(content < release->parts.content_count);
    return release->parts.contents[content];
}

/* Binary search in ascending names. */
static uint32_t find_name(const struct nba_str *names, uint32_t count, struct nba_str name)
{
    uint32_t low = 0;
    uint32_t high = count;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (nba_str_compare(names[middle], name) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < count && nba_str_equal(names[low], name) ? low : NBA_RELEASE_UNKNOWN;
}

uint32_t nba_release_content_find(const struct nba_release *release, struct nba_str content_id)
{
    return find_name(release->parts.contents, release->parts.content_count, content_id);
}

uint32_t nba_release_content_of_hash(const struct nba_release *release, uint32_t content_hash)
{
    return nba_hash_slots_find(&release->slots, release->parts.contents, content_hash);
}

uint32_t nba_release_specialty_count(const struct nba_release *release)
{
    return release->parts.specialty_count;
}

struct nba_str nba_release_specialty(const struct nba_release *release, uint32_t specialty)
{
    NBA_ASSERT(specialty < release->parts.specialty_count);
    return release->parts.specialties[specialty];
}

uint32_t nba_release_segment_find(const struct nba_release *release, struct nba_str specialty)
{
    const uint32_t index =
        find_name(release->parts.specialties, release->parts.specialty_count, specialty);
    return index == NBA_RELEASE_UNKNOWN ? 0 : index + 1;
}

const uint32_t *nba_release_popularity(const struct nba_release *release, uint32_t segment)
{
    NBA_ASSERT(segment <= release->parts.specialty_count);
    return release->parts.popularity + (size_t)segment * release->parts.content_count;
}

bool nba_release_has(const struct nba_release *release, enum nba_fusion_member member)
{
    switch (member) {
    case NBA_MEMBER_LSTM:
        return release->parts.lstm != NULL;
    case NBA_MEMBER_NCF:
        return release->parts.ncf != NULL;
    case NBA_MEMBER_POPULARITY:
        return true;
    case NBA_MEMBER_COUNT:
        break;
    }
    return false;
}

const struct nba_fusion *nba_release_fusion(const struct nba_release *release,
                                            enum nba_fusion_kind kind)
{
    NBA_ASSERT(kind < NBA_FUSION_COUNT);
    return &release->parts.fusion[kind];
}

const struct nba_calibrator *nba_release_calibrator(const struct nba_release *release)
{
    return &release->parts.calibrator;
}

const struct nba_lstm *nba_release_lstm(const struct nba_release *release)
{
    return release->lstm;
}

const struct nba_ncf *nba_release_ncf(const struct nba_release *release)
{
    return release->ncf;
}

const struct nba_lstm_weights *nba_release_lstm_weights(const struct nba_release *release)
{
    return release->parts.lstm;
}

const struct nba_ncf_weights *nba_release_ncf_weights(const struct nba_release *release)
{
    return release->parts.ncf;
}
