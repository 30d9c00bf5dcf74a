/* zlib's gzFile reads plain files as they are, so there is one path for both.  Bytes that were read
 * but belong to later lines stay in `rest`. */
#include "nba/codec/text_lines.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "nba/base/assert.h"
#include "nba/base/buf.h"
#include "nba/base/memory.h"

#define READ_BYTES (64u * 1024u)

struct nba_text_source {
    gzFile file;
    char bytes[READ_BYTES];
};

enum nba_status nba_text_source_open(const char *path, struct nba_text_source **ret_source,
                                     struct nba_error *error)
{
    struct stat about;
    const int fd = strcmp(path, "-") == 0 ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        const char *why = strerror(errno);
        return nba_error_set(error, errno == ENOENT ? NBA_E_NOT_FOUND : NBA_E_IO,
                             "cannot open '%s': %s", path, why);
    }
    if (fstat(fd, &about) != 0 || S_ISDIR(about.st_mode)) {
        (void)close(fd);
        return nba_error_set(error, NBA_E_IO, "cannot read '%s': not a file", path);
    }
    struct nba_text_source *source = nba_zeros(1, sizeof(*source));
    source->file = gzdopen(fd, "rb");
    NBA_ASSERT(source->file != NULL);
    (void)gzbuffer(source->file, READ_BYTES);
    *ret_source = source;
    return NBA_OK;
}

enum nba_status nba_text_source_read(struct nba_text_source *source, struct nba_str *ret_bytes,
                                     struct nba_error *error)
{
    int code = Z_OK;
    const int got = gzread(source->file, source->bytes, READ_BYTES);
    const char *message = gzerror(source->file, &code);
    /* A gzip file that ends in the middle of a member reads as shorter, with Z_BUF_ERROR. */
    if (got < 0 || code == Z_BUF_ERROR) {
        const char *why = strerror(errno);
        return nba_error_set(error, code == Z_ERRNO ? NBA_E_IO : NBA_E_CORRUPT, "cannot read: %s",
                             code == Z_ERRNO ? why : message);
    }
    *ret_bytes = nba_str(source->bytes, (size_t)got);
    return NBA_OK;
}

void nba_text_source_close(struct nba_text_source *source)
{
    if (source != NULL) {
        (void)gzclose(source->file);
        free(source);
    }
}

struct nba_text_lines {
    struct nba_text_source *source;
    struct nba_str rest;
    struct nba_buf line;
    size_t number;
};

enum nba_status nba_text_lines_open(const char *path, size_t line_bytes_max,
                                    struct nba_text_lines **ret_lines, struct nba_error *error)
{
    struct nba_text_lines *lines = nba_zeros(1, sizeof(*lines));
    nba_buf_init(&lines->line, line_bytes_max + sizeof("\r"));
    const enum nba_status status = nba_text_source_open(path, &lines->source, error);
    if (status != NBA_OK) {
        nba_text_lines_close(lines);
        return status;
    }
    *ret_lines = lines;
    return NBA_OK;
}

void nba_text_lines_close(struct nba_text_lines *lines)
{
    if (lines != NULL) {
        nba_text_source_close(lines->source);
        nba_buf_clear(&lines->line);
        free(lines);
    }
}

enum nba_status nba_text_lines_next(struct nba_text_lines *lines, struct nba_str *ret_line,
                                    bool *ret_more, struct nba_error *error)
{
    struct nba_buf *line = &lines->line;
    const char *feed = NULL;
    nba_buf_reset(line);
    do {
        if (lines->rest.bytes == 0) {
            const enum nba_status status = nba_text_source_read(lines->source, &lines->rest, error);
            if (status != NBA_OK) {
                return status;
            }
            if (lines->rest.bytes == 0) {
                break;
            }
        }
        const struct nba_str rest = lines->rest;
        feed = memchr(rest.data, '\n', rest.bytes);
        const size_t taken = feed != NULL ? (size_t)(feed - rest.data) + 1 : rest.bytes;
        nba_buf_append(line, rest.data, taken);
        lines->rest = nba_str(rest.data + taken, rest.bytes - taken);
    } while (feed == NULL);
    *ret_more = line->bytes != 0 || line->failed;
    lines->number += *ret_more;
    while (line->bytes != 0 &&
           (line->data[line->bytes - 1] == '\n' || line->data[line->bytes - 1] == '\r')) {
        line->bytes--;
    }
    nba_buf_append_byte(line, '\0');
    if (line->failed) {
        return nba_error_set(error, NBA_E_LIMIT, "line %zu is longer than %zu bytes", lines->number,
                             line->bytes_max - sizeof("\r"));
    }
    *ret_line = nba_str((const char *)line->data, line->bytes - 1);
    return NBA_OK;
}

size_t nba_text_lines_number(const struct nba_text_lines *lines)
{
    return lines->number;
}
