/* Files of a release directory, opened relative to the directory's own descriptor. */
#ifndef NBA_RELEASE_FILE_H
#define NBA_RELEASE_FILE_H

#include <stdint.h>

#include "nba/base/buf.h"
#include "nba/base/status.h"

/* The directory; links are not followed.  NBA_E_NOT_FOUND, NBA_E_IO. */
NBA_MUST_USE
enum nba_status nba_release_file_open_dir(const char *path, int *ret_dir, struct nba_error *error);

/* A whole regular file, appended to `buf`; links are not followed, and memory is taken after the
 * size was looked at.  NBA_E_NOT_FOUND, NBA_E_IO, NBA_E_LIMIT when it doesn't fit, NBA_E_CORRUPT
 * when it ends early or hasn't `bytes` bytes (0: any number). */
NBA_MUST_USE
enum nba_status nba_release_file_read(int dir, const char *name, uint64_t bytes,
                                      struct nba_buf *buf, struct nba_error *error);

#endif
