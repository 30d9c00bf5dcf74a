/*
 * The shelf: a folder of releases and the one word that says which of them is champion.
 *
 *   <folder>/<id>/      releases (nba/release/release.h)
 *   <folder>/champion   the id of the release that serves, and in a second line that of the one
 *                       before it, once there was one; replaced whole by rename
 *   <folder>/challenger the id of the release that serves beside it; absent: none
 *
 * Directories that are not named by 64 hexadecimal digits (a writer's temporary ones) are passed
 * over.
 * THREADS.  Any; two writers of one file leave what one of both wrote, never a mix.
 */
#ifndef NBA_RELEASE_SHELF_H
#define NBA_RELEASE_SHELF_H

#include <stddef.h>
#include <stdint.h>

#include "nba/base/buf.h"
#include "nba/base/status.h"
#include "nba/release/release.h"

/* Releases kept on one shelf; older ones are the operator's to remove. */
#define NBA_SHELF_RELEASES_MAX 4096u

/* The champion's id.  NBA_E_NOT_FOUND when none was chosen, NBA_E_CORRUPT when it isn't an id. */
NBA_MUST_USE
enum nba_status nba_shelf_champion(const char *folder, char ret_id[NBA_RELEASE_ID_BYTES],
                                   struct nba_error *error);
/* The champion before this one.  NBA_E_NOT_FOUND when there was none; NBA_E_CORRUPT. */
NBA_MUST_USE
enum nba_status nba_shelf_former(const char *folder, char ret_id[NBA_RELEASE_ID_BYTES],
                                 struct nba_error *error);
/* Chooses `id`, which must be there (NBA_E_NOT_FOUND); whoever was champion is the former one then.
 * NBA_E_IO. */
NBA_MUST_USE
enum nba_status nba_shelf_set_champion(const char *folder, const char *id, struct nba_error *error);

/* The challenger's id; NBA_E_NOT_FOUND when there is none, NBA_E_CORRUPT.  Set to `id`, which must
 * be there and not be the champion (NBA_E_EXISTS), or with NULL to none. */
NBA_MUST_USE
enum nba_status nba_shelf_challenger(const char *folder, char ret_id[NBA_RELEASE_ID_BYTES],
                                     struct nba_error *error);
NBA_MUST_USE
enum nba_status nba_shelf_set_challenger(const char *folder, const char *id,
                                         struct nba_error *error);

/* Calls `visit` with every id on the shelf, ascending.  A missing folder is an empty shelf. */
NBA_MUST_USE
enum nba_status nba_shelf_list(const char *folder, void (*visit)(void *context, const char *id),
                               void *context, struct nba_error *error);

/* "<folder>/<id>" into `ret_path`; NBA_E_LIMIT when it doesn't fit. */
NBA_MUST_USE
enum nba_status nba_shelf_path(const char *folder, const char *id, char *ret_path,
                               size_t path_bytes, struct nba_error *error);

/* One of the texts of a release, verified where the manifest has its checksum: "report.json",
 * "created.json", "history.json", "manifest.json".  Appended to `buf`. */
NBA_MUST_USE
enum nba_status nba_shelf_document(const char *folder, const char *id, const char *name,
                                   struct nba_buf *buf, struct nba_error *error);

#endif
