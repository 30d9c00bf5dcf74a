/* zlib's gzopen reads files that are not compressed as they are. */
#include "nba/codec/text_lines.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

struct nba_text_lines {
    gzFile file;
    char *path;
    size_t number;
    char line[NBA_TEXT_LINE_BYTES_MAX + 2];
};

enum nba_status nba_text_lines_open(const char *path, struct nba_text_lines **ret_lines,
                                    struct nba_error *error)
{
    struct nba_text_lines *lines = calloc(1, sizeof(*lines));
    const size_t bytes = strlen(path) + 1;
    if (lines != NULL) {
        lines->path = malloc(bytes);
    }
    if (lines == NULL || lines->path == NULL) {
        free(lines);
        return nba_error_set(error, NBA_E_NO_MEMORY, "out of memory opening '%s'", path);
    }
    memcpy(lines->path, path, bytes);
    errno = 0;
    lines->file = gzopen(path, "rb");
    if (lines->file == NULL) {
        const enum nba_status status = errno == ENOENT ? NBA_E_NOT_FOUND : NBA_E_IO;
        (void)nba_error_set(error, status, "cannot open '%s': %s", path, strerror(errno));
        nba_text_lines_close(lines);
        return status;
    }
    *ret_lines = lines;
    return NBA_OK;
}

void nba_text_lines_close(struct nba_text_lines *lines)
{
    if (lines == NULL) {
        return;
    }
    if (lines->file != NULL) {
        (void)gzclose(lines->file);
    }
    free(lines->path);
    free(lines);
}

enum nba_status nba_text_lines_next(struct nba_text_lines *lines, char **ret_line,
                                    struct nba_error *error)
{
    if (gzgets(lines->file, lines->line, (int)sizeof(lines->line)) == NULL) {
        int code = Z_OK;
        const char *what = gzerror(lines->file, &code);
        if (code == Z_OK || code == Z_STREAM_END) {
            *ret_line = NULL;
            return NBA_OK;
        }
        return nba_error_set(error, code == Z_ERRNO ? NBA_E_IO : NBA_E_CORRUPT,
                             "cannot read '%s': %s", lines->path, what);
    }
    lines->number++;
    size_t bytes = strlen(lines->line);
    if (bytes == sizeof(lines->line) - 1) {
        return nba_error_set(error, NBA_E_LIMIT, "%s:%zu: a line is longer than %zu bytes",
                             lines->path, lines->number, NBA_TEXT_LINE_BYTES_MAX);
    }
    while (bytes > 0 && (lines->line[bytes - 1] == '\n' || lines->line[bytes - 1] == '\r')) {
        lines->line[--bytes] = '\0';
    }
    *ret_line = lines->line;
    return NBA_OK;
}

const char *nba_text_lines_path(const struct nba_text_lines *lines)
{
    return lines->path;
}

size_t nba_text_lines_number(const struct nba_text_lines *lines)
{
    return lines->number;
}
