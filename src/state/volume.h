/* A node of a budget's tree, and its bytes (docs/formats/state.md). */
#ifndef NBA_STATE_VOLUME_NODE_H
#define NBA_STATE_VOLUME_NODE_H

#include "nba/base/arena.h"
#include "nba/base/buf.h"
#include "nba/state/volume.h"

enum volume_level { VOLUME_ROOT, VOLUME_INNER, VOLUME_LEAF };

struct nba_volume_node {
    struct nba_arena *arena;
    enum volume_level level;
    bool failed;    /* the arena was full */
    int64_t end_ms; /* of its window; NBA_TIME_NONE: it holds nothing, and isn't stored */
    /* of a root: */
    int64_t clock_ms;
    uint64_t turns; /* places given in the window so far */
    /* of a root and an inner node: */
    struct nba_volume_sum *children; /* (NBA_VOLUME_FAN) */
    /* of a leaf: */
    struct nba_volume_place *places; /* in the order they were given */
    uint32_t count, room;
};

/* False: the arena is full. */
bool nba_volume_node_init(struct nba_volume_node *node, enum volume_level level,
                          struct nba_arena *arena);
/* Holds nothing but this window. */
void nba_volume_node_clear(struct nba_volume_node *node, int64_t end_ms);
struct nba_volume_sum nba_volume_node_sum(const struct nba_volume_node *node);
/* `a` gives way before `b`, which is open. */
bool nba_volume_sum_before(const struct nba_volume_sum *a, const struct nba_volume_sum *b);

/* Appends the canonical encoding; nothing for a node that isn't stored.  NBA_E_NO_MEMORY. */
NBA_MUST_USE
enum nba_status nba_volume_node_encode(const struct nba_volume_node *node, struct nba_buf *buf);
/* NBA_E_CORRUPT, NBA_E_VERSION; `bytes` must outlive the node. */
NBA_MUST_USE
enum nba_status nba_volume_node_decode(struct nba_str bytes, struct nba_volume_node *node,
                                       struct nba_error *error);
/* The window's end of an encoded node; NBA_TIME_NONE: it is damaged. */
int64_t nba_volume_node_end_of(struct nba_str bytes);

/* Room for one place more, or NULL. */
struct nba_volume_place *nba_volume_node_append(struct nba_volume_node *node);

#endif
