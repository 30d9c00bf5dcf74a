/*
 * What a budget's task remembers of one budget (nba/policy/volume.h): a place for every action that
 * counts in its present window.
 *
 * SHAPE.  A tree of fixed shape, whose nodes are small records of their own (key kind 'V'): a root,
 * NBA_VOLUME_FAN inner nodes, as many leaves of each.  A place stands in the leaf that the hash of
 * its action names; an inner node has of each child how many places it holds and the least of those
 * that may give way.  So a request reads and writes three records, however large the budget: with
 * NBA_VOLUME_MAX places a leaf holds twelve of them on average.
 *
 * A PLACE is open while its action may give way to a better one, and has the action's and the HCP's
 * id; once it is taken for good (sent, shown, answered) it keeps the hash of the action's id and
 * nothing else.
 *
 * WINDOW.  A node carries the end of the window that it counts; one of another window than the
 * root's is empty, so that a new window begins with the root alone.  nba_task_drop_volumes takes
 * away what has ended.
 *
 * OWNERSHIP.  Nodes belong to the transaction's overlay; texts of places live as long as its arena.
 */
#ifndef NBA_STATE_VOLUME_H
#define NBA_STATE_VOLUME_H

#include "nba/base/str.h"
#include "nba/state/task.h"

#define NBA_VOLUME_FAN 64u

struct nba_volume_place {
    uint64_t key; /* of the action, nba_volume_key */
    bool open;    /* and then: */
    double priority;
    uint64_t turn; /* the place is the turn-th of its window */
    struct nba_str action_id, hcp_id;
};

/* What a node holds: places, and the least of its open ones: of equals the latest. */
struct nba_volume_sum {
    uint32_t used;
    bool open;
    double priority;
    uint64_t turn;
};

/* A budget as the transaction sees it. */
struct nba_volume_node;
struct nba_volume {
    struct nba_task *task;
    struct nba_str id;
    struct nba_volume_node *root;
};

uint64_t nba_volume_key(struct nba_str action_id);

/* One never heard of is empty and has no window.  `id` must outlive the handle. */
NBA_MUST_USE
enum nba_status nba_task_get_volume(struct nba_task *task, struct nba_str id,
                                    struct nba_volume *ret_volume, struct nba_error *error);
/* End of its window, NBA_TIME_NONE: none; greatest time of a request in it. */
int64_t nba_volume_end_ms(const struct nba_volume *volume);
int64_t nba_volume_clock_ms(const struct nba_volume *volume);
/* A request at this time, in the window with this end: another one than before begins empty. */
void nba_volume_move(struct nba_volume *volume, int64_t time_ms, int64_t end_ms);
struct nba_volume_sum nba_volume_sum(const struct nba_volume *volume);

/* The place of an action, of the least open one; NULL: there is none.  Valid until a place is added
 * or removed. */
NBA_MUST_USE
enum nba_status nba_volume_find(struct nba_volume *volume, struct nba_str action_id,
                                const struct nba_volume_place **ret_place, struct nba_error *error);
NBA_MUST_USE
enum nba_status nba_volume_least(struct nba_volume *volume,
                                 const struct nba_volume_place **ret_place,
                                 struct nba_error *error);
/* Takes a place for an action that has none: an open one with texts, which are copied, else of the
 * action's id alone; the turn is the budget's to give. */
NBA_MUST_USE
enum nba_status nba_volume_add(struct nba_volume *volume, const struct nba_volume_place *place,
                               struct nba_error *error);
/* The action's place is free again; or taken for good.  Without a place nothing happens. */
NBA_MUST_USE
enum nba_status nba_volume_remove(struct nba_volume *volume, struct nba_str action_id,
                                  struct nba_error *error);
NBA_MUST_USE
enum nba_status nba_volume_take(struct nba_volume *volume, struct nba_str action_id,
                                struct nba_error *error);

/* No window of a budget of this task ends before; too early by windows that are gone at most. */
int64_t nba_task_volumes_due_ms(const struct nba_task *task);
/* Drops what belongs to windows that have ended by then, all of it. */
NBA_MUST_USE
enum nba_status nba_task_drop_volumes(struct nba_task *task, int64_t now_ms,
                                      struct nba_error *error);

#endif
