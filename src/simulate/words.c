/* The market's words, all our own: topics, brands, specialties, and texts put together
 * from them. */
#include "world_internal.h"

const struct sim_topic nba_sim_topics[TOPIC_COUNT] = {
    {"heart_failure", "heart failure", "neurohormonal therapy", "ejection fraction", "congestion",
     "natriuretic peptide", 0},
    {"anticoagulation", "atrial fibrillation", "oral anticoagulation", "stroke risk", "bleeding",
     "renal function", 0},
    {"hypertension", "resistant hypertension", "fixed-dose combination", "ambulatory pressure",
     "adherence", "target organ", 0},
    {"lipids", "hypercholesterolaemia", "intensive lipid lowering", "LDL target",
     "secondary prevention", "statin intolerance", 0},
    {"diabetes", "type 2 diabetes", "incretin-based therapy", "HbA1c", "weight",
     "cardiovascular outcome", 1},
    {"obesity", "obesity", "weight management", "body composition", "lifestyle", "maintenance", 1},
    {"kidney", "chronic kidney disease", "renal protection", "albuminuria", "eGFR slope",
     "potassium", 1},
    {"copd", "chronic obstructive pulmonary disease", "triple inhaled therapy", "exacerbation",
     "eosinophils", "inhaler technique", 2},
    {"asthma", "severe asthma", "biologic therapy", "phenotype", "steroid sparing", "lung function",
     2},
    {"lung_cancer", "non-small-cell lung cancer", "targeted therapy", "molecular testing",
     "resistance", "brain metastases", 3},
    {"breast_cancer", "hormone-receptor-positive breast cancer", "cell-cycle inhibition",
     "early stage", "toxicity", "quality of life", 3},
    {"immunotherapy", "immune checkpoint inhibition", "combination immunotherapy",
     "immune-related events", "biomarker", "duration", 3},
};

const char *const nba_sim_specialties[SPECIALTY_COUNT] = {"cardiology",    "internal_medicine",
                                                          "endocrinology", "pulmonology",
                                                          "oncology",      "general_practice"};

const unsigned char nba_sim_interest[SPECIALTY_COUNT][TOPIC_COUNT] = {
    {3, 3, 2, 2, 1, 0, 1, 0, 0, 0, 0, 0}, {1, 1, 2, 2, 2, 1, 2, 1, 0, 0, 0, 0},
    {0, 0, 1, 1, 3, 3, 2, 0, 0, 0, 0, 0}, {0, 0, 0, 0, 0, 0, 0, 3, 3, 2, 0, 1},
    {0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 3, 3}, {0, 1, 2, 2, 2, 2, 1, 2, 1, 0, 0, 0}};

const char *const nba_sim_brands[BRAND_COUNT] = {"CARDIOX", "GLUCENTA", "PULMOVA", "ONCORIS"};
const char *const nba_sim_stages[STAGE_COUNT] = {"awareness", "evidence", "dosing", "support"};

const char *const nba_sim_zones[] = {"America/New_York",    "America/Chicago", "America/Denver",
                                     "America/Los_Angeles", "Europe/Berlin",   "Europe/Oslo"};
const struct sim_market nba_sim_markets[MARKET_COUNT] = {
    {"US", "en", 0, 4, false}, {"DE", "de", 4, 1, true}, {"NO", "no", 5, 1, true}};

static const char *const forms[STAGE_COUNT][4] = {
    {"Recognising %s earlier: what first visits tell", "The burden of %s in daily practice",
     "Five questions to ask when %s is suspected", "When to think of %s: a short guide"},
    {"New evidence in %s: results after two years", "%s: what the latest trials change",
     "Real-world outcomes in %s, 4,200 patients",
     "Subgroups that matter in %s: a critical reading"},
    {"Starting and titrating therapy in %s", "Dose adjustment in %s: a case-based course",
     "Switching therapy in %s, step by step", "Monitoring treatment in %s: a checklist"},
    {"Living with %s: material for patients", "Helping patients stay on treatment in %s",
     "Shared decisions in %s: a conversation guide", "Between visits: remote support in %s"}};

static const char *const openings[4] = {
    "In many practices %s is seen late.", "Care of people with %s has changed in a few years.",
    "Guidelines for %s leave room for judgement.", "Not every patient with %s answers alike."};

/* `form` with `word` in place of its %s. */
static void append_form(struct nba_buf *buf, const char *form, const char *word)
{
    const char *place = strstr(form, "%s");
    nba_buf_append(buf, form, (size_t)(place - form));
    nba_buf_append_str(buf, nba_str_of(word));
    nba_buf_append_str(buf, nba_str_of(place + 2));
}

static struct nba_str kept(struct nba_buf *buf, struct nba_arena *arena)
{
    const struct nba_str text = nba_arena_copy(arena, nba_buf_str(buf));
    nba_buf_clear(buf);
    return text;
}

struct nba_str nba_sim_title(uint32_t topic, uint32_t stage, uint32_t variant,
                             struct nba_arena *arena)
{
    struct nba_buf buf;
    nba_buf_init(&buf, 1024);
    append_form(&buf, forms[stage][variant % 4], nba_sim_topics[topic].condition);
    if (variant >= 4) {
        nba_buf_printf(&buf, " (part %u)", (unsigned)(variant / 4 + 1));
    }
    return kept(&buf, arena);
}

struct nba_str nba_sim_abstract(uint32_t topic, uint32_t stage, uint32_t variant,
                                struct nba_arena *arena)
{
    static const char *const middles[STAGE_COUNT] = {
        "This piece sums up signs, tests and referral",
        "We go through design, outcome and limits of the main studies on",
        "A practical path from the first dose to follow-up, for",
        "Tools and words for the conversation with patients about"};
    const struct sim_topic *words = &nba_sim_topics[topic];
    const char *const keywords[3] = {words->first, words->second, words->third};
    struct nba_buf buf;
    nba_buf_init(&buf, 4096);
    append_form(&buf, openings[variant % 4], words->condition);
    nba_buf_printf(&buf, " %s, with a look at %s and %s.", middles[stage], keywords[variant % 3],
                   keywords[(variant + 1) % 3]);
    nba_buf_printf(&buf, " The role of %s is set out, and what %s means for the next visit.",
                   words->therapy, keywords[(variant + 2) % 3]);
    return kept(&buf, arena);
}
