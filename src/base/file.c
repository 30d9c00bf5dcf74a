/* Plain POSIX; every message names the path and the system's reason. */
#include "nba/base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_BYTES_MAX 4096u
#define TREE_DEPTH_MAX 16u

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
    while (have < bytes) {
        const ssize_t got = read(fd, room + have, bytes - have);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return nba_error_set(error, NBA_E_IO, "cannot read '%s': %s", path,
                                 got < 0 ? reason() : "it became shorter");
        }
        have += (size_t)got;
    }
    return NBA_OK;
}

enum nba_status nba_file_read(const char *path, struct nba_buf *buf, struct nba_error *error)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) {
        return nba_error_set(error, errno == ENOENT ? NBA_E_NOT_FOUND : NBA_E_IO,
                             "cannot open '%s': %s", path,
                             errno == ELOOP ? "it is a symbolic link" : reason());
    }
    const enum nba_status status = read_all(fd, path, buf, error);
    (void)close(fd);
    return status;
}

static bool write_all(int fd, struct nba_str bytes)
{
    size_t done = 0;
    while (done < bytes.bytes) {
        const ssize_t wrote = write(fd, bytes.data + done, bytes.bytes - done);
        if (wrote < 0 && errno == EINTR) {
            continue;
        }
        if (wrote <= 0) {
            return false;
        }
        done += (size_t)wrote;
    }
    return true;
}

enum nba_status nba_file_write(const char *path, struct nba_str bytes, struct nba_error *error)
{
    char temporary[PATH_BYTES_MAX];
    const int length = snprintf(temporary, sizeof(temporary), "%s.%ld.tmp", path, (long)getpid());
    if (length < 0 || (size_t)length >= sizeof(temporary)) {
        return nba_error_set(error, NBA_E_IO, "cannot write '%s': the path is too long", path);
    }
    const int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0) {
        return nba_error_set(error, NBA_E_IO, "cannot write '%s': %s", path, reason());
    }
    const bool whole = write_all(fd, bytes) && fsync(fd) == 0;
    int saved = errno;
    const bool closed = close(fd) == 0;
    if (whole && closed && rename(temporary, path) == 0) {
        return NBA_OK;
    }
    if (whole) {
        saved = errno;
    }
    (void)unlink(temporary);
    errno = saved;
    return nba_error_set(error, NBA_E_IO, "cannot write '%s': %s", path, reason());
}

enum nba_status nba_file_make_dirs(const char *path, struct nba_error *error)
{
    char part[PATH_BYTES_MAX];
    const size_t length = strlen(path);
    if (length == 0 || length >= sizeof(part)) {
        return nba_error_set(error, NBA_E_IO, "cannot make folder '%s': the path is %s", path,
                             length == 0 ? "empty" : "too long");
    }
    memcpy(part, path, length + 1);
    for (size_t i = 1; i <= length; i++) {
        if (part[i] != '/' && part[i] != '\0') {
            continue;
        }
        const char kept = part[i];
        part[i] = '\0';
        if (mkdir(part, 0700) != 0 && errno != EEXIST) {
            return nba_error_set(error, NBA_E_IO, "cannot make folder '%s': %s", part, reason());
        }
        part[i] = kept;
    }
    struct stat info;
    if (stat(path, &info) != 0 || !S_ISDIR(info.st_mode)) {
        return nba_error_set(error, NBA_E_IO, "'%s' is not a folder", path);
    }
    return NBA_OK;
}

bool nba_file_exists(const char *path)
{
    struct stat info;
    return lstat(path, &info) == 0;
}

static enum nba_status remove_entry(const char *path, unsigned depth, struct nba_error *error);

static enum nba_status remove_contents(const char *path, unsigned depth, struct nba_error *error)
{
    DIR *folder = opendir(path);
    if (folder == NULL) {
        return nba_error_set(error, NBA_E_IO, "cannot open folder '%s': %s", path, reason());
    }
    enum nba_status status = NBA_OK;
    const struct dirent *entry = readdir(folder);
    while (entry != NULL && status == NBA_OK) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            char child[PATH_BYTES_MAX];
            const int length = snprintf(child, sizeof(child), "%s/%s", path, entry->d_name);
            status = length < 0 || (size_t)length >= sizeof(child)
                         ? nba_error_set(error, NBA_E_IO, "path in '%s' is too long", path)
                         : remove_entry(child, depth + 1, error);
        }
        entry = readdir(folder);
    }
    (void)closedir(folder);
    return status;
}

static enum nba_status remove_entry(const char *path, unsigned depth, struct nba_error *error)
{
    struct stat info;
    if (lstat(path, &info) != 0) {
        return errno == ENOENT
                   ? NBA_OK
                   : nba_error_set(error, NBA_E_IO, "cannot remove '%s': %s", path, reason());
    }
    if (S_ISDIR(info.st_mode)) {
        if (depth > TREE_DEPTH_MAX) {
            return nba_error_set(error, NBA_E_IO, "cannot remove '%s': nested too deep", path);
        }
        const enum nba_status status = remove_contents(path, depth, error);
        if (status != NBA_OK) {
            return status;
        }
    }
    if ((S_ISDIR(info.st_mode) ? rmdir(path) : unlink(path)) != 0 && errno != ENOENT) {
        return nba_error_set(error, NBA_E_IO, "cannot remove '%s': %s", path, reason());
    }
    return NBA_OK;
}

enum nba_status nba_file_remove_tree(const char *path, struct nba_error *error)
{
    return remove_entry(path, 0, error);
}
