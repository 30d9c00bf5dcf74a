/* A folder listing and one small file. */
#include "nba/release/shelf.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "manifest.h"
#include "nba/base/file.h"

#define PATH_BYTES 4096u

enum nba_status nba_shelf_path(const char *folder, const char *id, char *ret_path,
                               size_t path_bytes, struct nba_error *error)
{
    const int bytes = snprintf(ret_path, path_bytes, "%s/%s", folder, id);
    return bytes >= 0 && (size_t)bytes < path_bytes
               ? NBA_OK
               : nba_error_set(error, NBA_E_LIMIT, "path is longer than %zu bytes", path_bytes - 1);
}

/* One line of a file that says which release serves; of the champion's 1 is the one before it. */
static enum nba_status read_line(const char *folder, const char *file, unsigned line,
                                 char ret_id[NBA_RELEASE_ID_BYTES], struct nba_error *error)
{
    char path[PATH_BYTES];
    struct nba_buf buf;
    enum nba_status status = nba_shelf_path(folder, file, path, sizeof path, error);
    if (status != NBA_OK) {
        return status;
    }
    nba_buf_init(&buf, (size_t)2 * NBA_RELEASE_ID_BYTES);
    status = nba_file_read(path, &buf, error);
    if (status == NBA_OK) {
        const size_t at = line * NBA_RELEASE_ID_BYTES; /* an id and its newline */
        const size_t bytes = buf.bytes > at ? buf.bytes - at : 0;
        const char *text = bytes != 0 ? (const char *)buf.data + at : "";
        const char *end = memchr(text, '\n', bytes);
        const struct nba_str word = nba_str(text, end != NULL ? (size_t)(end - text) : bytes);
        if (line > 0 && word.bytes == 0) {
            status =
                nba_error_set(error, NBA_E_NOT_FOUND, "'%.200s' names no former champion", path);
        } else if (nba_release_id_is_valid(word)) {
            memcpy(ret_id, word.data, word.bytes);
            ret_id[word.bytes] = '\0';
        } else {
            status =
                nba_error_set(error, NBA_E_CORRUPT, "'%.200s' does not hold a release's id", path);
        }
    }
    nba_buf_clear(&buf);
    return status;
}

enum nba_status nba_shelf_champion(const char *folder, char ret_id[NBA_RELEASE_ID_BYTES],
                                   struct nba_error *error)
{
    return read_line(folder, "champion", 0, ret_id, error);
}

enum nba_status nba_shelf_former(const char *folder, char ret_id[NBA_RELEASE_ID_BYTES],
                                 struct nba_error *error)
{
    return read_line(folder, "champion", 1, ret_id, error);
}

enum nba_status nba_shelf_challenger(const char *folder, char ret_id[NBA_RELEASE_ID_BYTES],
                                     struct nba_error *error)
{
    return read_line(folder, "challenger", 0, ret_id, error);
}

static enum nba_status check_there(const char *folder, const char *id, struct nba_error *error)
{
    char path[PATH_BYTES];
    if (!nba_release_id_is_valid(nba_str_of(id))) {
        return nba_error_set(error, NBA_E_NOT_FOUND, "'%.80s' is not a release's id", id);
    }
    const enum nba_status status = nba_shelf_path(folder, id, path, sizeof path, error);
    return status == NBA_OK && !nba_file_exists(path)
               ? nba_error_set(error, NBA_E_NOT_FOUND, "no release '%.200s'", path)
               : status;
}

enum nba_status nba_shelf_set_challenger(const char *folder, const char *id,
                                         struct nba_error *error)
{
    char path[PATH_BYTES];
    char champion[NBA_RELEASE_ID_BYTES] = "";
    enum nba_status status = nba_shelf_path(folder, "challenger", path, sizeof path, error);
    if (status != NBA_OK) {
        return status;
    }
    if (id == NULL) {
        return remove(path) == 0 || errno == ENOENT
                   ? NBA_OK
                   : nba_error_set(error, NBA_E_IO, "cannot remove '%.200s': %s", path,
                                   strerror(errno));
    }
    status = check_there(folder, id, error);
    if (status == NBA_OK && nba_shelf_champion(folder, champion, NULL) == NBA_OK &&
        strcmp(champion, id) == 0) {
        status = nba_error_set(error, NBA_E_EXISTS, "%.12s is the champion", id);
    }
    return status == NBA_OK ? nba_file_write(path, nba_str_of(id), error) : status;
}

enum nba_status nba_shelf_set_champion(const char *folder, const char *id, struct nba_error *error)
{
    char path[PATH_BYTES];
    char former[NBA_RELEASE_ID_BYTES] = "";
    char challenger[NBA_RELEASE_ID_BYTES] = "";
    char lines[2 * NBA_RELEASE_ID_BYTES + 1];
    enum nba_status status = check_there(folder, id, error);
    const bool had = nba_shelf_champion(folder, former, NULL) == NBA_OK;
    if (status != NBA_OK || (had && strcmp(former, id) == 0)) {
        return status;
    }
    status = nba_shelf_path(folder, "champion", path, sizeof path, error);
    if (status == NBA_OK) {
        (void)snprintf(lines, sizeof lines, "%s\n%s%s", id, former, had ? "\n" : "");
        status = nba_file_write(path, nba_str_of(lines), error);
    }
    if (status == NBA_OK && nba_shelf_challenger(folder, challenger, NULL) == NBA_OK &&
        strcmp(challenger, id) == 0) {
        status = nba_shelf_set_challenger(folder, NULL, error); /* it has won */
    }
    return status;
}

static int is_id(const struct dirent *entry)
{
    return nba_release_id_is_valid(nba_str_of(entry->d_name)) ? 1 : 0;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

enum nba_status nba_shelf_list(const char *folder, void (*visit)(void *context, const char *id),
                               void *context, struct nba_error *error)
{
    struct dirent **entries = NULL;
    const int count = scandir(folder, &entries, is_id, by_name);
    if (count < 0) {
        return errno == ENOENT ? NBA_OK
                               : nba_error_set(error, NBA_E_IO, "cannot open '%.200s': %s", folder,
                                               strerror(errno));
    }
    for (int i = 0; i < count; i++) {
        if (count <= (int)NBA_SHELF_RELEASES_MAX) {
            visit(context, entries[i]->d_name);
        }
        free(entries[i]);
    }
    free(entries);
    return count <= (int)NBA_SHELF_RELEASES_MAX
               ? NBA_OK
               : nba_error_set(error, NBA_E_LIMIT, "more than %u releases in '%.200s'",
                               NBA_SHELF_RELEASES_MAX, folder);
}

/* The report against the manifest; the manifest against the id. */
static enum nba_status check_document(int dir, const char *id, const char *name,
                                      struct nba_str text, struct nba_error *error)
{
    char sha256[NBA_SHA256_TEXT_BYTES];
    nba_sha256_text(text.data, text.bytes, sha256);
    if (strcmp(name, "manifest.json") == 0) {
        return strcmp(sha256, id) == 0
                   ? NBA_OK
                   : nba_error_set(error, NBA_E_CORRUPT, "manifest.json: checksum differs");
    }
    if (strcmp(name, "report.json") != 0) {
        return NBA_OK;
    }
    struct nba_buf buf;
    struct nba_manifest manifest;
    nba_buf_init(&buf, NBA_RELEASE_MANIFEST_BYTES_MAX);
    enum nba_status status = nba_file_read_in(dir, "manifest.json", &buf, error);
    if (status == NBA_OK) {
        status = nba_manifest_scan(nba_buf_str(&buf), &manifest, error);
    }
    if (status == NBA_OK &&
        (manifest.report_bytes != text.bytes || strcmp(sha256, manifest.report_sha256) != 0)) {
        status = nba_error_set(error, NBA_E_CORRUPT, "report.json: checksum differs");
    }
    nba_buf_clear(&buf);
    return status;
}

enum nba_status nba_shelf_document(const char *folder, const char *id, const char *name,
                                   struct nba_buf *buf, struct nba_error *error)
{
    char path[PATH_BYTES];
    int dir = -1;
    const size_t start = buf->bytes;
    enum nba_status status = nba_shelf_path(folder, id, path, sizeof path, error);
    if (status == NBA_OK) {
        status = nba_file_open_folder(path, &dir, error);
    }
    if (status == NBA_OK) {
        status = nba_file_read_in(dir, name, buf, error);
        if (status == NBA_OK) {
            const struct nba_str text =
                nba_str((const char *)buf->data + start, buf->bytes - start);
            status = check_document(dir, id, name, text, error);
        }
        (void)close(dir);
    }
    if (status != NBA_OK) {
        (void)nba_error_prefix(error, "release '%.200s'", path);
    }
    return status;
}
