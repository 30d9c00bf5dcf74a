/*
 * Writing: check the parts, put the tensors into one block by the layout, hash each, write the
 * block, then the texts, then manifest.json; sync all, rename the directory to its id, sync the
 * folder.  A crash leaves a directory `.release-XXXXXX` behind that nobody reads.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "manifest.h"
#include "nba/base/file.h"
#include "nba/codec/json_value.h"
#include "nba/release/shelf.h"
#include "parts.h"

#define PATH_BYTES               4096u
#define ENGINE_VERSION_BYTES_MAX 256u

struct writer {
    const struct nba_release_parts *parts;
    struct nba_manifest manifest;
    char temporary[PATH_BYTES]; /* the directory being filled */
};

static enum nba_status io_error(const char *what, const char *path, struct nba_error *error)
{
    return nba_error_set(error, NBA_E_IO, "cannot %s '%.200s': %s", what, path, strerror(errno));
}

/* ---- tensors.bin ---- */

/* Names as offsets (count + 1) and bytes. */
static void encode_names(const struct nba_str *names, uint32_t count, void *ret_offsets,
                         unsigned char *ret_bytes)
{
    uint32_t *offsets = ret_offsets;
    for (uint32_t i = 0; i < count; i++) {
        memcpy(ret_bytes + offsets[i], names[i].data, names[i].bytes);
        offsets[i + 1] = offsets[i] + (uint32_t)names[i].bytes;
    }
}

/* `memory` (layout.bytes) is zero. */
static void encode(struct writer *writer, unsigned char *memory)
{
    const struct nba_release_parts *parts = writer->parts;
    const struct nba_tensor_place *places = writer->manifest.layout.places;
    const void *arrays[NBA_TENSOR_COUNT];
    encode_names(parts->contents, parts->content_count,
                 memory + places[NBA_TENSOR_VOCABULARY_OFFSETS].offset,
                 memory + places[NBA_TENSOR_VOCABULARY_BYTES].offset);
    encode_names(parts->specialties, parts->specialty_count,
                 memory + places[NBA_TENSOR_SPECIALTIES_OFFSETS].offset,
                 memory + places[NBA_TENSOR_SPECIALTIES_BYTES].offset);
    memcpy(memory + places[NBA_TENSOR_POPULARITY].offset, parts->popularity,
           (size_t)places[NBA_TENSOR_POPULARITY].bytes);
    memcpy(memory + places[NBA_TENSOR_FUSION].offset, parts->fusion, sizeof parts->fusion);
    memcpy(memory + places[NBA_TENSOR_CALIBRATOR].offset, &parts->calibrator,
           sizeof parts->calibrator);
    memcpy(memory + places[NBA_TENSOR_CONTENT_RATE].offset, parts->content_rate,
           (size_t)places[NBA_TENSOR_CONTENT_RATE].bytes);
    nba_parts_arrays(parts, arrays);
    for (int t = NBA_TENSOR_LSTM_EMBEDDING; t < NBA_TENSOR_COUNT; t++) {
        if (places[t].present) {
            memcpy(memory + places[t].offset, arrays[t], (size_t)places[t].bytes);
        }
    }
    for (int t = 0; t < NBA_TENSOR_COUNT; t++) {
        if (places[t].present) {
            nba_sha256_text(memory + places[t].offset, (size_t)places[t].bytes,
                            writer->manifest.sha256[t]);
        }
    }
}

static enum nba_status write_file(const struct writer *writer, const char *name,
                                  struct nba_str bytes, struct nba_error *error)
{
    char path[PATH_BYTES];
    enum nba_status status = nba_shelf_path(writer->temporary, name, path, sizeof path, error);
    return status == NBA_OK ? nba_file_write(path, bytes, error) : status;
}

static enum nba_status write_tensors(struct writer *writer, struct nba_error *error)
{
    const size_t bytes = (size_t)writer->manifest.layout.bytes;
    unsigned char *memory = calloc(bytes, 1);
    if (memory == NULL) {
        return nba_error_set(error, NBA_E_NO_MEMORY, "no memory for %zu bytes of tensors", bytes);
    }
    encode(writer, memory);
    const enum nba_status status =
        write_file(writer, "tensors.bin", nba_str((const char *)memory, bytes), error);
    free(memory);
    return status;
}

/* ---- texts ---- */

static enum nba_status write_created(const struct writer *writer, struct nba_error *error)
{
    char text[128 + ENGINE_VERSION_BYTES_MAX];
    (void)snprintf(text, sizeof text,
                   "{\n  \"created_ms\": %" PRId64 ",\n  \"engine_version\": \"%.*s\"\n}\n",
                   writer->parts->created_ms, NBA_STR_ARG(writer->parts->engine_version));
    return write_file(writer, "created.json", nba_str_of(text), error);
}

static enum nba_status write_manifest(struct writer *writer, char ret_id[NBA_RELEASE_ID_BYTES],
                                      struct nba_error *error)
{
    struct nba_buf buf;
    nba_buf_init(&buf, NBA_RELEASE_MANIFEST_BYTES_MAX);
    nba_manifest_print(&writer->manifest, &buf);
    enum nba_status status = NBA_OK;
    if (buf.failed) {
        status = nba_error_set(error, NBA_E_LIMIT, "manifest.json would be above %u bytes",
                               NBA_RELEASE_MANIFEST_BYTES_MAX);
    } else {
        status = write_file(writer, "manifest.json", nba_buf_str(&buf), error);
        nba_sha256_text(buf.data, buf.bytes, ret_id);
    }
    nba_buf_clear(&buf);
    return status;
}

/* The manifest goes last: it is made of everything before it, and its checksum is the id. */
static enum nba_status write_files(struct writer *writer, char ret_id[NBA_RELEASE_ID_BYTES],
                                   struct nba_error *error)
{
    const struct nba_release_parts *parts = writer->parts;
    enum nba_status status = write_tensors(writer, error);
    if (status == NBA_OK) {
        status = write_file(writer, "report.json", parts->report_json, error);
    }
    if (status == NBA_OK) {
        status = write_file(writer, "history.json", parts->history_json, error);
    }
    if (status == NBA_OK) {
        status = write_created(writer, error);
    }
    return status == NBA_OK ? write_manifest(writer, ret_id, error) : status;
}

/* ---- the whole ---- */

static enum nba_status check_texts(const struct nba_release_parts *parts, struct nba_error *error)
{
    if (!nba_str_empty(parts->parent) && !nba_release_id_is_valid(parts->parent)) {
        return nba_error_set(error, NBA_E_SHAPE, "parent is not a release's id");
    }
    if (!nba_json_value_is(parts->training_json, true)) {
        return nba_error_set(error, NBA_E_SHAPE, "training is not a JSON object");
    }
    if (!nba_json_value_is(parts->report_json, true)) {
        return nba_error_set(error, NBA_E_SHAPE, "report is not a JSON object");
    }
    if (!nba_json_value_is(parts->history_json, false)) {
        return nba_error_set(error, NBA_E_SHAPE, "history is not JSON");
    }
    if (parts->report_json.bytes > NBA_RELEASE_DOCUMENT_BYTES_MAX ||
        parts->history_json.bytes > NBA_RELEASE_DOCUMENT_BYTES_MAX) {
        return nba_error_set(error, NBA_E_LIMIT, "report or history is above %u bytes",
                             NBA_RELEASE_DOCUMENT_BYTES_MAX);
    }
    bool plain = parts->engine_version.bytes <= ENGINE_VERSION_BYTES_MAX;
    for (size_t i = 0; plain && i < parts->engine_version.bytes; i++) {
        const char c = parts->engine_version.data[i];
        plain = c >= 0x20 && c <= 0x7e && c != '"' && c != '\\';
    }
    return plain ? NBA_OK
                 : nba_error_set(error, NBA_E_SHAPE,
                                 "engine version is not plain text of at most %u bytes",
                                 ENGINE_VERSION_BYTES_MAX);
}

static enum nba_status prepare(struct writer *writer, const char *folder, struct nba_error *error)
{
    const struct nba_release_parts *parts = writer->parts;
    struct nba_manifest *manifest = &writer->manifest;
    struct nba_hash_index index = {0};
    enum nba_status status = check_texts(parts, error);
    if (status == NBA_OK) {
        status = nba_parts_sizes(parts, &manifest->sizes, error);
    }
    if (status == NBA_OK) {
        status = nba_parts_check(parts, &manifest->sizes, &index, error);
        nba_hash_index_clear(&index);
    }
    if (status == NBA_OK) {
        status = nba_file_make_dirs(folder, error);
    }
    if (status == NBA_OK) {
        status = nba_shelf_path(folder, ".release-XXXXXX", writer->temporary, PATH_BYTES, error);
    }
    if (status != NBA_OK) {
        return status;
    }
    manifest->layout = nba_release_layout(&manifest->sizes);
    manifest->training = parts->training_json;
    manifest->report_bytes = parts->report_json.bytes;
    nba_sha256_text(parts->report_json.data, parts->report_json.bytes, manifest->report_sha256);
    memcpy(manifest->parent, nba_str_empty(parts->parent) ? "" : parts->parent.data,
           parts->parent.bytes);
    return mkdtemp(writer->temporary) != NULL ? NBA_OK
                                              : io_error("create", writer->temporary, error);
}

static enum nba_status sync_dir(const char *path, struct nba_error *error)
{
    const int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0) {
        return io_error("open", path, error);
    }
    const enum nba_status status = fsync(dir) == 0 ? NBA_OK : io_error("sync", path, error);
    (void)close(dir);
    return status;
}

/* Gives the directory its name.  Where the name is taken, what is there must be the same
 * release. */
static enum nba_status publish(const struct writer *writer, const char *folder, const char *id,
                               struct nba_error *error)
{
    char path[PATH_BYTES];
    enum nba_status status = nba_shelf_path(folder, id, path, sizeof path, error);
    if (status == NBA_OK) {
        status = sync_dir(writer->temporary, error);
    }
    if (status != NBA_OK) {
        return status;
    }
    if (rename(writer->temporary, path) == 0) {
        return sync_dir(folder, error);
    }
    if (errno != EEXIST && errno != ENOTEMPTY) {
        return io_error("rename to", path, error);
    }
    struct nba_release *release = NULL;
    status = nba_release_load(path, NULL, &release, error);
    nba_release_unref(release);
    return status == NBA_OK ? nba_file_remove_tree(writer->temporary, error) : status;
}

enum nba_status nba_release_write(const struct nba_release_parts *parts, const char *folder,
                                  char ret_id[NBA_RELEASE_ID_BYTES], struct nba_error *error)
{
    struct writer *writer = calloc(1, sizeof *writer);
    if (writer == NULL) {
        return nba_error_set(error, NBA_E_NO_MEMORY, "out of memory");
    }
    char id[NBA_RELEASE_ID_BYTES];
    writer->parts = parts;
    enum nba_status status = prepare(writer, folder, error);
    if (status == NBA_OK) {
        status = write_files(writer, id, error);
        if (status == NBA_OK) {
            status = publish(writer, folder, id, error);
        }
        if (status != NBA_OK) {
            /* the first failure is the one to tell; what can't be removed is passed over later */
            struct nba_error unused;
            const enum nba_status removed = nba_file_remove_tree(writer->temporary, &unused);
            (void)removed;
        }
    }
    if (status == NBA_OK) {
        memcpy(ret_id, id, sizeof id);
    } else {
        (void)nba_error_prefix(error, "release");
    }
    free(writer);
    return status;
}
