/*
 * Groups within the process: who has which partitions.
 *
 * A group's generation grows when a member joins or leaves or a subscribed topic comes or goes.  In
 * its next poll each member sees that, gives its share back, and takes a new one - a function of
 * the list of members - as soon as all others have seen it too.  A member that doesn't poll holds
 * them up, as in Kafka within its limits.
 *
 * A share is told only when no open transaction has offsets pending for its partitions (Kafka's
 * require_stable), so the committed offsets are the last word of the former owner.
 */
#include <stdlib.h>
#include <string.h>

#include "local_internal.h"
#include "nba/base/assert.h"
#include "nba/base/memory.h"

struct nba_local_group *nba_local_find_group(struct nba_local_log *log, const char *name)
{
    struct nba_local_group *group = log->groups;
    while (group != NULL && strcmp(group->name, name) != 0) {
        group = group->next;
    }
    if (group == NULL) {
        group = nba_zeros(1, sizeof(*group));
        group->name = nba_copy(name);
        group->next = log->groups;
        log->groups = group;
    }
    return group;
}

static bool subscribes(const struct nba_local_reader *member, const char *topic)
{
    for (size_t i = 0; i < member->topic_count; i++) {
        if (strcmp(member->topics[i], topic) == 0) {
            return true;
        }
    }
    return false;
}

/* Everyone must give back and get anew.  `lock` is held. */
static void rebalance(struct nba_local_log *log, struct nba_local_group *group)
{
    group->generation++;
    nba_local_broadcast(log);
}

void nba_local_rebalance_topic(struct nba_local_log *log, const char *topic)
{
    for (struct nba_local_group *group = log->groups; group != NULL; group = group->next) {
        const struct nba_local_reader *member = group->members;
        while (member != NULL && !subscribes(member, topic)) {
            member = member->next;
        }
        if (member != NULL) {
            rebalance(log, group);
        }
    }
}

/* Adds the member's run of the topic's partitions to its cursors. */
static void share_topic(struct nba_local_reader *member, struct nba_local_topic *topic)
{
    int32_t rank = 0;
    int32_t sharers = 0;
    const struct nba_local_reader *other = member->group->members;
    for (; other != NULL; other = other->next) {
        rank = other == member ? sharers : rank;
        sharers += subscribes(other, topic->spec.name);
    }
    NBA_ASSERT(sharers > 0);
    const int32_t each = topic->spec.partitions / sharers;
    const int32_t extra = topic->spec.partitions % sharers;
    const int32_t first = each * rank + (rank < extra ? rank : extra);
    for (int32_t i = first; i < first + each + (rank < extra); i++) {
        nba_local_cursor_add(member, &topic->partitions[i], 0);
    }
}

/* Whether the claim is of the group's offset of a partition in the share. */
static bool is_of_share(const struct nba_local_claim *claim, const struct nba_local_reader *member)
{
    bool found = false;
    for (size_t i = 0; claim->group == member->group && i < member->cursor_count; i++) {
        found |= claim->partition == member->cursors[i].partition;
    }
    return found;
}

/* Whether an open transaction has offsets pending for the share.  `lock` is held. */
static bool offsets_pending(const struct nba_local_reader *member)
{
    bool pending = false;
    const struct nba_local_producer *producer = member->log->producers;
    for (; producer != NULL; producer = producer->next) {
        for (size_t i = 0; producer->open && i < producer->claim_count; i++) {
            pending |= is_of_share(&producer->claims[i], member);
        }
    }
    return pending;
}

/* Tells the share where it starts by the group's offsets.  `lock` is held. */
static enum nba_status find_offsets(struct nba_local_reader *member, struct nba_error *error)
{
    enum nba_status status = NBA_OK;
    member->share = nba_zeros(member->cursor_count + 1, sizeof(*member->share));
    for (size_t i = 0; i < member->cursor_count && status == NBA_OK; i++) {
        const struct nba_local_partition *p = member->cursors[i].partition;
        struct nba_assignment *share = &member->share[i];
        share->topic = p->topic->spec.name;
        share->partition = p->index;
        status = nba_local_get_group_offset(member->log, member->group->name, p, &share->committed,
                                            error);
        share->offset = share->committed >= 0 ? share->committed : p->marks.low;
    }
    return status;
}

/* Computes and tells the new share.  `lock` is held, given up for the callback. */
static enum nba_status take_share(struct nba_local_reader *member, struct nba_error *error)
{
    struct nba_local_log *log = member->log;
    for (size_t i = 0; i < member->topic_count; i++) {
        const struct nba_local_partition *p = nba_local_find(log, member->topics[i], 0, NULL);
        if (p != NULL) {
            share_topic(member, p->topic);
        }
    }
    const bool pending = offsets_pending(member);
    enum nba_status status = pending ? NBA_OK : find_offsets(member, error);
    if (!pending && status == NBA_OK) {
        member->owns = true;
        pthread_mutex_unlock(&log->lock);
        status = member->callbacks.assign(member->callbacks.context, member->share,
                                          member->cursor_count, error);
        pthread_mutex_lock(&log->lock);
        for (size_t i = 0; i < member->cursor_count; i++) {
            member->cursors[i].position = member->share[i].offset;
        }
    }
    if (pending || status != NBA_OK) {
        member->owns = false; /* a refused share isn't revoked */
        nba_local_cursors_clear(member);
    }
    return status;
}

/* Gives the share back, telling the owner first.  `lock` is held, given up for the callback. */
static void give_back(struct nba_local_reader *member, bool lost)
{
    if (member->owns && member->cursor_count != 0) {
        pthread_mutex_unlock(&member->log->lock);
        member->callbacks.revoke(member->callbacks.context, member->share, member->cursor_count,
                                 lost);
        pthread_mutex_lock(&member->log->lock);
    }
    member->owns = false;
    nba_local_cursors_clear(member);
}

enum nba_status nba_local_member_follow(struct nba_local_reader *member, struct nba_error *error)
{
    if (member->fenced) {
        give_back(member, true);
        return nba_error_set(error, NBA_E_FENCED, "another member runs as '%s'",
                             member->instance_id);
    }
    if (member->group == NULL) {
        return NBA_OK;
    }
    if (member->seen != member->group->generation) {
        give_back(member, false);
        if (member->fenced) { /* as it may be since the callback */
            return NBA_OK;
        }
        member->seen = member->group->generation;
        nba_local_broadcast(member->log);
    }
    const struct nba_local_reader *other = member->group->members;
    while (other != NULL && other->seen == member->seen) {
        other = other->next;
    }
    return other == NULL && !member->owns ? take_share(member, error) : NBA_OK;
}

static void unlink_member(struct nba_local_reader *member)
{
    struct nba_local_reader **link = &member->group->members;
    while (*link != member) {
        NBA_ASSERT(*link != NULL);
        link = &(*link)->next;
    }
    *link = member->next;
    member->group = NULL;
}

/* Members with a name stand in the order of names, then the others as they joined.  A former
 * member of the name is put out of the group.  `lock` is held. */
static void join(struct nba_local_reader *member, struct nba_local_group *group)
{
    const char *name = member->instance_id;
    struct nba_local_reader **link = &group->members;
    while (*link != NULL && (name == NULL || ((*link)->instance_id != NULL &&
                                              strcmp((*link)->instance_id, name) < 0))) {
        link = &(*link)->next;
    }
    struct nba_local_reader *former = *link;
    if (former != NULL && former->instance_id != NULL && strcmp(former->instance_id, name) == 0) {
        former->fenced = true;
        unlink_member(former);
    }
    member->next = *link;
    *link = member;
    member->group = group;
    rebalance(member->log, group);
}

enum nba_status nba_local_member_create(void *self, const struct nba_member_options *options,
                                        void **ret_member, struct nba_error *error)
{
    struct nba_local_log *log = self;
    (void)error;
    struct nba_local_reader *member = nba_zeros(1, sizeof(*member));
    member->log = log;
    member->callbacks.assign = options->assign;
    member->callbacks.revoke = options->revoke;
    member->callbacks.context = options->context;
    member->topics = nba_zeros(options->topic_count, sizeof(char *));
    for (; member->topic_count < options->topic_count; member->topic_count++) {
        member->topics[member->topic_count] = nba_copy(options->topics[member->topic_count]);
    }
    member->instance_id = nba_copy(options->instance_id);
    pthread_mutex_lock(&log->lock);
    join(member, nba_local_find_group(log, options->group_id));
    pthread_mutex_unlock(&log->lock);
    *ret_member = member;
    return NBA_OK;
}

void nba_local_member_close(void *self, int deadline_ms)
{
    struct nba_local_reader *member = self;
    struct nba_local_log *log = member->log;
    (void)deadline_ms;
    pthread_mutex_lock(&log->lock);
    give_back(member, member->fenced);
    struct nba_local_group *group = member->group;
    if (group != NULL) {
        unlink_member(member);
        rebalance(log, group);
    }
    pthread_mutex_unlock(&log->lock);
    for (size_t i = 0; i < member->topic_count; i++) {
        free(member->topics[i]);
    }
    free(member->topics);
    free(member->instance_id);
    nba_local_reader_destroy(member);
}
