/*
 * What happens by itself: visits that an HCP makes, and pushes of the company.
 *
 *   visit   a content is chosen by taste; by channel it is a page read, an event attended, a call,
 *           or the one thing opened in a digest that came by e-mail
 *   push    a content goes out on a channel; the HCP engages or not (nba_sim_answer)
 *
 * Both plan their next one when they happen, so the queue holds two entries an HCP and what is
 * under way.
 */
#include "nba/base/time_text.h"
#include "world_internal.h"

#define MINUTE_MS INT64_C(60000)

/* About as many events follow from one visit and from one push of the mix below. */
#define EVENTS_PER_VISIT 2.4
#define EVENTS_PER_PUSH  2.6
#define PUSHES_PER_VISIT 0.8

/* Days between two visits of an HCP of mean activity, so that `days` give about `events`. */
static double visit_days(const struct nba_world *world)
{
    const double events_per_hcp = (double)world->options.events / (double)world->options.hcps;
    const double visits = events_per_hcp / (EVENTS_PER_VISIT + PUSHES_PER_VISIT * EVENTS_PER_PUSH);
    return world->options.days / (visits > 0.01 ? visits : 0.01);
}

void nba_sim_say_record(struct nba_world *world, const struct sim_record *record)
{
    uint32_t index = 0;
    struct sim_record *kept = nba_sim_record_new(world, &index);
    if (kept == NULL) {
        return;
    }
    *kept = *record;
    kept->serial = world->serial;
    world->serial++;
    int64_t at_ms = kept->event_ms > world->now_ms ? kept->event_ms : world->now_ms;
    if (nba_sim_happens(world, world->options.late_share)) {
        /* Most come within hours, one of eight after days. */
        const double hours = nba_sim_happens(world, 0.125) ? 72.0 : 3.0;
        at_ms += (int64_t)nba_sim_wait(world, hours * (double)NBA_HOUR_MS);
    }
    nba_sim_push(world, STEP_EVENT, at_ms, kept->hcp, index);
    if (nba_sim_happens(world, world->options.duplicate_share)) {
        struct sim_record *again = nba_sim_record_new(world, &index);
        if (again != NULL) {
            *again = *record;
            again->serial = world->serial - 1;
            nba_sim_push(world, STEP_EVENT, at_ms + (int64_t)nba_sim_wait(world, 10.0 * MINUTE_MS),
                         again->hcp, index);
        }
    }
}

void nba_sim_say(struct nba_world *world, uint32_t hcp, enum nba_event_type type, int64_t event_ms,
                 uint32_t content, enum nba_channel channel)
{
    const struct sim_record record = {.event_ms = event_ms,
                                      .type = type,
                                      .channel = channel,
                                      .hcp = hcp,
                                      .content = content,
                                      .action = UINT32_MAX};
    nba_sim_say_record(world, &record);
}

/* Too many touches: the channel is refused for a while, or for good. */
static void maybe_opt_out(struct nba_world *world, uint32_t hcp, enum nba_channel channel,
                          int64_t at_ms)
{
    struct sim_hcp *person = &world->hcps[hcp];
    if (!nba_sim_happens(world, 0.004) || person->opted_out[channel]) {
        return;
    }
    struct sim_record record = {.event_ms = at_ms + MINUTE_MS,
                                .type = NBA_EVENT_CONSENT_CHANGED,
                                .channel = channel,
                                .status = NBA_CONSENT_STATUS_OPT_OUT,
                                .hcp = hcp,
                                .content = UINT32_MAX,
                                .action = UINT32_MAX};
    person->opted_out[channel] = true;
    nba_sim_say_record(world, &record);
    if (nba_sim_happens(world, 0.3)) {
        record.event_ms = at_ms + (int64_t)(nba_sim_wait(world, 20.0) * (double)NBA_DAY_MS);
        record.status = NBA_CONSENT_STATUS_OPT_IN;
        nba_sim_say_record(world, &record);
        person->opted_out[channel] = false;
    }
}

bool nba_sim_answer(struct nba_world *world, uint32_t hcp, uint32_t content,
                    enum nba_channel channel, int64_t at_ms, unsigned by)
{
    const double p = nba_world_probability(world, hcp, content, channel);
    const bool engaged = nba_sim_happens(world, p);
    world->tally.touches[by]++;
    world->tally.expected[by] += p;
    world->tally.engaged[by] += engaged ? 1 : 0;
    nba_sim_touch(world, hcp, at_ms);
    if (engaged) {
        nba_sim_engage(world, hcp, content);
    } else {
        maybe_opt_out(world, hcp, channel, at_ms);
    }
    return engaged;
}

/* Most touches that led to nothing are reported so by their channel, a day later. */
void nba_sim_ignored(struct nba_world *world, uint32_t hcp, uint32_t content,
                     enum nba_channel channel, uint32_t action, int64_t at_ms)
{
    const struct sim_record record = {.event_ms = at_ms + NBA_DAY_MS,
                                      .type = NBA_EVENT_ACTION_IGNORED,
                                      .channel = channel,
                                      .hcp = hcp,
                                      .content = content,
                                      .action = action};
    if (nba_sim_happens(world, 0.8)) {
        nba_sim_say_record(world, &record);
    }
}

static void say_mail(struct nba_world *world, struct sim_record *record, enum nba_event_type type,
                     int64_t after_ms)
{
    record->type = type;
    record->event_ms += after_ms;
    nba_sim_say_record(world, record);
}

/* sent, delivered, a machine's opening and clicking, then perhaps the person's */
void nba_sim_mail(struct nba_world *world, uint32_t hcp, uint32_t content, uint32_t action,
                  int64_t at_ms, unsigned by)
{
    struct sim_record record = {.event_ms = at_ms,
                                .channel = NBA_CHANNEL_EMAIL,
                                .hcp = hcp,
                                .content = content,
                                .action = action,
                                .message = ++world->message};
    say_mail(world, &record, NBA_EVENT_EMAIL_SENT, 0);
    if (nba_sim_happens(world, 0.01)) {
        say_mail(world, &record, NBA_EVENT_EMAIL_BOUNCED, MINUTE_MS / 2);
        return;
    }
    say_mail(world, &record, NBA_EVENT_EMAIL_DELIVERED, MINUTE_MS / 2);
    if (world->hcps[hcp].gateway) {
        record.bot = NBA_BOT_GENERIC;
        say_mail(world, &record, NBA_EVENT_EMAIL_OPENED, 1000);
        say_mail(world, &record, NBA_EVENT_EMAIL_CLICKED, 500);
        record.bot = NBA_BOT_NONE;
    }
    const int64_t read_ms = (int64_t)nba_sim_wait(world, 5.0 * (double)NBA_HOUR_MS);
    if (nba_sim_answer(world, hcp, content, NBA_CHANNEL_EMAIL, record.event_ms + read_ms, by)) {
        say_mail(world, &record, NBA_EVENT_EMAIL_OPENED, read_ms);
        if (nba_sim_happens(world, 0.5)) {
            say_mail(world, &record, NBA_EVENT_EMAIL_CLICKED, 30000);
        }
    } else {
        nba_sim_ignored(world, hcp, content, NBA_CHANNEL_EMAIL, action, record.event_ms);
    }
}

static void attend(struct nba_world *world, uint32_t hcp, uint32_t content, int64_t at_ms,
                   bool comes)
{
    const int64_t later_ms = at_ms + (int64_t)(nba_sim_wait(world, 3.0) * (double)NBA_DAY_MS);
    nba_sim_say(world, hcp, NBA_EVENT_WEBINAR_REGISTERED, at_ms, content, NBA_CHANNEL_EVENT);
    nba_sim_say(world, hcp, comes ? NBA_EVENT_WEBINAR_ATTENDED : NBA_EVENT_WEBINAR_NO_SHOW,
                later_ms, content, NBA_CHANNEL_EVENT);
}

/* A digest: the person picks what it opens. */
static void open_digest(struct nba_world *world, uint32_t hcp, uint32_t content, int64_t at_ms)
{
    struct sim_record record = {.event_ms = at_ms,
                                .channel = NBA_CHANNEL_EMAIL,
                                .hcp = hcp,
                                .content = content,
                                .action = UINT32_MAX,
                                .message = ++world->message};
    say_mail(world, &record, NBA_EVENT_EMAIL_DELIVERED, 0);
    say_mail(world, &record, NBA_EVENT_EMAIL_OPENED, 20 * MINUTE_MS);
    say_mail(world, &record, NBA_EVENT_EMAIL_CLICKED, 30000);
    nba_sim_touch(world, hcp, at_ms);
}

static void visit(struct nba_world *world, uint32_t hcp, int64_t at_ms)
{
    const enum nba_channel channel = nba_sim_choose_channel(world, hcp);
    const uint32_t content = nba_sim_choose(world, hcp, 1.0);
    struct sim_record record = {.event_ms = at_ms,
                                .type = NBA_EVENT_PORTAL_CONTENT_VIEWED,
                                .channel = channel,
                                .hcp = hcp,
                                .content = content,
                                .action = UINT32_MAX};
    if (content == UINT32_MAX) {
        return;
    }
    if (channel == NBA_CHANNEL_EVENT) {
        attend(world, hcp, content, at_ms, nba_sim_happens(world, 0.8));
    } else if (channel == NBA_CHANNEL_REP) {
        record.type = NBA_EVENT_REP_CALL_COMPLETED;
        nba_sim_say_record(world, &record);
        nba_sim_touch(world, hcp, at_ms);
    } else if (channel == NBA_CHANNEL_EMAIL) {
        open_digest(world, hcp, content, at_ms);
    } else {
        record.event_ms = at_ms + MINUTE_MS;
        record.dwell_s = (float)nba_sim_wait(world, 90.0);
        nba_sim_say(world, hcp, NBA_EVENT_PORTAL_LOGIN, at_ms, UINT32_MAX, NBA_CHANNEL_WEB);
        nba_sim_say_record(world, &record);
        if (nba_sim_happens(world, 0.15)) {
            record.type = NBA_EVENT_CONTENT_DOWNLOADED;
            record.event_ms += MINUTE_MS;
            nba_sim_say_record(world, &record);
        }
        if (nba_sim_happens(world, 0.02)) {
            nba_sim_say(world, hcp, NBA_EVENT_CONVERSION, at_ms + 5 * MINUTE_MS, content,
                        NBA_CHANNEL_WEB);
        }
    }
    nba_sim_engage(world, hcp, content);
}

/* A quarter goes to anyone; the rest to who has the specialty for it. */
static uint32_t choose_push(struct nba_world *world, uint32_t hcp)
{
    const struct sim_hcp *person = &world->hcps[hcp];
    for (int tries = 0; tries < 50; tries++) {
        const uint32_t content = nba_sim_below(world, world->content_count);
        const uint32_t topic = world->contents[content].topic;
        if (nba_sim_is_available(world, content) &&
            (nba_sim_happens(world, 0.25) || nba_sim_interest[person->specialty][topic] >= 2)) {
            return content;
        }
    }
    return UINT32_MAX;
}

static void push(struct nba_world *world, uint32_t hcp, int64_t at_ms)
{
    const enum nba_channel channel = nba_sim_choose_channel(world, hcp);
    const uint32_t content = choose_push(world, hcp);
    if (content == UINT32_MAX) {
        return;
    }
    if (channel == NBA_CHANNEL_EMAIL) {
        nba_sim_mail(world, hcp, content, UINT32_MAX, at_ms, 0);
        return;
    }
    if (channel == NBA_CHANNEL_EVENT) {
        nba_sim_say(world, hcp, NBA_EVENT_WEBINAR_INVITED, at_ms, content, channel);
    } else if (channel == NBA_CHANNEL_WEB) {
        nba_sim_say(world, hcp, NBA_EVENT_AD_IMPRESSION, at_ms, content, channel);
    }
    if (!nba_sim_answer(world, hcp, content, channel, at_ms, 0)) {
        nba_sim_ignored(world, hcp, content, channel, UINT32_MAX, at_ms);
    } else if (channel == NBA_CHANNEL_EVENT) {
        attend(world, hcp, content, at_ms + NBA_HOUR_MS, true);
    } else {
        nba_sim_say(world, hcp,
                    channel == NBA_CHANNEL_REP ? NBA_EVENT_REP_CALL_COMPLETED
                                               : NBA_EVENT_AD_CLICKED,
                    at_ms + MINUTE_MS, content, channel);
    }
}

void nba_sim_step_taken(struct nba_world *world, const struct sim_pending *pending)
{
    const double day = (double)NBA_DAY_MS;
    const double mean_days = visit_days(world) / (double)world->hcps[pending->hcp].rate;
    if (pending->step == STEP_VISIT) {
        visit(world, pending->hcp, pending->at_ms);
        nba_sim_push(world, STEP_VISIT,
                     pending->at_ms + (int64_t)(nba_sim_wait(world, mean_days) * day), pending->hcp,
                     0);
    } else if (pending->step == STEP_PUSH) {
        push(world, pending->hcp, pending->at_ms);
        nba_sim_push(world, STEP_PUSH,
                     pending->at_ms +
                         (int64_t)(nba_sim_wait(world, visit_days(world) / PUSHES_PER_VISIT) * day),
                     pending->hcp, 0);
    } else {
        nba_sim_act(world, pending->record, pending->at_ms);
    }
}
