/*
 * libyaml's event API into a tree of nodes in one arena.
 *
 * The bytes are looked over first (encoding, line ends, tabs, control bytes), so that the commonest
 * slips of an editor get their own words instead of a parser's.  libyaml itself bounds nothing:
 * depth and number of events are counted here, and parsing stops at the first event past a limit
 * (its own nesting is quadratic in depth, measured: 100 KB of "[" takes 20 s).
 */
#include "nba/config/yaml.h"

#include <stdlib.h>
#include <yaml.h>

#include "nba/base/assert.h"
#include "nba/base/buf.h"
#include "nba/base/file.h"
#include "nba/base/limits.h"
#include "nba/base/memory.h"
#include "nba/base/utf8.h"
#include "yaml_internal.h"

/* A node and its text cost two cache lines or a little more. */
#define TREE_BYTES_MAX ((size_t)16 * 1024 * 1024)

/* One open list or map while parsing. */
struct level {
    struct nba_yaml_node *node;
    struct nba_yaml_node *last; /* newest child */
    struct nba_yaml_node *key;  /* read, its value not yet */
};

struct parse {
    struct nba_yaml *tree;
    struct level levels[NBA_YAML_DEPTH_MAX];
    uint32_t depth; /* open levels */
    uint32_t events;
    uint32_t documents;
    struct nba_error *error;
};

static enum nba_status fail_at(const char *name, size_t line, size_t column,
                               struct nba_error *error, const char *what)
{
    return nba_error_set(error, NBA_E_CONFIG, "%s:%zu:%zu: %s", name, line, column, what);
}

static const char *complaint_of_byte(const unsigned char *p, size_t left, bool indent)
{
    if (*p == '\r') {
        return "Windows line end (CR LF): save the file with Unix line ends (LF)";
    }
    if (*p == '\t' && indent) {
        return "tab in the indentation: YAML takes spaces only";
    }
    if ((*p < 0x20 && *p != '\n' && *p != '\t') || *p == 0x7F) {
        return "control byte in the file: expected text";
    }
    return nba_utf8_bytes(p, left) == 0 ? "not UTF-8: save the file as UTF-8" : NULL;
}

static enum nba_status check_bytes(const char *name, struct nba_str bytes, struct nba_error *error)
{
    const unsigned char *p = (const unsigned char *)bytes.data;
    const bool two = bytes.bytes >= 2;
    const char *complaint = NULL;
    size_t line = 1;
    size_t column = 1;
    bool indent = true;
    if (bytes.bytes > (size_t)NBA_YAML_BYTES_MAX) {
        return nba_error_set(error, NBA_E_CONFIG, "%s:1:1: file of %zu bytes, expected at most %u",
                             name, bytes.bytes, NBA_YAML_BYTES_MAX);
    }
    if (two && (memcmp(p, "\xFF\xFE", 2) == 0 || memcmp(p, "\xFE\xFF", 2) == 0)) {
        complaint = "UTF-16: save the file as UTF-8 without BOM";
    } else if (bytes.bytes >= 3 && memcmp(p, "\xEF\xBB\xBF", 3) == 0) {
        complaint = "byte-order mark: save the file as UTF-8 without BOM";
    }
    for (size_t i = 0; complaint == NULL && i < bytes.bytes;) {
        complaint = complaint_of_byte(p + i, bytes.bytes - i, indent);
        if (complaint == NULL) {
            indent = p[i] == '\n' || (indent && p[i] == ' ');
            column = p[i] == '\n' ? 1 : column + 1;
            line += p[i] == '\n';
            i += nba_utf8_bytes(p + i, bytes.bytes - i);
        }
    }
    return complaint == NULL ? NBA_OK : fail_at(name, line, column, error, complaint);
}

static enum nba_status fail_mark(const struct parse *parse, const yaml_mark_t *mark,
                                 const char *what)
{
    return fail_at(parse->tree->name, mark->line + 1, mark->column + 1, parse->error, what);
}

/* The limits below leave the arena more than enough. */
static struct nba_yaml_node *node_create(struct parse *parse, enum nba_yaml_kind kind,
                                         const yaml_mark_t *mark)
{
    struct nba_yaml_node *node = nba_arena_need(&parse->tree->arena, sizeof(*node));
    *node = (struct nba_yaml_node){.source = parse->tree->name,
                                   .kind = kind,
                                   .line = (uint32_t)mark->line + 1,
                                   .column = (uint32_t)mark->column + 1};
    return node;
}

static struct nba_str copy(struct parse *parse, const void *text, size_t bytes)
{
    char *memory = nba_arena_need(&parse->tree->arena, bytes + 1);
    memcpy(memory, text, bytes);
    memory[bytes] = '\0';
    return nba_str(memory, bytes);
}

/* Hangs a finished or opened node below the innermost level: as a key, a value, an item, a root. */
static enum nba_status place(struct parse *parse, struct nba_yaml_node *node,
                             const yaml_mark_t *mark)
{
    if (parse->depth == 0) {
        parse->tree->root = node;
        return NBA_OK;
    }
    struct level *level = &parse->levels[parse->depth - 1];
    node->parent = level->node;
    if (level->node->kind == NBA_YAML_MAP && level->key == NULL) {
        if (node->kind != NBA_YAML_SCALAR) {
            return fail_mark(parse, mark, "expected a word as key, got a list or a map");
        }
        if (nba_str_is(node->text, "<<") && !node->quoted) {
            return fail_mark(parse, mark, "merge keys (<<) are not taken: write the keys out");
        }
        for (const struct nba_yaml_node *n = level->node->first; n != NULL; n = n->next) {
            if (nba_str_equal(n->key->text, node->text)) {
                node->key = node; /* so that the path names it */
                return nba_yaml_fail_key(node, parse->error,
                                         "duplicate key, first given in line %u", n->key->line);
            }
        }
        level->key = node;
        return NBA_OK;
    }
    node->key = level->key;
    node->index = level->node->count++;
    level->key = NULL;
    if (level->last != NULL) {
        level->last->next = node;
    } else {
        level->node->first = node;
    }
    level->last = node;
    return NBA_OK;
}

/* A scalar, or the start of a list or a map. */
static enum nba_status on_node(struct parse *parse, const yaml_event_t *event)
{
    const yaml_mark_t *mark = &event->start_mark;
    const bool scalar = event->type == YAML_SCALAR_EVENT;
    const bool map = event->type == YAML_MAPPING_START_EVENT;
    const void *anchor = scalar ? event->data.scalar.anchor
                         : map  ? event->data.mapping_start.anchor
                                : event->data.sequence_start.anchor;
    const void *tag = scalar ? event->data.scalar.tag
                      : map  ? event->data.mapping_start.tag
                             : event->data.sequence_start.tag;
    if (anchor != NULL) {
        return fail_mark(parse, mark, "anchors (&name) are not taken");
    }
    if (tag != NULL) {
        return fail_mark(parse, mark, "tags (!name) are not taken");
    }
    if (!scalar && parse->depth == NBA_YAML_DEPTH_MAX) {
        return nba_error_set(parse->error, NBA_E_CONFIG, "%s:%zu:%zu: nested deeper than %u levels",
                             parse->tree->name, mark->line + 1, mark->column + 1,
                             NBA_YAML_DEPTH_MAX);
    }
    struct nba_yaml_node *node = node_create(parse,
                                             scalar ? NBA_YAML_SCALAR
                                             : map  ? NBA_YAML_MAP
                                                    : NBA_YAML_LIST,
                                             mark);
    if (scalar) {
        node->text = copy(parse, event->data.scalar.value, event->data.scalar.length);
        node->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
        if (strlen(node->text.data) != node->text.bytes) {
            return fail_mark(parse, mark, "NUL in a text");
        }
    }
    const enum nba_status status = place(parse, node, mark);
    if (status == NBA_OK && !scalar) {
        parse->levels[parse->depth++] = (struct level){.node = node};
    }
    return status;
}

static enum nba_status on_event(struct parse *parse, const yaml_event_t *event)
{
    if (++parse->events > NBA_YAML_EVENTS_MAX) {
        return nba_error_set(parse->error, NBA_E_CONFIG,
                             "%s:%zu:%zu: more than %u entries in one file", parse->tree->name,
                             event->start_mark.line + 1, event->start_mark.column + 1,
                             NBA_YAML_EVENTS_MAX);
    }
    const yaml_event_type_t type = event->type;
    if (type == YAML_SCALAR_EVENT || type == YAML_SEQUENCE_START_EVENT ||
        type == YAML_MAPPING_START_EVENT) {
        return on_node(parse, event);
    }
    if (type == YAML_ALIAS_EVENT) {
        return fail_mark(parse, &event->start_mark, "aliases (*name) are not taken");
    }
    if (type == YAML_SEQUENCE_END_EVENT || type == YAML_MAPPING_END_EVENT) {
        NBA_ASSERT(parse->depth > 0);
        parse->depth--;
    }
    if (type != YAML_DOCUMENT_START_EVENT) {
        return NBA_OK;
    }
    if (event->data.document_start.version_directive != NULL ||
        event->data.document_start.tag_directives.start !=
            event->data.document_start.tag_directives.end) {
        return fail_mark(parse, &event->start_mark, "directives (%NAME) are not taken");
    }
    return parse->documents++ == 0
               ? NBA_OK
               : fail_mark(parse, &event->start_mark, "a second document, expected only one");
}

static enum nba_status run(struct parse *parse, struct nba_str bytes)
{
    yaml_parser_t parser;
    const int made = yaml_parser_initialize(&parser);
    NBA_ASSERT(made == 1);
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, (const unsigned char *)bytes.data, bytes.bytes);
    enum nba_status status = NBA_OK;
    bool end = false;
    while (status == NBA_OK && !end) {
        yaml_event_t event;
        if (yaml_parser_parse(&parser, &event) == 0) {
            status = nba_error_set(
                parse->error, NBA_E_CONFIG, "%s:%zu:%zu: not valid YAML: %s%s%s", parse->tree->name,
                parser.problem_mark.line + 1, parser.problem_mark.column + 1,
                parser.problem != NULL ? parser.problem : "broken",
                parser.context != NULL ? " " : "", parser.context != NULL ? parser.context : "");
            break;
        }
        end = event.type == YAML_STREAM_END_EVENT;
        status = on_event(parse, &event);
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
    return status;
}

enum nba_status nba_yaml_parse(const char *name, struct nba_str bytes, struct nba_yaml **ret_tree,
                               struct nba_error *error)
{
    NBA_ASSERT(name != NULL && ret_tree != NULL);
    enum nba_status status = check_bytes(name, bytes, error);
    if (status != NBA_OK) {
        return status;
    }
    struct nba_yaml *tree = nba_zeros(1, sizeof(*tree));
    struct parse parse = {.tree = tree, .error = error};
    const yaml_mark_t top = {0, 0, 0};
    nba_arena_init(&tree->arena, TREE_BYTES_MAX);
    tree->name = copy(&parse, name, strlen(name)).data;
    status = run(&parse, bytes);
    if (status != NBA_OK) {
        nba_yaml_destroy(tree);
        return status;
    }
    if (tree->root == NULL) {
        tree->root = node_create(&parse, NBA_YAML_MAP, &top);
    }
    *ret_tree = tree;
    return NBA_OK;
}

enum nba_status nba_yaml_load(const char *path, struct nba_yaml **ret_tree, struct nba_error *error)
{
    struct nba_buf buf;
    nba_buf_init(&buf, (size_t)NBA_YAML_BYTES_MAX);
    enum nba_status status = nba_file_read(path, &buf, error);
    if (status == NBA_E_LIMIT) {
        status = nba_error_set(error, NBA_E_CONFIG, "%s:1:1: file is larger than %u bytes", path,
                               NBA_YAML_BYTES_MAX);
    }
    if (status == NBA_OK) {
        status = nba_yaml_parse(path, nba_buf_str(&buf), ret_tree, error);
    }
    nba_buf_clear(&buf);
    return status;
}

void nba_yaml_destroy(struct nba_yaml *tree)
{
    if (tree != NULL) {
        nba_arena_clear(&tree->arena);
        free(tree);
    }
}

const struct nba_yaml_node *nba_yaml_root(const struct nba_yaml *tree)
{
    NBA_ASSERT(tree != NULL && tree->root != NULL);
    return tree->root;
}
