/*
 * Every limit on data from outside, with its reason.  A loop over outside data is bounded by one
 * of these; what happens when a list in an HCP's record is full stands with the list.
 */
#ifndef NBA_BASE_LIMITS_H
#define NBA_BASE_LIMITS_H

/* An event, whole: 256 KiB.  A change of that size in a profile is a mistake, and a decoded event
 * must fit a worker's arena many times. */
#define NBA_EVENT_BYTES_MAX 262144u
/* One string inside an event: a free text of a survey; ids are far shorter. */
#define NBA_STRING_BYTES_MAX 8192u
/* hcp_id, content_id, event_id, brand...: they become keys, headers and file names. */
#define NBA_ID_BYTES_MAX 256u
/* Items of one array or map in an event. */
#define NBA_ITEMS_MAX 1000u
/* Nesting of Avro schemas, and of values whose schema doesn't contain itself. */
#define NBA_DEPTH_MAX 32u
/* Nesting of the others: a list or a tree of some sixty records inside one another. */
#define NBA_VALUE_DEPTH_MAX 256u
/* Text of one schema: 64 KiB. */
#define NBA_SCHEMA_BYTES_MAX 65536u
/* A record of ours on any topic: Kafka's default max.message.bytes. */
#define NBA_RECORD_BYTES_MAX 1000000u
/* A dead letter keeps this much of the original, what a record takes less key and headers; header
 * truncated_from tells its length. */
#define NBA_DEADLETTER_BYTES_MAX (NBA_RECORD_BYTES_MAX - 65536u)
/* Headers of one record: CloudEvents has eight, ours five; room for other people's. */
#define NBA_HEADERS_MAX 64u

/* Configuration, policy and score table files: 1 MiB (libyaml nests in quadratic time: the depth is
 * what counts). */
#define NBA_YAML_BYTES_MAX  1048576u
#define NBA_YAML_EVENTS_MAX 40000u
#define NBA_YAML_DEPTH_MAX  32u

/* Catalogue: twice Pega's health limit of 2,500 actions, and room for treatments of each. */
#define NBA_CONTENTS_MAX           20000u
#define NBA_TREATMENTS_MAX         8u
#define NBA_CANDIDATES_MAX         40000u
#define NBA_TOPICS_PER_CONTENT_MAX 8u
#define NBA_SPECIALTIES_MAX        16u

/* An HCP's record, encoded. */
#define NBA_HCP_BYTES_MAX 16384u
/* Events in the ring (R): twice the largest anchored window W. */
#define NBA_RING_EVENTS 128u

/* Slate, and ranked candidates kept with rank, priority and evidence in a decision record. */
#define NBA_SLATE_MAX     25u
#define NBA_EXPLAINED_MAX 50u
#define NBA_DRIVERS_MAX   5u

/* Partitions of one topic: a company's cluster seldom has more for one topic. */
#define NBA_PARTITIONS_MAX 1024u
/* Workers (threads) of one instance. */
#define NBA_WORKERS_MAX 64u

#endif
