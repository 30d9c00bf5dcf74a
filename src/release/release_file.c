/* open, fstat, read: nothing is believed before the descriptor has said what it is. */
#include "release_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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

static enum nba_status read_all(int file, const char *name, unsigned char *next, size_t bytes,
                                struct nba_error *error)
{
    while (bytes > 0) {
        const ssize_t got = read(file, next, bytes);
        if (got == 0) {
            return nba_error_set(error, NBA_E_CORRUPT, "%s: %zu bytes are missing", name, bytes);
        }
        if (got < 0 && errno != EINTR) {
            return errno_status(name, error);
        }
        next += got > 0 ? got : 0;
        bytes -= got > 0 ? (size_t)got : 0;
    }
    return NBA_OK;
}

static enum nba_status read_file(int file, const char *name, uint64_t bytes, struct nba_buf *buf,
                                 struct nba_error *error)
{
    const size_t room = buf->bytes_max - buf->bytes;
    struct stat info;
    if (fstat(file, &info) != 0) {
        return errno_status(name, error);
    }
    if (!S_ISREG(info.st_mode) || info.st_size < 0) {
        return nba_error_set(error, NBA_E_IO, "%s: not a regular file", name);
    }
    const uint64_t there = (uint64_t)info.st_size;
    if (bytes != 0 && there != bytes) {
        return nba_error_set(error, NBA_E_CORRUPT, "%s: %llu bytes, expected %llu", name,
                             (unsigned long long)there, (unsigned long long)bytes);
    }
    if (there > room) {
        return nba_error_set(error, NBA_E_LIMIT, "%s: %llu bytes, at most %zu", name,
                             (unsigned long long)there, room);
    }
    unsigned char *memory = nba_buf_extend(buf, (size_t)there);
    if (memory == NULL) {
        return nba_error_set(error, NBA_E_NO_MEMORY, "%s: no memory for %llu bytes", name,
                             (unsigned long long)there);
    }
    return read_all(file, name, memory, (size_t)there, error);
}

enum nba_status nba_release_file_read(int dir, const char *name, uint64_t bytes,
                                      struct nba_buf *buf, struct nba_error *error)
{
    /* O_NONBLOCK: a FIFO must not hold us up */
    const int file = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (file < 0) {
        return errno_status(name, error);
    }
    const enum nba_status status = read_file(file, name, bytes, buf, error);
    (void)close(file);
    return status;
}
