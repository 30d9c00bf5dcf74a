/* What the files that make up nba/state/hcp.h share. */
#ifndef NBA_STATE_HCP_INTERNAL_H
#define NBA_STATE_HCP_INTERNAL_H

#include "nba/state/hcp.h"

/* Bytes that the encoding may gain besides what was added: a list whose times stop sharing a unit
 * (4 bytes each of 320), first times, references that grow. */
#define HCP_SLACK_BYTES 1408u

/* Of one text of an action; a decision id is made of two ids. */
#define NBA_HCP_ACTION_TEXT_BYTES_MAX ((size_t)3 * NBA_ID_BYTES_MAX)

/* All fields but arena, hcp_id and due_floor as of an HCP never heard of. */
void nba_hcp_blank(struct nba_hcp *hcp);

/* A copy of `text` in the record's arena; empty when it is longer than `bytes_max`. */
struct nba_str nba_hcp_keep(struct nba_hcp *hcp, struct nba_str text, size_t bytes_max);

/* Takes one item out of a list of the record. */
#define NBA_HCP_REMOVE(list, count, index) \
    nba_hcp_remove_item(list, sizeof((list)[0]), &(count), index)
void nba_hcp_remove_item(void *items, size_t item_bytes, uint32_t *count, uint32_t index);

/* How many outcomes are of the family and kind of `like` (NULL: all), and the oldest by time. */
uint32_t nba_hcp_oldest_outcome(const struct nba_hcp *hcp, const struct nba_outcome_entry *like,
                                uint32_t *ret_index);

/* `added_bytes` at most have been added: drops what hcp.h says until the record fits. */
void nba_hcp_fit(struct nba_hcp *hcp, size_t added_bytes);

/* Encodes into `room`; 0 when it takes more than `room_bytes`. */
size_t nba_hcp_encode_into(const struct nba_hcp *hcp, unsigned char *room, size_t room_bytes);

/* What may never be dropped is within the bytes it may take. */
bool nba_hcp_actions_within_limit(const struct nba_hcp *hcp);
bool nba_hcp_consents_within_limit(const struct nba_hcp *hcp);

/* Forgets why the oldest contact that says it took place; false: none says it any more. */
bool nba_hcp_ledger_drop_evidence(struct nba_hcp *hcp);
/* A record of format 1 had no ledger: contacts of its open actions and outcomes `sent`. */
void nba_hcp_ledger_restore(struct nba_hcp *hcp);

/* What an event is about, as its outcome would say it: content, family, topic, brand, channel; its
 * own, else those of its content, its action or its message. */
struct nba_outcome_entry nba_hcp_about(struct nba_hcp *hcp, const struct nba_event *event,
                                       const struct nba_content_facts *facts);

#endif
