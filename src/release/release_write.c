/*
 * Writing: check the parts, write tensors.bin tensor by tensor while hashing each, then the texts,
 * then manifest.json; sync all, rename the directory to its id, sync the folder.  A crash leaves a
 * directory `.release-XXXXXX` behind that nobody reads.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "manifest.h"
#include "nba/base/assert.h"
#include "nba/base/file.h"
#include "nba/release/release.h"
#include "parts.h"

#define PATH_BYTES 4096u

struct writer {
    const struct nba_release_parts *parts;
    struct nba_manifest manifest;
    char temporary[PATH_BYTES]; /* the directory being filled */
};

static enum nba_status io_error(const char *what, const char *path, struct nba_error *error)
{
    return nba_error_set(error, NBA_E_IO, "cannot %s '%.200s': %s", what, path, strerror(errno));
}

static enum nba_status join(char *ret_path, const char *folder, const char *name,
                            struct nba_error *error)
{
    const int bytes = snprintf(ret_path, PATH_BYTES, "%s/%s", folder, name);
    if (bytes < 0 || (size_t)bytes >= PATH_BYTES) {
        return nba_error_set(error, NBA_E_LIMIT, "path is longer than %u bytes", PATH_BYTES - 1);
    }
    return NBA_OK;
}

static enum nba_status write_all(int file, const void *data, uint64_t bytes, const char *path,
                                 struct nba_error *error)
{
    const unsigned char *next = data;
    while (bytes > 0) {
        const ssize_t done = write(file, next, bytes < (1u << 30) ? (size_t)bytes : (1u << 30));
        if (done < 0 && errno != EINTR) {
            return io_error("write", path, error);
        }
        if (done > 0) {
            next += done;
            bytes -= (uint64_t)done;
        }
    }
    return NBA_OK;
}

/* ---- tensors.bin ---- */

/* One tensor and the zeros up to the next border. */
static enum nba_status write_tensor(struct writer *writer, enum nba_release_tensor tensor,
                                    const void *values, int file, struct nba_error *error)
{
    static const unsigned char zeros[NBA_RELEASE_ALIGN_BYTES];
    const uint64_t bytes = writer->manifest.layout.places[tensor].bytes;
    const uint64_t padding =
        (NBA_RELEASE_ALIGN_BYTES - bytes % NBA_RELEASE_ALIGN_BYTES) % NBA_RELEASE_ALIGN_BYTES;
    nba_sha256_text(values, (size_t)bytes, writer->manifest.sha256[tensor]);
    enum nba_status status = write_all(file, values, bytes, "tensors.bin", error);
    if (status == NBA_OK) {
        status = write_all(file, zeros, padding, "tensors.bin", error);
    }
    return status;
}

/* Names as offsets (count + 1) and bytes. */
static enum nba_status write_names(struct writer *writer, const struct nba_str *names,
                                   uint32_t count, enum nba_release_tensor offsets_tensor, int file,
                                   struct nba_error *error)
{
    const enum nba_release_tensor bytes_tensor = offsets_tensor + 1;
    const uint64_t total = writer->manifest.layout.places[bytes_tensor].bytes;
    uint32_t *offsets = calloc((size_t)count + 1, sizeof *offsets);
    char *bytes = malloc((size_t)total + 1);
    enum nba_status status = NBA_OK;
    if (offsets == NULL || bytes == NULL) {
        status = nba_error_set(error, NBA_E_NO_MEMORY, "no memory for %u names", count);
        goto done;
    }
    for (uint32_t i = 0; i < count; i++) {
        memcpy(bytes + offsets[i], names[i].data, names[i].bytes);
        offsets[i + 1] = offsets[i] + (uint32_t)names[i].bytes;
    }
    status = write_tensor(writer, offsets_tensor, offsets, file, error);
    if (status == NBA_OK) {
        status = write_tensor(writer, bytes_tensor, bytes, file, error);
    }
done:
    free(offsets);
    free(bytes);
    return status;
}

static enum nba_status write_fusion(struct writer *writer, int file, struct nba_error *error)
{
    double fusion[NBA_FUSION_COUNT][NBA_MEMBER_COUNT + 2];
    double calibrator[NBA_CHANNEL_COUNT + 1];
    for (int kind = 0; kind < NBA_FUSION_COUNT; kind++) {
        const struct nba_fusion *from = &writer->parts->fusion[kind];
        memcpy(fusion[kind], from->weights, sizeof from->weights);
        fusion[kind][NBA_MEMBER_COUNT] = from->a;
        fusion[kind][NBA_MEMBER_COUNT + 1] = from->b;
    }
    memcpy(calibrator, writer->parts->calibrator.channel, sizeof writer->parts->calibrator.channel);
    calibrator[NBA_CHANNEL_COUNT] = writer->parts->calibrator.c;
    enum nba_status status = write_tensor(writer, NBA_TENSOR_FUSION, fusion, file, error);
    if (status == NBA_OK) {
        status = write_tensor(writer, NBA_TENSOR_CALIBRATOR, calibrator, file, error);
    }
    return status;
}

/* In the order of the layout. */
static enum nba_status write_tensors(struct writer *writer, int file, struct nba_error *error)
{
    const struct nba_release_parts *parts = writer->parts;
    enum nba_status status = write_names(writer, parts->contents, parts->content_count,
                                         NBA_TENSOR_VOCABULARY_OFFSETS, file, error);
    if (status == NBA_OK) {
        status = write_names(writer, parts->specialties, parts->specialty_count,
                             NBA_TENSOR_SPECIALTIES_OFFSETS, file, error);
    }
    if (status == NBA_OK) {
        status = write_tensor(writer, NBA_TENSOR_POPULARITY, parts->popularity, file, error);
    }
    if (status == NBA_OK) {
        status = write_fusion(writer, file, error);
    }
    for (int t = NBA_TENSOR_LSTM_EMBEDDING; status == NBA_OK && t < NBA_TENSOR_COUNT; t++) {
        const enum nba_release_tensor tensor = (enum nba_release_tensor)t;
        if (writer->manifest.layout.places[t].present) {
            status = write_tensor(writer, tensor, nba_parts_values(parts, tensor), file, error);
        }
    }
    return status;
}

static enum nba_status write_tensor_file(struct writer *writer, struct nba_error *error)
{
    char path[PATH_BYTES];
    enum nba_status status = join(path, writer->temporary, "tensors.bin", error);
    if (status != NBA_OK) {
        return status;
    }
    const int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (file < 0) {
        return io_error("create", path, error);
    }
    status = write_tensors(writer, file, error);
    if (status == NBA_OK && fsync(file) != 0) {
        status = io_error("sync", path, error);
    }
    if (close(file) != 0 && status == NBA_OK) {
        status = io_error("close", path, error);
    }
    return status;
}

/* ---- texts ---- */

static enum nba_status write_text(struct writer *writer, const char *name, struct nba_str text,
                                  struct nba_error *error)
{
    char path[PATH_BYTES];
    enum nba_status status = join(path, writer->temporary, name, error);
    if (status == NBA_OK) {
        status = nba_file_write(path, text, error);
    }
    return status;
}

static enum nba_status write_created(struct writer *writer, struct nba_error *error)
{
    struct nba_buf buf;
    nba_buf_init(&buf, 4096);
    nba_buf_printf(&buf, "{\n  \"created_ms\": %" PRId64 ",\n  \"engine_version\": \"%.*s\"\n}\n",
                   writer->parts->created_ms, NBA_STR_ARG(writer->parts->engine_version));
    enum nba_status status =
        buf.failed ? nba_error_set(error, NBA_E_NO_MEMORY, "created.json: out of memory")
                   : write_text(writer, "created.json", nba_buf_str(&buf), error);
    nba_buf_clear(&buf);
    return status;
}

/* The manifest goes last: it is made of everything before it, and its checksum is the id. */
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
        status = write_text(writer, "manifest.json", nba_buf_str(&buf), error);
        nba_sha256_text(buf.data, buf.bytes, ret_id);
    }
    nba_buf_clear(&buf);
    return status;
}

static enum nba_status write_files(struct writer *writer, char ret_id[NBA_RELEASE_ID_BYTES],
                                   struct nba_error *error)
{
    const struct nba_release_parts *parts = writer->parts;
    enum nba_status status = write_tensor_file(writer, error);
    if (status == NBA_OK) {
        status = write_text(writer, "report.json", parts->report_json, error);
    }
    if (status == NBA_OK) {
        status = write_text(writer, "history.json", parts->history_json, error);
    }
    if (status == NBA_OK) {
        status = write_created(writer, error);
    }
    if (status == NBA_OK) {
        status = write_manifest(writer, ret_id, error);
    }
    return status;
}

/* ---- the whole ---- */

static enum nba_status check_texts(const struct nba_release_parts *parts, struct nba_error *error)
{
    if (!nba_str_empty(parts->parent) && !nba_release_id_is_valid(parts->parent)) {
        return nba_error_set(error, NBA_E_SHAPE, "parent is not a release's id");
    }
    if (!nba_manifest_json_is_valid(parts->training_json, true)) {
        return nba_error_set(error, NBA_E_SHAPE, "training is not a JSON object");
    }
    if (!nba_manifest_json_is_valid(parts->report_json, true)) {
        return nba_error_set(error, NBA_E_SHAPE, "report is not a JSON object");
    }
    if (!nba_manifest_json_is_valid(parts->history_json, false)) {
        return nba_error_set(error, NBA_E_SHAPE, "history is not JSON");
    }
    if (parts->report_json.bytes > NBA_RELEASE_DOCUMENT_BYTES_MAX ||
        parts->history_json.bytes > NBA_RELEASE_DOCUMENT_BYTES_MAX) {
        return nba_error_set(error, NBA_E_LIMIT, "report or history is above %u bytes",
                             NBA_RELEASE_DOCUMENT_BYTES_MAX);
    }
    for (size_t i = 0; i < parts->engine_version.bytes; i++) {
        const char c = parts->engine_version.data[i];
        if (c < 0x20 || c > 0x7e || c == '"' || c == '\\') {
            return nba_error_set(error, NBA_E_SHAPE, "engine version is not plain text");
        }
    }
    return NBA_OK;
}

static enum nba_status prepare(struct writer *writer, const char *folder, struct nba_error *error)
{
    const struct nba_release_parts *parts = writer->parts;
    struct nba_manifest *manifest = &writer->manifest;
    enum nba_status status = check_texts(parts, error);
    if (status == NBA_OK) {
        status = nba_parts_sizes(parts, &manifest->sizes, error);
    }
    if (status == NBA_OK) {
        status = nba_parts_check(parts, &manifest->sizes, error);
    }
    if (status == NBA_OK) {
        status = nba_file_make_dirs(folder, error);
    }
    if (status == NBA_OK) {
        status = join(writer->temporary, folder, ".release-XXXXXX", error);
    }
    if (status != NBA_OK) {
        return status;
    }
    manifest->layout = nba_release_layout(&manifest->sizes);
    manifest->training = parts->training_json;
    manifest->report_bytes = parts->report_json.bytes;
    nba_sha256_text(parts->report_json.data, parts->report_json.bytes, manifest->report_sha256);
    if (!nba_str_empty(parts->parent)) {
        memcpy(manifest->parent, parts->parent.data, parts->parent.bytes);
    }
    if (mkdtemp(writer->temporary) == NULL) {
        return io_error("create", writer->temporary, error);
    }
    return NBA_OK;
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
    enum nba_status status = join(path, folder, id, error);
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
    if (status == NBA_OK) {
        status = nba_file_remove_tree(writer->temporary, error);
    }
    return status;
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
