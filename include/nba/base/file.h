/*
 * Whole files in, whole files out.
 *
 * A written file is either there complete or not at all: bytes go to a temporary name in the same
 * folder, are synced, and are renamed.  Links are not followed on reading (O_NOFOLLOW).
 */
#ifndef NBA_BASE_FILE_H
#define NBA_BASE_FILE_H

#include <stdbool.h>

#include "nba/base/buf.h"
#include "nba/base/status.h"

/* Appends the file's bytes to `buf`.  NBA_E_NOT_FOUND, NBA_E_LIMIT (larger than what the buffer
 * still takes), NBA_E_IO.  A folder or a device is NBA_E_IO. */
NBA_MUST_USE
enum nba_status nba_file_read(const char *path, struct nba_buf *buf, struct nba_error *error);

/* The same of a file in a folder that was opened before: nobody can put another folder in its place
 * in between.  The folder is closed by close(); a link to one is NBA_E_IO. */
NBA_MUST_USE
enum nba_status nba_file_open_folder(const char *path, int *ret_folder, struct nba_error *error);
NBA_MUST_USE
enum nba_status nba_file_read_in(int folder, const char *name, struct nba_buf *buf,
                                 struct nba_error *error);

/* Replaces the file by `bytes` (mode 0644 less umask).  NBA_E_IO. */
NBA_MUST_USE
enum nba_status nba_file_write(const char *path, struct nba_str bytes, struct nba_error *error);

/* Makes the file (mode 0600) where there is none; fine, and nothing is written, where there is one.
 * NBA_E_IO. */
NBA_MUST_USE
enum nba_status nba_file_create(const char *path, struct nba_str bytes, struct nba_error *error);

/* mkdir -p, mode 0700 for what is made.  NBA_E_IO. */
NBA_MUST_USE
enum nba_status nba_file_make_dirs(const char *path, struct nba_error *error);

bool nba_file_exists(const char *path);

/* rm -r of a folder that is ours; fine if it isn't there.  Links are removed, not followed. */
NBA_MUST_USE
enum nba_status nba_file_remove_tree(const char *path, struct nba_error *error);

#endif
