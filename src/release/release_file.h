/* Files of a release directory, opened relative to the directory's own descriptor. */
#ifndef NBA_RELEASE_FILE_H
#define NBA_RELEASE_FILE_H

#include <stdint.h>

#include "nba/base/buf.h"
#include "nba/base/status.h"

/* "/a/b/<id>//" -> the id and the path without the slashes at its end.  NBA_E_CORRUPT when the last
 * component isn't 64 hexadecimal digits, NBA_E_LIMIT. */
NBA_MUST_USE
enum nba_status nba_release_file_split(const char *path, char *ret_path, size_t path_bytes,
                                       struct nba_str *ret_id, struct nba_error *error);

/* The directory; links are not followed.  NBA_E_NOT_FOUND, NBA_E_IO. */
NBA_MUST_USE
enum nba_status nba_release_file_open_dir(const char *path, int *ret_dir, struct nba_error *error);

/* Opens a regular file without following a link and says its size; NBA_E_NOT_FOUND, NBA_E_IO. */
NBA_MUST_USE
enum nba_status nba_release_file_open(int dir, const char *name, int *ret_file, uint64_t *ret_bytes,
                                      struct nba_error *error);

/* Exactly `bytes` bytes into `memory`; NBA_E_CORRUPT when the file ends before, NBA_E_IO. */
NBA_MUST_USE
enum nba_status nba_release_file_read(int file, void *memory, uint64_t bytes,
                                      struct nba_error *error);

/* A whole small file, appended to `buf`; NBA_E_LIMIT when it doesn't fit, and as above. */
NBA_MUST_USE
enum nba_status nba_release_file_text(int dir, const char *name, struct nba_buf *buf,
                                      struct nba_error *error);

#endif
