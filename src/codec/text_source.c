/* zlib's gzFile reads plain files as they are, so there is one path for both. */
#include "nba/codec/text_source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "nba/base/assert.h"
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
