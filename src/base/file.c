/* Plain POSIX; every message names the path and the system's reason. */
#include "nba/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nba/base/assert.h"

#define PATH_BYTES_MAX 4096u

static const char *reason(void)
{
    return strerror(errno); /* one string a thread in glibc */
}

static enum nba_status read_all(int fd, const char *path, struct nba_buf *buf,
                                struct nba_error *error)
{
    struct stat info;
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
        return nba_error_set(error, NBA_E_IO, "cannot read '%s': not a regular file", path);
    }
    const size_t bytes = (size_t)info.st_size;
    if (bytes > buf->bytes_max - buf->bytes) {
        return nba_error_set(error, NBA_E_LIMIT,
                             "cannot read '%s': %zu bytes, at most %zu are taken", path, bytes,
                             buf->bytes_max - buf->bytes);
    }
    char *room = nba_buf_extend(buf, bytes);
    if (room == NULL) {
        return nba_error_set(error, NBA_E_NO_MEMORY, "cannot read '%s': out of memory", path);
    }
    size_t have = 0;
    ssize_t got = 1;
    while (have < bytes && got > 0) {
        got = read(fd, room + have, bytes - have); /* of a file: never interrupted */
        have += got > 0 ? (size_t)got : 0;
    }
    return have == bytes ? NBA_OK
                         : nba_error_set(error, NBA_E_IO, "cannot read '%s': %s", path,
                                         got < 0 ? reason() : "it became shorter");
}

static enum nba_status cannot_open(const char *path, struct nba_error *error)
{
    return nba_error_set(error, errno == ENOENT ? NBA_E_NOT_FOUND : NBA_E_IO,
                         "cannot open '%s': %s", path,
                         errno == ELOOP ? "it is a symbolic link" : reason());
}

enum nba_status nba_file_open_folder(const char *path, int *ret_folder, struct nba_error *error)
{
    const int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        return cannot_open(path, error);
    }
    *ret_folder = fd;
    return NBA_OK;
}

enum nba_status nba_file_read_in(int folder, const char *name, struct nba_buf *buf,
                                 struct nba_error *error)
{
    const int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) {
        return cannot_open(name, error);
    }
    const enum nba_status status = read_all(fd, name, buf, error);
    (void)close(fd);
    return status;
}

enum nba_status nba_file_read(const char *path, struct nba_buf *buf, struct nba_error *error)
{
    return nba_file_read_in(AT_FDCWD, path, buf, error);
}

enum nba_status nba_file_write(const char *path, struct nba_str bytes, struct nba_error *error)
{
    char temporary[PATH_BYTES_MAX];
    const int length = snprintf(temporary, sizeof(temporary), "%s.%ld.tmp", path, (long)getpid());
    if (length < 0 || (size_t)length >= sizeof(temporary)) {
        return nba_error_set(error, NBA_E_IO, "cannot write '%s': the path is too long", path);
    }
    const int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    size_t done = 0;
    for (ssize_t wrote = 1; fd >= 0 && done < bytes.bytes && wrote > 0;) {
        wrote = write(fd, bytes.data + done, bytes.bytes - done);
        done += wrote > 0 ? (size_t)wrote : 0;
    }
    bool good = fd >= 0 && done == bytes.bytes && fsync(fd) == 0;
    int saved = errno;
    if (fd >= 0 && close(fd) != 0 && good) {
        saved = errno;
        good = false;
    }
    if (good && rename(temporary, path) == 0) {
        return NBA_OK;
    }
    errno = good ? errno : saved;
    nba_error_set(error, NBA_E_IO, "cannot write '%s': %s", path, reason());
    (void)unlink(temporary);
    return NBA_E_IO;
}

enum nba_status nba_file_create(const char *path, struct nba_str bytes, struct nba_error *error)
{
    const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 && errno == EEXIST) {
        return NBA_OK;
    }
    const bool good =
        fd >= 0 && write(fd, bytes.data, bytes.bytes) == (ssize_t)bytes.bytes && fsync(fd) == 0;
    const int saved = errno;
    if (fd >= 0) {
        (void)close(fd);
    }
    if (!good) {
        errno = saved;
        nba_error_set(error, NBA_E_IO, "cannot write '%s': %s", path, reason());
        if (fd >= 0) {
            (void)unlink(path);
        }
        return NBA_E_IO;
    }
    return NBA_OK;
}

enum nba_status nba_file_make_dirs(const char *path, struct nba_error *error)
{
    char part[PATH_BYTES_MAX];
    struct stat info;
    const size_t length = strlen(path);
    if (length == 0 || length >= sizeof(part)) {
        return nba_error_set(error, NBA_E_IO, "cannot make folder '%s': the path is %s", path,
                             length == 0 ? "empty" : "too long");
    }
    for (size_t i = 1; i <= length; i++) {
        if (path[i] == '/' || path[i] == '\0') {
            memcpy(part, path, i);
            part[i] = '\0';
            if (mkdir(part, 0700) != 0 && errno != EEXIST) {
                return nba_error_set(error, NBA_E_IO, "cannot make folder '%s': %s", part,
                                     reason());
            }
        }
    }
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode)
               ? NBA_OK
               : nba_error_set(error, NBA_E_IO, "'%s' is not a folder", path);
}

bool nba_file_exists(const char *path)
{
    struct stat info;
    return lstat(path, &info) == 0;
}

enum nba_status nba_file_remove_tree(const char *path, struct nba_error *error)
{
    char *const roots[] = {(char *)path, NULL};
    FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    NBA_ASSERT(tree != NULL);
    enum nba_status status = NBA_OK;
    for (const FTSENT *entry = fts_read(tree); entry != NULL && status == NBA_OK;
         entry = fts_read(tree)) {
        errno = entry->fts_errno;
        const bool failed = entry->fts_info == FTS_DNR || entry->fts_info == FTS_ERR ||
                            entry->fts_info == FTS_NS ||
                            (entry->fts_info != FTS_D && remove(entry->fts_accpath) != 0);
        if (failed && errno != ENOENT) {
            status =
                nba_error_set(error, NBA_E_IO, "cannot remove '%s': %s", entry->fts_path, reason());
        }
    }
    (void)fts_close(tree);
    return status;
}
