/*
 * Policies laid over each other, written out as one file.
 *
 * Every node stands on a line of its own, so that a complaint about the text can be led back to the
 * line of the file from which the node came.
 */
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>

#include "nba/base/assert.h"
#include "nba/base/file.h"
#include "nba/base/limits.h"
#include "nba/base/memory.h"
#include "nba/policy/policy.h"
#include "scenario_internal.h"

#define LAYERS_MAX     3u
#define PATH_BYTES_MAX 4096u
#define NAME           "policy"

struct writing {
    struct nba_buf text;
    const struct nba_yaml_node **lines; /* from line 1 */
    size_t line_count, line_capacity;
    const struct nba_scenarios *file; /* whose brands are known */
    const struct nba_yaml_node *root; /* of the policy itself */
};

struct layers {
    const struct nba_yaml_node *nodes[LAYERS_MAX]; /* the later over the earlier */
    size_t count;
};

static void end_line(struct writing *w, const struct nba_yaml_node *node)
{
    nba_buf_append_byte(&w->text, '\n');
    w->lines = nba_room((void *)w->lines, w->line_count, &w->line_capacity, sizeof(*w->lines));
    w->lines[w->line_count++] = node;
}

static void write_quoted(struct nba_buf *buf, struct nba_str text)
{
    nba_buf_append_byte(buf, '"');
    for (size_t i = 0; i < text.bytes; i++) {
        const char c = text.data[i];
        if (c == '"' || c == '\\') {
            nba_buf_append_byte(buf, '\\');
        }
        if (c == '\n') {
            nba_buf_printf(buf, "\\n");
        } else {
            nba_buf_append_byte(buf, (unsigned char)c);
        }
    }
    nba_buf_append_byte(buf, '"');
}

/* As it was written, but for what only stands free outside of brackets. */
static void write_scalar(struct writing *w, const struct nba_yaml_node *node)
{
    if (node->text.bytes == 0 && !node->quoted) {
        nba_buf_printf(&w->text, "null");
    } else if (node->quoted || strpbrk(node->text.data, ",[]{}\n") != NULL) {
        write_quoted(&w->text, node->text);
    } else {
        nba_buf_append_str(&w->text, node->text);
    }
}

/* `brands`: this is the policy's list of them. */
static void write_value(struct writing *w, struct layers layers, bool brands);

/* Is the key in a layer before? */
static bool is_written(const struct layers *layers, size_t layer, struct nba_str key)
{
    bool found = false;
    for (size_t i = 0; i < layer && !found; i++) {
        found = nba_yaml_get(layers->nodes[i], key.data) != NULL;
    }
    return found;
}

static void write_pairs(struct writing *w, const struct layers *layers)
{
    for (size_t i = 0; i < layers->count; i++) {
        for (const struct nba_yaml_node *n = layers->nodes[i]->first; n != NULL; n = n->next) {
            struct layers values = {.count = 0};
            if (is_written(layers, i, n->key->text)) {
                continue;
            }
            for (size_t j = i; j < layers->count; j++) {
                const struct nba_yaml_node *value =
                    nba_yaml_get(layers->nodes[j], n->key->text.data);
                if (value != NULL) {
                    values.nodes[values.count++] = value;
                }
            }
            write_quoted(&w->text, n->key->text);
            nba_buf_printf(&w->text, ": ");
            write_value(w, values,
                        layers->nodes[i] == w->root && nba_str_is(n->key->text, "brands"));
            nba_buf_printf(&w->text, ",");
            end_line(w, values.nodes[values.count - 1]);
        }
    }
}

/* What a scenario file names is known. */
static void write_known_brands(struct writing *w, const struct nba_yaml_node *list)
{
    const struct nba_scenarios *file = w->file;
    for (size_t t = 0; t < file->tree_count; t++) {
        const struct nba_yaml_node *root = nba_yaml_root(file->trees[t]);
        const struct nba_yaml_node *n = root;
        while (n != NULL) { /* depth first, without recursion */
            if (n->key != NULL && nba_str_is(n->key->text, "brand") && n->kind == NBA_YAML_SCALAR &&
                n->text.bytes != 0) {
                bool known = false;
                for (const struct nba_yaml_node *b = list->first; b != NULL; b = b->next) {
                    known = known || nba_str_equal(b->text, n->text);
                }
                if (!known) {
                    write_quoted(&w->text, n->text);
                    nba_buf_printf(&w->text, ",");
                    end_line(w, n);
                }
            }
            if (n->first != NULL) {
                n = n->first;
                continue;
            }
            while (n != NULL && n->next == NULL) {
                n = n->parent;
            }
            n = n != NULL ? n->next : NULL;
        }
    }
}

/* NOLINTNEXTLINE(misc-no-recursion): as deep as YAML files may be */
static void write_value(struct writing *w, struct layers layers, bool brands)
{
    const struct nba_yaml_node *top = layers.nodes[layers.count - 1];
    size_t first = layers.count - 1;
    while (top->kind == NBA_YAML_MAP && first > 0 &&
           layers.nodes[first - 1]->kind == NBA_YAML_MAP) {
        first--;
    }
    if (top->kind == NBA_YAML_SCALAR) {
        write_scalar(w, top);
    } else if (top->kind == NBA_YAML_MAP) {
        struct layers maps = {.count = layers.count - first};
        memcpy((void *)maps.nodes, (const void *)&layers.nodes[first],
               maps.count * sizeof(*maps.nodes));
        nba_buf_printf(&w->text, "{");
        end_line(w, top);
        write_pairs(w, &maps);
        nba_buf_printf(&w->text, "}");
    } else {
        nba_buf_printf(&w->text, "[");
        end_line(w, top);
        for (const struct nba_yaml_node *n = top->first; n != NULL; n = n->next) {
            write_value(w, (struct layers){{n}, 1}, false);
            nba_buf_printf(&w->text, ",");
            end_line(w, n);
        }
        if (brands) {
            write_known_brands(w, top);
        }
        nba_buf_printf(&w->text, "]");
    }
}

/* "policy:12:3: slate.size: ..." becomes the place in the file from which line 12 came. */
static void lead_back(const struct writing *w, struct nba_error *error)
{
    char text[NBA_ERROR_MESSAGE_BYTES];
    unsigned line = 0;
    unsigned column = 0;
    int used = 0;
    if (sscanf(error->message, NAME ":%u:%u: %n", &line, &column, &used) == 2 && used > 0 &&
        line >= 1 && line <= w->line_count) {
        const struct nba_yaml_node *from = w->lines[line - 1];
        (void)snprintf(text, sizeof(text), "%s", error->message + used);
        (void)nba_error_set(error, error->status, "%s:%u:%u: %.400s", from->source, from->line,
                            from->column, text);
    }
}

static enum nba_status load_base(struct nba_scenarios *file, const struct nba_yaml_node *policy,
                                 struct nba_str *ret_bytes, const struct nba_yaml_node **ret_root,
                                 struct nba_error *error)
{
    char path[PATH_BYTES_MAX];
    char folder[PATH_BYTES_MAX];
    struct nba_str name;
    struct nba_buf bytes;
    *ret_root = policy;
    *ret_bytes = nba_str(NULL, 0);
    if (policy->kind == NBA_YAML_MAP) {
        return NBA_OK;
    }
    enum nba_status status = nba_yaml_string(policy, &name, error);
    if (status != NBA_OK) {
        return status;
    }
    (void)snprintf(folder, sizeof(folder), "%s", file->path);
    (void)snprintf(path, sizeof(path),
                   name.bytes != 0 && name.data[0] == '/' ? "%.0s%.*s" : "%s/%.*s", dirname(folder),
                   NBA_STR_ARG(name));
    nba_buf_init(&bytes, NBA_YAML_BYTES_MAX);
    status = nba_file_read(path, &bytes, error);
    if (status != NBA_OK) {
        struct nba_error why = *error;
        status = nba_yaml_fail(policy, error, "%.300s", why.message);
    } else {
        *ret_bytes = nba_arena_copy(&file->arena, nba_buf_str(&bytes));
        file->trees =
            nba_room(file->trees, file->tree_count, &file->tree_capacity, sizeof(*file->trees));
        status = nba_yaml_parse(path, nba_buf_str(&bytes), &file->trees[file->tree_count], error);
        if (status == NBA_OK) {
            *ret_root = nba_yaml_root(file->trees[file->tree_count++]);
        }
    }
    nba_buf_clear(&bytes);
    return status;
}

enum nba_status nba_scenario_policy_text(struct nba_scenarios *file,
                                         const struct scenario *scenario,
                                         const struct nba_yaml_node *over, struct nba_str *ret_text,
                                         struct nba_error *ret_refused, struct nba_error *error)
{
    const struct nba_yaml_node *base = NULL;
    struct nba_str bytes;
    struct nba_policy *policy = NULL;
    struct writing w = {.file = file};
    enum nba_status status = load_base(file, scenario->policy, &bytes, &base, error);
    if (status != NBA_OK) {
        return status;
    }
    struct layers layers = {{base}, 1};
    w.root = base;
    if (scenario->policy_override != NULL) {
        layers.nodes[layers.count++] = scenario->policy_override;
    }
    if (over != NULL) {
        layers.nodes[layers.count++] = over;
    }
    nba_buf_init(&w.text, NBA_YAML_BYTES_MAX);
    if (bytes.bytes != 0 && layers.count == 1 && nba_yaml_get(base, "brands") == NULL) {
        nba_buf_append_str(&w.text, bytes);
        ret_refused->status = nba_policy_parse(base->source, bytes, &policy, ret_refused);
    } else {
        write_value(&w, layers, false);
        end_line(&w, base);
        ret_refused->status = nba_policy_parse(NAME, nba_buf_str(&w.text), &policy, ret_refused);
        lead_back(&w, ret_refused);
    }
    nba_policy_unref(policy);
    *ret_text = nba_arena_copy(&file->arena, nba_buf_str(&w.text));
    status = w.text.failed ? nba_yaml_fail(scenario->policy, error, "policy is too large") : NBA_OK;
    nba_buf_clear(&w.text);
    free((void *)w.lines);
    return status;
}
