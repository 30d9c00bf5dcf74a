/*
 * Keys of a task's column family: a kind byte, then what the kind says.
 *
 *   kind  rest                                      value            changelog  state hash
 *   'E'   HMAC of an erased hcp_id                  time, check      yes        no
 *   'H'   hcp_id                                    HCP record       yes        yes
 *   'M'   'm'                                       meta record      yes        no
 *   'M'   'p' specialty u32be, content u32be        tally u32le      yes        no
 *   'R'   rep_id                                    rep record       yes        yes
 *   'V'   level, child, child of that, budget's id  budget's node    yes        yes
 *   'c'   -                                         changelog_next   no         no
 *   'e'   transaction u64be: since it erased an HCP,  -              no         no
 *         nothing was compacted
 *   's'   look i64be (sign bit flipped), hcp_id     -                no         no
 *   't'   due i64be (sign bit flipped), hcp_id,     length of hcp_id no         no
 *         0, kind byte, timer id
 *   'v'   hcp_id                                    derived vectors  no         no
 *
 * Capital kinds travel: key and value of the changelog record are those of the store, bit for bit.
 * Small ones are local, may be lost, and are rebuilt.
 */
#ifndef NBA_STATE_KEY_H
#define NBA_STATE_KEY_H

#include <stdbool.h>

#include "nba/base/buf.h"

enum nba_key_kind {
    NBA_KEY_ERASED = 'E',
    NBA_KEY_HCP = 'H',
    NBA_KEY_META = 'M',
    NBA_KEY_REP = 'R',
    NBA_KEY_VOLUME = 'V',
    NBA_KEY_CHANGELOG = 'c',
    NBA_KEY_UNCOMPACTED = 'e',
    NBA_KEY_SILENCE = 's',
    NBA_KEY_TIMER = 't',
    NBA_KEY_VECTORS = 'v',
};

/* Appends kind byte and id. */
void nba_key_append(struct nba_buf *buf, enum nba_key_kind kind, struct nba_str id);

/* Does a changelog record with this key belong into the store? */
bool nba_key_travels(struct nba_str key);

/* The HCP that an 'H', 's', 't' or 'v' key is about; empty: another kind, or damaged. */
struct nba_str nba_key_hcp(struct nba_str key, struct nba_str value);

/* The id of an 'H' or 'R' key. */
struct nba_str nba_key_id(struct nba_str key);

#endif
