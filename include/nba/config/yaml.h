/*
 * YAML files of people, read strictly: configuration, policies, mappings.
 *
 * A file becomes a small read-only tree of maps, lists and scalars; each node knows its line and
 * column, so that every later complaint points into the file:
 *
 *   config/nba.yaml:12:9: commit.interval_ms: expected a number from 1 to 10000, got 'soon'
 *
 * STRICT.  One document of maps, lists and scalars.  Refused: anchors, aliases, merge keys, tags,
 * directives, duplicate keys, keys that aren't scalars, tabs as indentation, a byte-order mark,
 * Windows line ends, NUL and other control bytes, bytes that aren't UTF-8, more than
 * NBA_YAML_BYTES_MAX bytes, NBA_YAML_EVENTS_MAX nodes or NBA_YAML_DEPTH_MAX levels.
 *
 * WORDS, NOT GUESSES.  A scalar stays the text that was written.  Other readers of YAML 1.1 turn
 * an unquoted NO into false, 20:00 into 1200, 1.10 into 1.1; whoever moves the file through one of
 * them would change its meaning.  So nba_yaml_text demands quotes where another reader would see
 * something else than text.  null (or ~, or nothing) is nba_yaml_is_null.
 *
 * OWNERSHIP.  Nodes and their texts belong to the tree.  THREADS.  Immutable once loaded.
 */
#ifndef NBA_CONFIG_YAML_H
#define NBA_CONFIG_YAML_H

#include <stdbool.h>
#include <stdint.h>

#include "nba/base/status.h"
#include "nba/base/str.h"
#include "nba/base/time_text.h"

enum nba_yaml_kind { NBA_YAML_SCALAR, NBA_YAML_LIST, NBA_YAML_MAP };

struct nba_yaml;

struct nba_yaml_node {
    const char *source; /* the file, in messages */
    enum nba_yaml_kind kind;
    bool quoted;                        /* scalar in quotes or as a block */
    uint32_t line;                      /* from 1 */
    uint32_t column;                    /* from 1 */
    uint32_t count;                     /* items of a list, pairs of a map */
    uint32_t index;                     /* place in its list or map, from 0 */
    struct nba_str text;                /* of a scalar; ends in NUL beyond its length */
    const struct nba_yaml_node *parent; /* NULL: the root */
    const struct nba_yaml_node *key;    /* its key in a map, a scalar; else NULL */
    const struct nba_yaml_node *first;  /* first item or value */
    const struct nba_yaml_node *next;   /* next one beside it */
};

/* Reads a file or bytes; `name` is what messages call it.  NBA_E_CONFIG with file:line:column,
 * NBA_E_NOT_FOUND, NBA_E_IO, NBA_E_NO_MEMORY. */
NBA_MUST_USE
enum nba_status nba_yaml_load(const char *path, struct nba_yaml **ret_tree,
                              struct nba_error *error);
NBA_MUST_USE
enum nba_status nba_yaml_parse(const char *name, struct nba_str bytes, struct nba_yaml **ret_tree,
                               struct nba_error *error);
void nba_yaml_destroy(struct nba_yaml *tree);

/* A file that holds nothing but comments has an empty map as its root. */
const struct nba_yaml_node *nba_yaml_root(const struct nba_yaml *tree);

/* The value of `key` in a map; NULL when it is absent, or `map` is none. */
const struct nba_yaml_node *nba_yaml_get(const struct nba_yaml_node *map, const char *key);
bool nba_yaml_is_null(const struct nba_yaml_node *node);

/* Fills "file:line:column: key.path: ..." and returns NBA_E_CONFIG.  nba_yaml_fail points at a
 * value, nba_yaml_fail_key at the key before it. */
NBA_PRINTF(3, 4)
enum nba_status nba_yaml_fail(const struct nba_yaml_node *node, struct nba_error *error,
                              const char *format, ...);
NBA_PRINTF(3, 4)
enum nba_status nba_yaml_fail_key(const struct nba_yaml_node *node, struct nba_error *error,
                                  const char *format, ...);
/* A map lacks a key it needs: "file:line:column: path.key: missing, expected ...". */
enum nba_status nba_yaml_fail_missing(const struct nba_yaml_node *map, const char *key,
                                      const char *expected, struct nba_error *error);

/* Each key of `map` must be one of `keys` (ends in NULL), else NBA_E_CONFIG that names the nearest
 * one.  A key of `later` (may be NULL) is known but not built: it is refused as such. */
NBA_MUST_USE
enum nba_status nba_yaml_check_keys(const struct nba_yaml_node *map, const char *const *keys,
                                    const char *const *later, struct nba_error *error);

/* The word of `words` (ends in NULL) that is nearest to `text` by edit distance; NULL: none is. */
const char *nba_yaml_nearest(struct nba_str text, const char *const *words);

/* Typed readings; each NBA_E_CONFIG says what was expected and what is there. */
NBA_MUST_USE
enum nba_status nba_yaml_expect(const struct nba_yaml_node *node, enum nba_yaml_kind kind,
                                struct nba_error *error);
/* Text that is not empty and at most NBA_ID_BYTES_MAX long. */
NBA_MUST_USE
enum nba_status nba_yaml_text(const struct nba_yaml_node *node, struct nba_str *ret_text,
                              struct nba_error *error);
/* As text, but long and empty ones are fine. */
NBA_MUST_USE
enum nba_status nba_yaml_string(const struct nba_yaml_node *node, struct nba_str *ret_text,
                                struct nba_error *error);
NBA_MUST_USE
enum nba_status nba_yaml_bool(const struct nba_yaml_node *node, bool *ret_value,
                              struct nba_error *error);
NBA_MUST_USE
enum nba_status nba_yaml_integer(const struct nba_yaml_node *node, int64_t min, int64_t max,
                                 int64_t *ret_value, struct nba_error *error);
NBA_MUST_USE
enum nba_status nba_yaml_number(const struct nba_yaml_node *node, double min, double max,
                                double *ret_value, struct nba_error *error);
/* Index of the scalar among `words` (ends in NULL). */
NBA_MUST_USE
enum nba_status nba_yaml_word(const struct nba_yaml_node *node, const char *const *words,
                              size_t *ret_index, struct nba_error *error);
/* A quoted RFC 3339 instant. */
NBA_MUST_USE
enum nba_status nba_yaml_time(const struct nba_yaml_node *node, int64_t *ret_ms,
                              struct nba_error *error);
/* An ISO 8601 duration above zero. */
NBA_MUST_USE
enum nba_status nba_yaml_duration(const struct nba_yaml_node *node,
                                  struct nba_duration *ret_duration, struct nba_error *error);

#endif
