/*
 * Groups within the process: who has which partitions.
 *
 * A rebalance is a round.  It begins when a member joins or leaves or a subscribed topic comes or
 * goes: every member that owns a share gives it back in its next poll (`ready`); when all are
 * ready, the shares are computed, and each member hears of its own in its next poll (`pending`,
 * then `owns`).  A member that doesn't poll holds the round up, as in Kafka within its limits.
 *
 * A share is told only when no open transaction has offsets pending for its partitions (Kafka's
 * require_stable), so the committed offsets are the last word of the former owner.
 */
#include <stdlib.h>
#include <string.h>

#include "local_internal.h"
#include "nba/base/assert.h"

struct nba_local_group *nba_local_find_group(struct nba_local_log *log, const char *name)
{
    struct nba_local_group *group = log->groups;
    while (group != NULL && strcmp(group->name, name) != 0) {
        group = group->next;
    }
    if (group == NULL) {
        group = calloc(1, sizeof(*group));
        NBA_ASSERT(group != NULL);
        group->name = strdup(name);
        NBA_ASSERT(group->name != NULL);
        group->next = log->groups;
        log->groups = group;
    }
    return group;
}

static bool subscribes(const struct nba_local_member *member, const char *topic)
{
    for (size_t i = 0; i < member->topic_count; i++) {
        if (strcmp(member->topics[i], topic) == 0) {
            return true;
        }
    }
    return false;
}

/* Members with a name in the order of names, then the others as they joined. */
static bool goes_before(const struct nba_local_member *a, const struct nba_local_member *b)
{
    if (a->instance_id != NULL && b->instance_id != NULL) {
        return strcmp(a->instance_id, b->instance_id) < 0;
    }
    return a->instance_id != NULL || (b->instance_id == NULL && a->sequence < b->sequence);
}

static void clear_share(struct nba_local_member *member)
{
    free(member->share);
    free(member->share_topics);
    member->share = NULL;
    member->share_topics = NULL;
    member->share_count = 0;
}

/* Appends the member's run of the topic's partitions to its share. */
static void share_topic(struct nba_local_member *member, struct nba_local_topic *topic)
{
    int32_t rank = 0;
    int32_t sharers = 0;
    const struct nba_local_member *other = member->group->members;
    for (; other != NULL; other = other->next) {
        if (subscribes(other, topic->name)) {
            sharers++;
            rank += other != member && goes_before(other, member);
        }
    }
    const int32_t each = topic->partition_count / sharers;
    const int32_t extra = topic->partition_count % sharers;
    const int32_t first = each * rank + (rank < extra ? rank : extra);
    const int32_t count = each + (rank < extra);
    const size_t total = member->share_count + (size_t)count;
    struct nba_assignment *share = realloc(member->share, (total + 1) * sizeof(*share));
    struct nba_local_topic **topics =
        realloc(member->share_topics, (total + 1) * sizeof(struct nba_local_topic *));
    NBA_ASSERT(share != NULL && topics != NULL);
    member->share = share;
    member->share_topics = topics;
    for (int32_t i = 0; i < count; i++) {
        topics[member->share_count] = topic;
        share[member->share_count++] = (struct nba_assignment){topic->name, first + i, -1, 0};
    }
}

/* Ends the round if all are ready.  `lock` is held. */
static void finish_round(struct nba_local_log *log, struct nba_local_group *group)
{
    for (const struct nba_local_member *m = group->members; m != NULL; m = m->next) {
        if (!m->ready) {
            return;
        }
    }
    group->rebalancing = false;
    for (struct nba_local_member *m = group->members; m != NULL; m = m->next) {
        clear_share(m);
        for (size_t i = 0; i < m->topic_count; i++) {
            struct nba_local_topic *topic = nba_local_find_topic(log, m->topics[i], 0, NULL);
            if (topic != NULL) {
                share_topic(m, topic);
            }
        }
        m->ready = false;
        m->pending = true;
    }
    nba_local_broadcast(log);
}

/* Begins a round, or the round under way again.  `lock` is held. */
static void begin_round(struct nba_local_log *log, struct nba_local_group *group)
{
    group->rebalancing = true;
    for (struct nba_local_member *m = group->members; m != NULL; m = m->next) {
        m->pending = false;
        m->ready = false;
    }
    nba_local_broadcast(log);
}

void nba_local_rebalance_topic(struct nba_local_log *log, const char *topic)
{
    for (struct nba_local_group *group = log->groups; group != NULL; group = group->next) {
        bool concerned = false;
        for (const struct nba_local_member *m = group->members; m != NULL; m = m->next) {
            concerned = concerned || subscribes(m, topic);
        }
        if (concerned) {
            begin_round(log, group);
        }
    }
}

static void unlink_member(struct nba_local_member *member)
{
    struct nba_local_member **link = &member->group->members;
    while (*link != member) {
        NBA_ASSERT(*link != NULL);
        link = &(*link)->next;
    }
    *link = member->next;
    member->group = NULL;
}

/* Puts the former member of this name, if any, out of the group.  `lock` is held. */
static void fence_namesake(struct nba_local_group *group, const char *instance_id)
{
    for (struct nba_local_member *m = group->members; m != NULL; m = m->next) {
        if (m->instance_id != NULL && strcmp(m->instance_id, instance_id) == 0) {
            m->fenced = true;
            unlink_member(m);
            return;
        }
    }
}

enum nba_status nba_local_member_create(void *self, const struct nba_member_options *options,
                                        void **ret_member, struct nba_error *error)
{
    struct nba_local_log *log = self;
    if (log->read_only) {
        return nba_error_set(error, NBA_E_USAGE,
                             "cannot join group '%s': the log is open for "
                             "reading",
                             options->group_id);
    }
    struct nba_local_member *member = calloc(1, sizeof(*member));
    NBA_ASSERT(member != NULL);
    member->log = log;
    member->callbacks.assign = options->assign;
    member->callbacks.revoke = options->revoke;
    member->callbacks.context = options->context;
    member->topics = calloc(options->topic_count, sizeof(char *));
    NBA_ASSERT(member->topics != NULL);
    for (size_t i = 0; i < options->topic_count; i++) {
        member->topics[i] = strdup(options->topics[i]);
        NBA_ASSERT(member->topics[i] != NULL);
    }
    member->topic_count = options->topic_count;
    if (options->instance_id != NULL) {
        member->instance_id = strdup(options->instance_id);
        NBA_ASSERT(member->instance_id != NULL);
    }
    pthread_mutex_lock(&log->lock);
    struct nba_local_group *group = nba_local_find_group(log, options->group_id);
    if (member->instance_id != NULL) {
        fence_namesake(group, member->instance_id);
    }
    member->group = group;
    member->sequence = log->join_count++;
    member->next = group->members;
    group->members = member;
    begin_round(log, group);
    pthread_mutex_unlock(&log->lock);
    *ret_member = member;
    return NBA_OK;
}

/* Gives the share back, telling the owner first.  `lock` is held, given up for the callback. */
static void give_back(struct nba_local_member *member, bool lost)
{
    if (!member->owns) {
        return;
    }
    if (member->share_count != 0) {
        pthread_mutex_unlock(&member->log->lock);
        member->callbacks.revoke(member->callbacks.context, member->share, member->share_count,
                                 lost);
        pthread_mutex_lock(&member->log->lock);
    }
    nba_local_cursors_clear(&member->cursors);
    member->owns = false;
}

static bool is_for(const struct nba_local_pending *pending, const struct nba_local_member *member)
{
    for (size_t i = 0; i < member->share_count; i++) {
        if (pending->group == member->group && pending->topic == member->share_topics[i] &&
            pending->partition == member->share[i].partition) {
            return true;
        }
    }
    return false;
}

/* Whether an open transaction has offsets pending for the share.  `lock` is held. */
static bool offsets_pending(const struct nba_local_member *member)
{
    const struct nba_local_transaction *open = member->log->transactions;
    for (; open != NULL; open = open->next) {
        for (size_t i = 0; i < open->pending_count; i++) {
            if (is_for(&open->pendings[i], member)) {
                return true;
            }
        }
    }
    return false;
}

/* Tells the new share and sets the cursors.  `lock` is held, given up for the callback. */
static enum nba_status take_share(struct nba_local_member *member, struct nba_error *error)
{
    struct nba_local_log *log = member->log;
    enum nba_status status = NBA_OK;
    const size_t count = member->share_count;
    for (size_t i = 0; i < count && status == NBA_OK; i++) {
        struct nba_assignment *share = &member->share[i];
        status = nba_local_get_group_offset(log, member->group->name, member->share_topics[i],
                                            share->partition, &share->committed, error);
        share->offset = share->committed >= 0
                            ? share->committed
                            : member->share_topics[i]->partitions[share->partition].low;
    }
    if (status != NBA_OK) {
        return status;
    }
    member->pending = false;
    member->owns = true;
    pthread_mutex_unlock(&log->lock);
    status = member->callbacks.assign(member->callbacks.context, member->share, count, error);
    if (status == NBA_OK) {
        struct nba_position *positions = calloc(count + 1, sizeof(*positions));
        NBA_ASSERT(positions != NULL);
        for (size_t i = 0; i < count; i++) {
            positions[i] = (struct nba_position){member->share[i].topic, member->share[i].partition,
                                                 member->share[i].offset};
        }
        nba_local_cursors_set(&member->cursors, positions, member->share_topics, count);
        free(positions);
    }
    pthread_mutex_lock(&log->lock);
    member->owns = status == NBA_OK; /* a refused share isn't revoked */
    return status;
}

/* What the group asks of the member now.  `lock` is held. */
static enum nba_status follow_group(struct nba_local_member *member, struct nba_error *error)
{
    if (member->fenced) {
        give_back(member, true);
        return nba_error_set(error, NBA_E_FENCED, "another member runs as '%s'",
                             member->instance_id);
    }
    if (member->group->rebalancing && !member->ready) {
        give_back(member, false);
        if (!member->fenced) { /* as it may be since the callback */
            member->ready = true;
            finish_round(member->log, member->group);
        }
    }
    if (member->pending && !offsets_pending(member)) {
        return take_share(member, error);
    }
    return NBA_OK;
}

enum nba_status nba_local_member_poll(void *self, int timeout_ms, enum nba_poll *ret_what,
                                      struct nba_record *ret_record, struct nba_error *error)
{
    struct nba_local_member *member = self;
    struct nba_local_log *log = member->log;
    bool waited = false;
    struct timespec deadline = {0, 0};
    for (;;) {
        pthread_mutex_lock(&log->lock);
        enum nba_status status = follow_group(member, error);
        const uint64_t version = log->version;
        pthread_mutex_unlock(&log->lock);
        *ret_what = NBA_POLL_NONE;
        if (status == NBA_OK) {
            status = nba_local_cursors_poll(log, &member->cursors, ret_what, ret_record, error);
        }
        if (status != NBA_OK || *ret_what != NBA_POLL_NONE || timeout_ms == 0) {
            return status;
        }
        if (!waited) {
            deadline = nba_local_deadline(timeout_ms);
            waited = true;
        }
        pthread_mutex_lock(&log->lock);
        const bool more = nba_local_wait(log, version, &deadline);
        pthread_mutex_unlock(&log->lock);
        if (!more) {
            return NBA_OK;
        }
    }
}

void nba_local_member_close(void *self, int deadline_ms)
{
    struct nba_local_member *member = self;
    struct nba_local_log *log = member->log;
    (void)deadline_ms;
    pthread_mutex_lock(&log->lock);
    give_back(member, member->fenced);
    struct nba_local_group *group = member->group;
    if (group != NULL) {
        unlink_member(member);
        begin_round(log, group);
    }
    pthread_mutex_unlock(&log->lock);
    clear_share(member);
    nba_local_cursors_clear(&member->cursors);
    for (size_t i = 0; i < member->topic_count; i++) {
        free(member->topics[i]);
    }
    free(member->topics);
    free(member->instance_id);
    free(member);
}
