/* open, fstat, read: nothing is believed before the descriptor has said what it is. */
#include "release_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "manifest.h"

enum nba_status nba_release_file_split(const char *path, char *ret_path, size_t path_bytes,
                                       struct nba_str *ret_id, struct nba_error *error)
{
    size_t bytes = strlen(path);
    while (bytes > 1 && path[bytes - 1] == '/') {
        bytes--;
    }
    if (bytes >= path_bytes) {
        return nba_error_set(error, NBA_E_LIMIT, "path of %zu bytes, at most %zu", bytes,
                             path_bytes - 1);
    }
    size_t start = bytes;
    while (start > 0 && path[start - 1] != '/') {
        start--;
    }
    if (!nba_release_id_is_valid(nba_str(path + start, bytes - start))) {
        return nba_error_set(error, NBA_E_CORRUPT,
                             "a release's directory is named by its id, 64 hexadecimal digits");
    }
    memcpy(ret_path, path, bytes);
    ret_path[bytes] = '\0';
    *ret_id = nba_str(ret_path + start, bytes - start);
    return NBA_OK;
}

static enum nba_status errno_status(const char *what, struct nba_error *error)
{
    const int number = errno;
    if (number == ENOENT) {
        return nba_error_set(error, NBA_E_NOT_FOUND, "%s: not there", what);
    }
    const char *why = number == ELOOP ? "is a link, which is not followed" : strerror(number);
    return nba_error_set(error, NBA_E_IO, "%s: %s", what, why);
}

enum nba_status nba_release_file_open_dir(const char *path, int *ret_dir, struct nba_error *error)
{
    const int dir = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (dir < 0) {
        return errno_status("directory", error);
    }
    *ret_dir = dir;
    return NBA_OK;
}

enum nba_status nba_release_file_open(int dir, const char *name, int *ret_file, uint64_t *ret_bytes,
                                      struct nba_error *error)
{
    /* O_NONBLOCK: a FIFO must not hold us up */
    const int file = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (file < 0) {
        return errno_status(name, error);
    }
    struct stat info;
    if (fstat(file, &info) != 0) {
        const enum nba_status status = errno_status(name, error);
        (void)close(file);
        return status;
    }
    if (!S_ISREG(info.st_mode) || info.st_size < 0) {
        (void)close(file);
        return nba_error_set(error, NBA_E_IO, "%s: not a regular file", name);
    }
    *ret_file = file;
    *ret_bytes = (uint64_t)info.st_size;
    return NBA_OK;
}

enum nba_status nba_release_file_read(int file, void *memory, uint64_t bytes,
                                      struct nba_error *error)
{
    unsigned char *next = memory;
    while (bytes > 0) {
        const size_t part = bytes < (1u << 30) ? (size_t)bytes : (1u << 30);
        const ssize_t got = read(file, next, part);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return errno_status("read", error);
        }
        if (got == 0) {
            return nba_error_set(error, NBA_E_CORRUPT, "%llu bytes are missing",
                                 (unsigned long long)bytes);
        }
        next += got;
        bytes -= (uint64_t)got;
    }
    return NBA_OK;
}

enum nba_status nba_release_file_text(int dir, const char *name, struct nba_buf *buf,
                                      struct nba_error *error)
{
    int file = -1;
    uint64_t bytes = 0;
    enum nba_status status = nba_release_file_open(dir, name, &file, &bytes, error);
    if (status != NBA_OK) {
        return status;
    }
    const size_t room = buf->bytes_max - buf->bytes;
    void *memory = bytes <= room ? nba_buf_extend(buf, (size_t)bytes) : NULL;
    if (bytes > room) {
        status = nba_error_set(error, NBA_E_LIMIT, "%s: %llu bytes, at most %zu", name,
                               (unsigned long long)bytes, room);
    } else if (memory == NULL && bytes > 0) {
        status = nba_error_set(error, NBA_E_NO_MEMORY, "%s: out of memory", name);
    } else {
        status = nba_release_file_read(file, memory, bytes, error);
        if (status != NBA_OK) {
            (void)nba_error_prefix(error, "%s", name);
        }
    }
    (void)close(file);
    return status;
}
