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
#include "nba/base/file.h"
#include "parts.h"
#include "release_internal.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "tensors are stored little-endian");
_Static_assert(sizeof(struct nba_fusion) == (NBA_MEMBER_COUNT + 2) * sizeof(double) &&
                   sizeof(struct nba_calibrator) ==
                       (NBA_CHANNEL_COUNT + NBA_ENGAGEMENT_COUNT) * sizeof(double),
               "both are stored as they lie in memory");

#define PATH_BYTES 4096u

struct nba_release {
    atomic_uint references;
    char id[NBA_RELEASE_ID_BYTES];
    char parent[NBA_RELEASE_ID_BYTES];
    char *training;                /* copy of the manifest's object */
    unsigned char *tensors;        /* tensors.bin */
    struct nba_str *names;         /* contents, then specialties; they point into `tensors` */
    struct nba_hash_index by_hash; /* contents */
    struct nba_lstm_weights lstm_weights;
    struct nba_ncf_weights ncf_weights;
    struct nba_neighbours neighbours[NBA_NEIGHBOURS_COUNT];
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

static enum nba_status check_tensors(const struct nba_release *release,
                                     const struct nba_manifest *manifest, struct nba_error *error)
{
    for (int t = 0; t < NBA_TENSOR_COUNT; t++) {
        const struct nba_tensor_place *place = &manifest->layout.places[t];
        const unsigned char *bytes = release->tensors + place->offset;
        char sha256[NBA_SHA256_TEXT_BYTES];
        if (!place->present) {
            continue;
        }
        nba_sha256_text(bytes, (size_t)place->bytes, sha256);
        if (strcmp(sha256, manifest->sha256[t]) != 0) {
            return nba_error_set(error, NBA_E_CORRUPT, "tensors.bin: %s: checksum differs",
                                 place->name);
        }
        for (uint64_t i = place->bytes; i % NBA_RELEASE_ALIGN_BYTES != 0; i++) {
            if (bytes[i] != 0) {
                return nba_error_set(error, NBA_E_CORRUPT,
                                     "tensors.bin: after %s: padding is not 0", place->name);
            }
        }
    }
    return NBA_OK;
}

/* count + 1 offsets into `bytes`: rising from 0 to its length. */
static bool decode_names(const uint32_t *offsets, const char *bytes, uint32_t count, uint32_t total,
                         struct nba_str *ret_names)
{
    bool rising = offsets[0] == 0 && offsets[count] == total;
    for (uint32_t i = 0; rising && i < count; i++) {
        rising = offsets[i + 1] >= offsets[i] && offsets[i + 1] <= total;
        ret_names[i] = nba_str(bytes + offsets[i], rising ? offsets[i + 1] - offsets[i] : 0);
    }
    return rising;
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
    if (!decode_names(tensor_at(release, manifest, NBA_TENSOR_VOCABULARY_OFFSETS),
                      tensor_at(release, manifest, NBA_TENSOR_VOCABULARY_BYTES), sizes->contents,
                      sizes->vocabulary_bytes, release->names)) {
        return nba_error_set(error, NBA_E_CORRUPT, "vocabulary.offsets don't rise to its length");
    }
    if (!decode_names(tensor_at(release, manifest, NBA_TENSOR_SPECIALTIES_OFFSETS),
                      tensor_at(release, manifest, NBA_TENSOR_SPECIALTIES_BYTES),
                      sizes->specialties, sizes->specialty_bytes, specialties)) {
        return nba_error_set(error, NBA_E_CORRUPT, "specialties.offsets don't rise to its length");
    }
    release->parts.contents = release->names;
    release->parts.content_count = sizes->contents;
    release->parts.specialties = specialties;
    release->parts.specialty_count = sizes->specialties;
    return NBA_OK;
}

static void decode_numbers(struct nba_release *release, const struct nba_manifest *manifest)
{
    const struct nba_release_sizes *sizes = &manifest->sizes;
    struct nba_release_parts *parts = &release->parts;
    const float **fields[NBA_TENSOR_COUNT];
    parts->window_events = sizes->window_events;
    parts->popularity = tensor_at(release, manifest, NBA_TENSOR_POPULARITY);
    memcpy(parts->fusion, tensor_at(release, manifest, NBA_TENSOR_FUSION), sizeof parts->fusion);
    memcpy(&parts->calibrator, tensor_at(release, manifest, NBA_TENSOR_CALIBRATOR),
           sizeof parts->calibrator);
    parts->content_rate = tensor_at(release, manifest, NBA_TENSOR_CONTENT_RATE);
    release->lstm_weights.shape = sizes->lstm;
    release->lstm_weights.bf16 = sizes->lstm_bf16 != 0;
    release->ncf_weights.shape = sizes->ncf;
    parts->lstm = sizes->has_lstm ? &release->lstm_weights : NULL;
    parts->ncf = sizes->has_ncf ? &release->ncf_weights : NULL;
    nba_parts_weights(&release->lstm_weights, &release->ncf_weights, fields);
    for (int t = NBA_TENSOR_LSTM_EMBEDDING; t < NBA_TENSOR_EASE_DECAY; t++) {
        if (manifest->layout.places[t].present) {
            *fields[t] = tensor_at(release, manifest, (enum nba_release_tensor)t);
        }
    }
}

static void decode_neighbours(struct nba_release *release, const struct nba_manifest *manifest)
{
    for (int i = 0; i < NBA_NEIGHBOURS_COUNT; i++) {
        const struct nba_neighbours_sizes *sizes = &manifest->sizes.neighbours[i];
        const void *arrays[NBA_NEIGHBOURS_TENSORS];
        for (int t = 0; t < NBA_NEIGHBOURS_TENSORS; t++) {
            arrays[t] = tensor_at(
                release, manifest,
                (enum nba_release_tensor)(NBA_TENSOR_EASE_DECAY + i * NBA_NEIGHBOURS_TENSORS + t));
        }
        if (sizes->last != 0) {
            release->neighbours[i] = (struct nba_neighbours){
                .contents = manifest->sizes.contents,
                .entries = sizes->entries,
                .last = sizes->last,
                .decay = *(const float *)arrays[0],
                .values = arrays[1],
                .prior = arrays[2],
                .offsets = sizes->sparse ? arrays[3] : NULL,
                .columns = sizes->sparse ? arrays[4] : NULL,
            };
            release->parts.neighbours[i] = &release->neighbours[i];
        }
    }
}

static enum nba_status decode(struct nba_release *release, const struct nba_manifest *manifest,
                              bool checksums, struct nba_error *error)
{
    memcpy(release->parent, manifest->parent, sizeof release->parent);
    release->training = malloc(manifest->training.bytes + 1);
    if (release->training == NULL) {
        return nba_error_set(error, NBA_E_NO_MEMORY, "out of memory");
    }
    memcpy(release->training, manifest->training.data, manifest->training.bytes);
    release->parts.training_json = nba_str(release->training, manifest->training.bytes);
    release->parts.parent = nba_str_of(release->parent);
    enum nba_status status = checksums ? check_tensors(release, manifest, error) : NBA_OK;
    if (status == NBA_OK) {
        status = decode_all_names(release, manifest, error);
    }
    if (status == NBA_OK) {
        decode_numbers(release, manifest);
        decode_neighbours(release, manifest);
        status = nba_parts_check(&release->parts, &manifest->sizes, &release->by_hash, error);
    }
    return status;
}

static void destroy(struct nba_release *release)
{
    nba_lstm_destroy(release->lstm);
    nba_ncf_destroy(release->ncf);
    nba_hash_index_clear(&release->by_hash);
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
    const enum nba_status status = decode(release, manifest, checksums, error);
    if (status != NBA_OK) {
        destroy(release);
        return status;
    }
    *ret_release = release;
    return NBA_OK;
}

/* ---- loading ---- */

static enum nba_status load_from(int dir, const char *id, struct nba_buf *text,
                                 struct nba_release **ret_release, struct nba_error *error)
{
    struct nba_manifest manifest;
    struct nba_buf tensors;
    char sha256[NBA_SHA256_TEXT_BYTES];
    enum nba_status status = nba_file_read_in(dir, "manifest.json", text, error);
    if (status != NBA_OK) {
        return status;
    }
    /* The version first: a release of a later format keeps its id rule, and deserves its name. */
    status = nba_manifest_scan(nba_buf_str(text), &manifest, error);
    nba_sha256_text(text->data, text->bytes, sha256);
    if (status != NBA_E_VERSION && strcmp(id, sha256) != 0) {
        return nba_error_set(error, NBA_E_CORRUPT,
                             "manifest.json: its checksum is not the directory's name");
    }
    if (status != NBA_OK) {
        return nba_error_prefix(error, "manifest.json");
    }
    /* No more memory than the manifest speaks of. */
    nba_buf_init(&tensors, (size_t)manifest.layout.bytes);
    status = nba_file_read_in(dir, "tensors.bin", &tensors, error);
    if (status == NBA_E_LIMIT || (status == NBA_OK && tensors.bytes != manifest.layout.bytes)) {
        status = nba_error_set(error, NBA_E_CORRUPT, "tensors.bin: expected %llu bytes",
                               (unsigned long long)manifest.layout.bytes);
    }
    if (status != NBA_OK) {
        nba_buf_clear(&tensors);
        return status;
    }
    status = nba_release_decode(&manifest, tensors.data, true, ret_release, error);
    if (status == NBA_OK) {
        NBA_ASSERT(*ret_release != NULL);
        memcpy((*ret_release)->id, sha256, sizeof sha256);
    }
    return status;
}

/* "/a/b/<id>//" -> the path without the slashes at its end, and the id in it. */
static enum nba_status split_path(const char *path, char ret_path[PATH_BYTES], const char **ret_id,
                                  struct nba_error *error)
{
    size_t bytes = strlen(path);
    while (bytes > 1 && path[bytes - 1] == '/') {
        bytes--;
    }
    if (bytes >= PATH_BYTES) {
        return nba_error_set(error, NBA_E_LIMIT, "path of %zu bytes, at most %u", bytes,
                             PATH_BYTES - 1);
    }
    memcpy(ret_path, path, bytes);
    ret_path[bytes] = '\0';
    const char *slash = strrchr(ret_path, '/');
    *ret_id = slash != NULL ? slash + 1 : ret_path;
    return nba_release_id_is_valid(nba_str_of(*ret_id))
               ? NBA_OK
               : nba_error_set(error, NBA_E_CORRUPT,
                               "a release's directory is named by its id, 64 hexadecimal digits");
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
    const char *id = NULL;
    int dir = -1;
    struct nba_release *release = NULL;
    struct nba_buf text;
    nba_buf_init(&text, NBA_RELEASE_MANIFEST_BYTES_MAX);
    enum nba_status status = split_path(path, clean_path, &id, error);
    if (status == NBA_OK) {
        status = nba_file_open_folder(clean_path, &dir, error);
    }
    if (status == NBA_OK) {
        NBA_ASSERT(id != NULL);
        status = load_from(dir, id, &text, &release, error);
        (void)close(dir);
    }
    nba_buf_clear(&text);
    if (status == NBA_OK && kernels != NULL) {
        NBA_ASSERT(release != NULL);
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

const struct nba_release_parts *nba_release_parts(const struct nba_release *release)
{
    return &release->parts;
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
    uint32_t cursor = 0;
    return nba_hash_index_next(&release->by_hash, content_hash, &cursor);
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
    return nba_parts_has(&release->parts, member);
}

const struct nba_lstm *nba_release_lstm(const struct nba_release *release)
{
    return release->lstm;
}

const struct nba_ncf *nba_release_ncf(const struct nba_release *release)
{
    return release->ncf;
}

const struct nba_neighbours *nba_release_neighbours(const struct nba_release *release,
                                                    enum nba_fusion_member member)
{
    return member >= NBA_NEIGHBOURS_FIRST ? release->parts.neighbours[member - NBA_NEIGHBOURS_FIRST]
                                          : NULL;
}
