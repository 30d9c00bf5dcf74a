#include "nba_test.h"

#include "nba/codec/program.h"
#include "nba/event/event.h"

/* A struct with one member of each kind, and what a record of it looks like to the reader. */
struct inner {
    struct nba_str name;
    int64_t when_ms;
};

struct thing {
    struct nba_str text;
    struct nba_str blob;
    int64_t number;
    int64_t when_ms;
    double real;
    int32_t small;
    uint32_t color;
    bool flag;
    bool has_flag;
    struct nba_str_list texts;
    const struct inner *pointer;
    const struct inner *items;
    uint32_t item_count;
    struct nba_str inner_name;
    int64_t inner_when_ms;
    float narrow;
    struct nba_str fixed;
    struct {
        bool is_text, is_number, is_real;
        struct nba_str text;
        int64_t number;
        float real;
    } choice;
};

static const char *const color_names[] = {"unknown", "red", "green", "blue"};
static const struct nba_words colors = {color_names, 4};

static const struct nba_binding inner_fields[] = {
    {.name = "name", .kind = NBA_BIND_ID, .offset = offsetof(struct inner, name)},
    {.name = "when", .kind = NBA_BIND_TIME, .offset = offsetof(struct inner, when_ms)},
};
static const struct nba_record_binding inner_binding = {sizeof(struct inner), inner_fields, 2};
static const struct nba_binding group_fields[] = {
    {.name = "name", .kind = NBA_BIND_ID, .offset = offsetof(struct thing, inner_name)},
    {.name = "when", .kind = NBA_BIND_TIME, .offset = offsetof(struct thing, inner_when_ms)},
};
static const struct nba_record_binding group_binding = {sizeof(struct thing), group_fields, 2};
static const struct nba_binding text_fields[] = {{.kind = NBA_BIND_ID}};
static const struct nba_record_binding text_binding = {sizeof(struct nba_str), text_fields, 1};

#define CHOICE(kind_, member, flag)                                                               \
    {                                                                                             \
        .kind = NBA_BIND_##kind_, .offset = offsetof(struct thing, choice.member) - CHOICE_START, \
        .presence = NBA_PRESENT_BOOL,                                                             \
        .presence_offset = offsetof(struct thing, choice.flag) - CHOICE_START,                    \
    }
#define CHOICE_START offsetof(struct thing, choice)
/* ["string","long","null","float"] */
static const struct nba_binding choice_fields[] = {
    CHOICE(TEXT, text, is_text),
    CHOICE(LONG, number, is_number),
    {.kind = NBA_BIND_NULL},
    CHOICE(FLOAT, real, is_real),
};
static const struct nba_record_binding choice_binding = {sizeof(((struct thing *)0)->choice),
                                                         choice_fields, 4};

static const struct nba_binding thing_fields[] = {
    {.name = "text", .kind = NBA_BIND_TEXT, .offset = offsetof(struct thing, text)},
    {.name = "blob", .kind = NBA_BIND_BLOB, .offset = offsetof(struct thing, blob)},
    {.name = "number", .kind = NBA_BIND_LONG, .offset = offsetof(struct thing, number)},
    {.name = "when", .kind = NBA_BIND_TIME, .offset = offsetof(struct thing, when_ms)},
    {.name = "real", .kind = NBA_BIND_DOUBLE, .offset = offsetof(struct thing, real)},
    {.name = "small", .kind = NBA_BIND_INT, .offset = offsetof(struct thing, small)},
    {.name = "color",
     .kind = NBA_BIND_WORD,
     .offset = offsetof(struct thing, color),
     .bytes = 4,
     .words = &colors},
    {.name = "flag",
     .kind = NBA_BIND_BOOL,
     .offset = offsetof(struct thing, flag),
     .presence = NBA_PRESENT_BOOL,
     .presence_offset = offsetof(struct thing, has_flag)},
    {.name = "texts",
     .kind = NBA_BIND_ARRAY,
     .offset = offsetof(struct thing, texts.items),
     .count_offset = offsetof(struct thing, texts.count),
     .record = &text_binding},
    {.name = "pointer",
     .kind = NBA_BIND_POINTER,
     .offset = offsetof(struct thing, pointer),
     .record = &inner_binding},
    {.name = "items",
     .kind = NBA_BIND_ARRAY,
     .offset = offsetof(struct thing, items),
     .count_offset = offsetof(struct thing, item_count),
     .record = &inner_binding},
    {.name = "group", .kind = NBA_BIND_RECORD, .record = &group_binding},
    {.name = "narrow", .kind = NBA_BIND_FLOAT, .offset = offsetof(struct thing, narrow)},
    {.name = "fixed", .kind = NBA_BIND_FIXED, .offset = offsetof(struct thing, fixed)},
    {.name = "choice", .kind = NBA_BIND_UNION, .offset = CHOICE_START, .record = &choice_binding},
    {.name = "nothing", .kind = NBA_BIND_NULL},
};
static const struct nba_record_binding thing_binding = {
    sizeof(struct thing), thing_fields, sizeof(thing_fields) / sizeof(thing_fields[0])};

#define INNER                                                                    \
    "{'type':'record','name':'Inner','fields':[{'name':'name','type':'string'}," \
    "{'name':'when','type':['null','long'],'default':null}]}"
#define COLOR "{'type':'enum','name':'Color','symbols':['unknown','red','green','blue']}"

struct fixture {
    struct nba_arena arena;
    struct nba_avro_schema schemas[2];
    struct nba_error error;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    nba_arena_init(&f->arena, (size_t)16 * 1024 * 1024);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    nba_avro_schema_clear(&f->schemas[0]);
    nba_avro_schema_clear(&f->schemas[1]);
    nba_arena_clear(&f->arena);
    free(f);
    return 0;
}

/* A record of the given fields; ' stands for ". */
static void parse(struct fixture *f, struct nba_avro_schema *schema, const char *fields)
{
    char text[4096];
    const int length =
        snprintf(text, sizeof(text), "{'type':'record','name':'Thing','fields':[%s]}", fields);
    assert_true(length > 0 && (size_t)length < sizeof(text));
    for (char *c = text; *c != '\0'; c++) {
        *c = *c == '\'' ? '"' : *c;
    }
    nba_avro_schema_clear(schema);
    if (nba_avro_schema_parse(nba_str_of(text), &f->arena, schema, &f->error) != NBA_OK) {
        fail_msg("%s", f->error.message);
    }
}

/* Compiles for one field of the writer and one of the reader, and runs over the bytes. */
static enum nba_status run(struct fixture *f, const char *writer, const char *reader,
                           struct nba_str bytes, struct thing *thing)
{
    const struct nba_program *program = NULL;
    parse(f, &f->schemas[0], writer);
    parse(f, &f->schemas[1], reader);
    const enum nba_status status = nba_program_compile(
        f->schemas[0].type, f->schemas[1].type, &thing_binding, &f->arena, &program, &f->error);
    if (status != NBA_OK) {
        return status;
    }
    char *copy = malloc(bytes.bytes + 1);
    assert_non_null(copy);
    memcpy(copy, bytes.data, bytes.bytes);
    struct nba_cursor cursor = nba_cursor(copy, bytes.bytes);
    const enum nba_status ran = nba_program_run(program, &cursor, &f->arena, thing, &f->error);
    if (ran == NBA_OK) {
        assert_int_equal(nba_cursor_left(&cursor), 0);
        /* Borrowed texts are looked at after this: keep them. */
        struct nba_str kept = nba_arena_copy(&f->arena, nba_str(copy, bytes.bytes));
        thing->text.data = thing->text.data >= copy && thing->text.data <= copy + bytes.bytes
                               ? kept.data + (thing->text.data - copy)
                               : thing->text.data;
    }
    free(copy);
    return ran;
}

#define BYTES(text)                      nba_str((text), sizeof(text) - 1)
#define FIELD(name, type)                "{'name':'" name "','type':" type "}"
#define FIELD_DEFAULT(name, type, value) "{'name':'" name "','type':" type ",'default':" value "}"

static void test_fields_are_matched_by_name_in_any_order(void **state)
{
    struct thing thing;
    assert_int_equal(run(*state, FIELD("small", "'int'") "," FIELD("number", "'long'"),
                         FIELD("number", "'long'") "," FIELD("small", "'int'"), BYTES("\x02\x03"),
                         &thing),
                     NBA_OK);
    assert_int_equal(thing.small, 1);
    assert_int_equal(thing.number, -2);
}

static void test_a_field_of_the_writer_alone_is_skipped_whatever_its_type(void **state)
{
    static const struct {
        const char *type;
        struct nba_str bytes;
    } extras[] = {
        {"'null'", {"", 0}},
        {"'boolean'", {"\1", 1}},
        {"'int'", {"\xff\xff\xff\xff\x0f", 5}},
        {"'float'", {"\0\0\0\0", 4}},
        {"'double'", {"\0\0\0\0\0\0\xf0\x7f", 8}},
        {"'string'", {"\4ab", 3}},
        {"'bytes'", {"\4\xff\xfe", 3}},
        {"{'type':'fixed','name':'F','size':3}", {"abc", 3}},
        {"{'type':'enum','name':'E','symbols':['A']}", {"\0", 1}},
        {"{'type':'array','items':'int'}", {"\4\2\2\2\4\0", 6}},
        {"{'type':'array','items':{'type':'array','items':'string'}}", {"\2\2\2x\0\0", 6}},
        {"{'type':'map','values':'long'}", {"\2\2k\2\0", 5}},
        {"['null','string','int']", {"\4\x08", 2}},
        {"['null','string']", {"\2\2x", 3}},
        {"['string','null']", {"\2", 1}},
        {"{'type':'record','name':'R','fields':[{'name':'a','type':'int'},"
         "{'name':'b','type':['null','bytes']}]}",
         {"\2\2\2x", 4}},
    };
    for (size_t i = 0; i < sizeof(extras) / sizeof(extras[0]); i++) {
        struct thing thing;
        char writer[512];
        char bytes[64];
        (void)snprintf(writer, sizeof(writer),
                       "{'name':'extra','type':%s}," FIELD("small", "'int'"), extras[i].type);
        memcpy(bytes, extras[i].bytes.data, extras[i].bytes.bytes);
        bytes[extras[i].bytes.bytes] = 0x0a;
        assert_int_equal(run(*state, writer, FIELD("small", "'int'"),
                             nba_str(bytes, extras[i].bytes.bytes + 1), &thing),
                         NBA_OK);
        assert_int_equal(thing.small, 5);
    }
}

static void test_an_array_in_blocks_with_sizes_is_read_and_skipped_alike(void **state)
{
    /* Two items in a block with its size, then one in a block without. */
    static const char bytes[] = "\x03\x08\x02"
                                "a\x02"
                                "b\x02\x02"
                                "c\x00";
    struct thing thing;
    assert_int_equal(run(*state, FIELD("texts", "{'type':'array','items':'string'}"),
                         FIELD("texts", "{'type':'array','items':'string'}"), BYTES(bytes), &thing),
                     NBA_OK);
    assert_int_equal(thing.texts.count, 3);
    assert_int_equal(
        run(*state, FIELD("other", "{'type':'array','items':'string'}"), "", BYTES(bytes), &thing),
        NBA_OK);
}

/* clang-format off */
static const char every_default[] =
    FIELD_DEFAULT("text", "'string'", "'unk'") ","
    FIELD_DEFAULT("blob", "'bytes'", "'\\u00ff'") ","
    FIELD_DEFAULT("number", "'long'", "-7") ","
    FIELD_DEFAULT("real", "'double'", "1.5") ","
    FIELD_DEFAULT("color", COLOR, "'green'") ","
    FIELD_DEFAULT("flag", "['null','boolean']", "null") ","
    FIELD_DEFAULT("texts", "{'type':'array','items':'string'}", "['a','bc']") ","
    FIELD_DEFAULT("pointer", INNER, "{'name':'in','when':null}") ","
    FIELD_DEFAULT("when", "['null','long']", "null");
/* clang-format on */

static void test_a_field_the_writer_lacks_takes_its_default(void **state)
{
    struct fixture *f = *state;
    struct thing thing;
    assert_int_equal(run(f, "", every_default, BYTES(""), &thing), NBA_OK);
    assert_str_equal(thing.text, "unk");
    assert_str_equal(thing.blob, "\xff");
    assert_int_equal(thing.number, -7);
    assert_true(thing.real == 1.5);
    assert_int_equal(thing.color, 2);
    assert_false(thing.has_flag);
    assert_int_equal(thing.texts.count, 2);
    assert_str_equal(thing.texts.items[1], "bc");
    assert_non_null(thing.pointer);
    assert_str_equal(thing.pointer->name, "in");
    assert_int_equal(thing.pointer->when_ms, NBA_TIME_NONE);
    assert_int_equal(thing.when_ms, NBA_TIME_NONE);
}

static void test_a_required_field_the_writer_lacks_is_incompatible(void **state)
{
    struct fixture *f = *state;
    struct thing thing;
    assert_int_equal(run(f, FIELD("small", "'int'"), FIELD("text", "'string'"), BYTES(""), &thing),
                     NBA_E_SCHEMA_INCOMPATIBLE);
    assert_non_null(strstr(f->error.message, "text"));
}

static void test_a_field_is_found_by_an_alias_of_the_reader(void **state)
{
    struct thing thing;
    assert_int_equal(run(*state, FIELD("old_small", "'int'"),
                         "{'name':'small','type':'int','aliases':['older','old_small']}",
                         BYTES("\x06"), &thing),
                     NBA_OK);
    assert_int_equal(thing.small, 3);
}

static void test_a_name_goes_before_an_alias(void **state)
{
    struct thing thing;
    assert_int_equal(run(*state, FIELD("old", "'int'") "," FIELD("small", "'int'"),
                         "{'name':'small','type':'int','aliases':['old']}", BYTES("\x06\x08"),
                         &thing),
                     NBA_OK);
    assert_int_equal(thing.small, 4);
}

static void test_numbers_are_promoted_as_avro_says(void **state)
{
    struct fixture *f = *state;
    struct thing thing;
    assert_int_equal(
        run(f, FIELD("number", "'int'"), FIELD("number", "'long'"), BYTES("\x05"), &thing), NBA_OK);
    assert_int_equal(thing.number, -3);
    assert_int_equal(
        run(f, FIELD("real", "'int'"), FIELD("real", "'double'"), BYTES("\x05"), &thing), NBA_OK);
    assert_true(thing.real == -3);
    assert_int_equal(run(f, FIELD("real", "'long'"), FIELD("real", "'double'"),
                         BYTES("\x80\x80\x80\x80\x80\x80\x80\x20"), &thing),
                     NBA_OK);
    assert_true(thing.real == 0x1p53);
    assert_int_equal(run(f, FIELD("real", "'float'"), FIELD("real", "'double'"),
                         BYTES("\x00\x00\x20\x41"), &thing),
                     NBA_OK);
    assert_true(thing.real == 10);
}

static void test_a_float_takes_int_and_long_rounded_once(void **state)
{
    struct fixture *f = *state;
    struct thing thing;
    assert_int_equal(
        run(f, FIELD("narrow", "'int'"), FIELD("narrow", "'float'"), BYTES("\x05"), &thing),
        NBA_OK);
    assert_true(thing.narrow == -3);
    /* 2^24 + 1 + 2^-29 is halfway no more once it is a double. */
    const int64_t odd = (INT64_C(1) << 53) * 2 + (INT64_C(1) << 30) + 1;
    struct nba_buf buf;
    nba_buf_init(&buf, 64);
    nba_buf_append_zigzag(&buf, odd);
    assert_int_equal(
        run(f, FIELD("narrow", "'long'"), FIELD("narrow", "'float'"), nba_buf_str(&buf), &thing),
        NBA_OK);
    assert_true(thing.narrow == (float)odd);
    assert_true((float)odd != (float)(double)odd);
    nba_buf_clear(&buf);
    assert_int_equal(run(f, FIELD("narrow", "'float'"), FIELD("narrow", "'float'"),
                         BYTES("\x00\x00\x20\x41"), &thing),
                     NBA_OK);
    assert_true(thing.narrow == 10);
    assert_int_equal(run(f, FIELD("narrow", "'double'"), FIELD("narrow", "'float'"),
                         BYTES("\0\0\0\0\0\0\0\0"), &thing),
                     NBA_E_SCHEMA_INCOMPATIBLE);
}

static void test_numbers_are_not_narrowed(void **state)
{
    struct fixture *f = *state;
    struct thing thing;
    assert_int_equal(
        run(f, FIELD("small", "'long'"), FIELD("small", "'int'"), BYTES("\x02"), &thing),
        NBA_E_SCHEMA_INCOMPATIBLE);
    assert_int_equal(
        run(f, FIELD("number", "'double'"), FIELD("number", "'long'"), BYTES("\x02"), &thing),
        NBA_E_SCHEMA_INCOMPATIBLE);
    assert_int_equal(
        run(f, FIELD("number", "'string'"), FIELD("number", "'long'"), BYTES("\x02"), &thing),
        NBA_E_SCHEMA_INCOMPATIBLE);
}

static void test_string_and_bytes_stand_for_each_other(void **state)
{
    struct fixture *f = *state;
    struct thing thing;
    assert_int_equal(
        run(f, FIELD("text", "'bytes'"), FIELD("text", "'string'"), BYTES("\x04hi"), &thing),
        NBA_OK);
    assert_str_equal(thing.text, "hi");
    assert_int_equal(
        run(f, FIELD("text", "'bytes'"), FIELD("text", "'string'"), BYTES("\x02\xff"), &thing),
        NBA_E_BAD_UTF8);
    assert_int_equal(
        run(f, FIELD("blob", "'string'"), FIELD("blob", "'bytes'"), BYTES("\x04hi"), &thing),
        NBA_OK);
    assert_int_equal(thing.blob.bytes, 2);
}

static void test_enums_are_matched_by_symbol_not_by_index(void **state)
{
    struct thing thing;
    assert_int_equal(run(*state,
                         FIELD("color", "{'type':'enum','name':'Color','symbols':['blue','red']}"),
                         FIELD("color", COLOR), BYTES("\x00"), &thing),
                     NBA_OK);
    assert_int_equal(thing.color, 3);
}

static void test_an_unknown_symbol_takes_the_readers_default_or_fails(void **state)
{
    struct fixture *f = *state;
    struct thing thing;
    const char *writer = FIELD("color", "{'type':'enum','name':'Color','symbols':['mauve','red']}");
    assert_int_equal(run(f, writer, FIELD("color", COLOR), BYTES("\x00"), &thing),
                     NBA_E_SCHEMA_INCOMPATIBLE);
    /* The same program reads the symbol that it knows. */
    assert_int_equal(run(f, writer, FIELD("color", COLOR), BYTES("\x02"), &thing), NBA_OK);
    assert_int_equal(thing.color, 1);
    assert_int_equal(run(f, writer,
                         FIELD("color", "{'type':'enum','name':'Color','symbols':["
                                        "'unknown','red'],'default':'unknown'}"),
                         BYTES("\x00"), &thing),
                     NBA_OK);
    assert_int_equal(thing.color, 0);
}

static void test_enums_and_records_must_have_the_same_name_or_an_alias(void **state)
{
    struct fixture *f = *state;
    struct thing thing;
    const char *writer = FIELD("color", "{'type':'enum','name':'Tint','symbols':['red']}");
    assert_int_equal(run(f, writer, FIELD("color", COLOR), BYTES("\x00"), &thing),
                     NBA_E_SCHEMA_INCOMPATIBLE);
    assert_int_equal(run(f, writer,
                         FIELD("color", "{'type':'enum','name':'Color','aliases':['Tint'],"
                                        "'symbols':['unknown','red']}"),
                         BYTES("\x00"), &thing),
                     NBA_OK);
    assert_int_equal(thing.color, 1);
    /* Namespaces don't matter. */
    assert_int_equal(run(f,
                         FIELD("color", "{'type':'enum','name':'Color','namespace':'x.y',"
                                        "'symbols':['red']}"),
                         FIELD("color", COLOR), BYTES("\x00"), &thing),
                     NBA_OK);
}

static void test_an_alias_of_a_type_counts_with_its_namespace(void **state)
{
    struct fixture *f = *state;
    struct thing thing;
    const char *writer = FIELD("color", "{'type':'enum','name':'old.Tint','symbols':['red']}");
    assert_int_equal(run(f, writer,
                         FIELD("color", "{'type':'enum','name':'Color','aliases':['Tint'],"
                                        "'symbols':['red']}"),
                         BYTES("\x00"), &thing),
                     NBA_E_SCHEMA_INCOMPATIBLE);
    assert_int_equal(run(f, writer,
                         FIELD("color", "{'type':'enum','name':'Color','aliases':['old.Tint'],"
                                        "'symbols':['red']}"),
                         BYTES("\x00"), &thing),
                     NBA_OK);
    assert_int_equal(run(f, writer,
                         FIELD("color", "{'type':'enum','name':'old.Color','aliases':['Tint'],"
                                        "'symbols':['red']}"),
                         BYTES("\x00"), &thing),
                     NBA_OK);
    assert_int_equal(thing.color, 1);
}

static void test_a_field_that_is_taken_by_its_name_is_not_taken_by_an_alias(void **state)
{
    struct fixture *f = *state;
    struct thing thing;
    const char *reader = "{'name':'number','type':'long','aliases':['small'],'default':-1},"
                         "{'name':'small','type':'int','default':-2}";
    assert_int_equal(run(f, FIELD("small", "'int'"), reader, BYTES("\x06"), &thing), NBA_OK);
    assert_int_equal(thing.small, 3);
    assert_int_equal(thing.number, -1);
    /* Of two that have the alias, the first takes it and the other its default. */
    assert_int_equal(run(f, FIELD("old", "'int'"),
                         "{'name':'number','type':'long','aliases':['old'],'default':-1},"
                         "{'name':'small','type':'int','aliases':['old'],'default':-2}",
                         BYTES("\x06"), &thing),
                     NBA_OK);
    assert_int_equal(thing.number, 3);
    assert_int_equal(thing.small, -2);
}

static void test_fixed_needs_the_same_name_and_size(void **state)
{
    struct fixture *f = *state;
    struct thing thing;
#define FIXED(name, size) FIELD("fixed", "{'type':'fixed','name':'" name "','size':" size "}")
    assert_int_equal(run(f, FIXED("F", "3"), FIXED("F", "3"), BYTES("abc"), &thing), NBA_OK);
    assert_int_equal(thing.fixed.bytes, 3);
    assert_int_equal(run(f, FIXED("F", "3"), FIXED("F", "3"), BYTES("ab"), &thing),
                     NBA_E_TRUNCATED);
    assert_int_equal(run(f, FIXED("F", "4"), FIXED("F", "3"), BYTES("abcd"), &thing),
                     NBA_E_SCHEMA_INCOMPATIBLE);
    assert_int_equal(run(f, FIXED("G", "3"), FIXED("F", "3"), BYTES("abc"), &thing),
                     NBA_E_SCHEMA_INCOMPATIBLE);
    assert_int_equal(run(f, FIELD("fixed", "'bytes'"), FIXED("F", "3"),
                         BYTES("\x06"
                               "abc"),
                         &thing),
                     NBA_E_SCHEMA_INCOMPATIBLE);
    assert_int_equal(run(f, FIXED("G", "3"),
                         FIELD("fixed", "{'type':'fixed','name':'F','aliases':['G'],'size':3}"),
                         BYTES("abc"), &thing),
                     NBA_OK);
    assert_int_equal(
        run(f, "",
            FIELD_DEFAULT("fixed", "{'type':'fixed','name':'F','size':3}", "'a\\u0000\\u00ff'"),
            BYTES(""), &thing),
        NBA_OK);
    assert_memory_equal(thing.fixed.data, "a\0\xff", 3);
    /* A character that is no byte. */
    assert_int_equal(run(f, "", FIELD_DEFAULT("blob", "'bytes'", "'\\u0100'"), BYTES(""), &thing),
                     NBA_E_CONFIG);
}

static void test_decimals_match_by_precision_and_scale(void **state)
{
    struct fixture *f = *state;
    struct thing thing;
#define DECIMAL(digits) \
    FIELD("blob", "{'type':'bytes','logicalType':'decimal','precision':" digits "}")
    assert_int_equal(run(f, DECIMAL("9,'scale':2"), DECIMAL("9,'scale':2"), BYTES("\x02x"), &thing),
                     NBA_OK);
    assert_int_equal(run(f, DECIMAL("9,'scale':2"), DECIMAL("9,'scale':3"), BYTES("\x02x"), &thing),
                     NBA_E_SCHEMA_INCOMPATIBLE);
    assert_int_equal(run(f, DECIMAL("8,'scale':2"), DECIMAL("9,'scale':2"), BYTES("\x02x"), &thing),
                     NBA_E_SCHEMA_INCOMPATIBLE);
    /* Not a decimal on one side, or one that makes no sense: bytes. */
    assert_int_equal(run(f, DECIMAL("9"), FIELD("blob", "'bytes'"), BYTES("\x02x"), &thing),
                     NBA_OK);
    assert_int_equal(run(f, DECIMAL("9,'scale':10"), DECIMAL("9"), BYTES("\x02x"), &thing), NBA_OK);
    /* Logical types that we don't know. */
    assert_int_equal(run(f, FIELD("number", "{'type':'long','logicalType':'time-micros'}"),
                         FIELD("number", "{'type':'long','logicalType':'of-the-moon'}"),
                         BYTES("\x02"), &thing),
                     NBA_OK);
    assert_int_equal(thing.number, 1);
}

#define CHOICE_TYPE "['string','long','null','float']"

static void test_a_union_of_ours_takes_the_branch_that_fits_best(void **state)
{
    struct fixture *f = *state;
    struct thing thing;
    const char *reader = FIELD("choice", CHOICE_TYPE);
    assert_int_equal(run(f, FIELD("choice", "'long'"), reader, BYTES("\x08"), &thing), NBA_OK);
    assert_true(thing.choice.is_number && !thing.choice.is_text && !thing.choice.is_real);
    assert_int_equal(thing.choice.number, 4);
    /* An int is none of them: the first that it can become. */
    assert_int_equal(run(f, FIELD("choice", "'int'"), reader, BYTES("\x08"), &thing), NBA_OK);
    assert_true(thing.choice.is_number && thing.choice.number == 4);
    /* A float could not become a long. */
    assert_int_equal(run(f, FIELD("choice", "['boolean','bytes','float','null']"), reader,
                         BYTES("\x04\x00\x00\x20\x41"), &thing),
                     NBA_OK);
    assert_true(thing.choice.is_real && thing.choice.real == 10);
    assert_int_equal(run(f, FIELD("choice", "['boolean','bytes','float','null']"), reader,
                         BYTES("\x02\x04hi"), &thing),
                     NBA_OK);
    assert_true(thing.choice.is_text && thing.choice.text.bytes == 2);
    assert_int_equal(run(f, FIELD("choice", "['boolean','bytes','float','null']"), reader,
                         BYTES("\x06"), &thing),
                     NBA_OK);
    assert_false(thing.choice.is_text || thing.choice.is_number || thing.choice.is_real);
    assert_int_equal(run(f, FIELD("choice", "['boolean','bytes','float','null']"), reader,
                         BYTES("\x00\x01"), &thing),
                     NBA_E_SCHEMA_INCOMPATIBLE);
    assert_non_null(strstr(f->error.message, "boolean"));
    /* The default is of the first branch that takes it. */
    assert_int_equal(run(f, "", FIELD_DEFAULT("choice", CHOICE_TYPE, "'x'"), BYTES(""), &thing),
                     NBA_OK);
    assert_true(thing.choice.is_text);
    assert_int_equal(run(f, "", FIELD_DEFAULT("choice", CHOICE_TYPE, "1.5"), BYTES(""), &thing),
                     NBA_OK);
    assert_true(thing.choice.is_real && thing.choice.real == 1.5F);
    assert_int_equal(run(f, "", FIELD_DEFAULT("choice", CHOICE_TYPE, "true"), BYTES(""), &thing),
                     NBA_E_CONFIG);
}

static void test_nothing_is_read_from_nothing(void **state)
{
    struct thing thing;
    assert_int_equal(run(*state, FIELD("nothing", "'null'") "," FIELD("small", "'int'"),
                         FIELD("nothing", "'null'") "," FIELD("small", "'int'"), BYTES("\x02"),
                         &thing),
                     NBA_OK);
    assert_int_equal(thing.small, 1);
    assert_int_equal(
        run(*state, FIELD("nothing", "'int'"), FIELD("nothing", "'null'"), BYTES("\x02"), &thing),
        NBA_E_SCHEMA_INCOMPATIBLE);
}

static void test_a_union_of_the_writer_is_read_into_one_of_the_reader(void **state)
{
    struct fixture *f = *state;
    struct thing thing;
    const char *reader = FIELD("text", "['null','string']");
    assert_int_equal(
        run(f, FIELD("text", "['null','string']"), reader, BYTES("\x02\x04hi"), &thing), NBA_OK);
    assert_str_equal(thing.text, "hi");
    assert_int_equal(run(f, FIELD("text", "['null','string']"), reader, BYTES("\x00"), &thing),
                     NBA_OK);
    assert_int_equal(thing.text.bytes, 0);
    assert_int_equal(
        run(f, FIELD("text", "['string','null']"), reader, BYTES("\x00\x04hi"), &thing), NBA_OK);
    assert_str_equal(thing.text, "hi");
    assert_int_equal(run(f, FIELD("text", "['string','null']"), reader, BYTES("\x02"), &thing),
                     NBA_OK);
    assert_int_equal(thing.text.bytes, 0);
    assert_int_equal(run(f, FIELD("text", "['string','null']"), reader, BYTES("\x04"), &thing),
                     NBA_E_NOT_AVRO);
}

static void test_a_branch_without_a_reading_fails_only_when_it_is_taken(void **state)
{
    struct fixture *f = *state;
    struct thing thing;
    const char *writer = FIELD("text", "['null','string','int']");
    const char *reader = FIELD("text", "['null','string']");
    assert_int_equal(run(f, writer, reader, BYTES("\x02\x02x"), &thing), NBA_OK);
    assert_str_equal(thing.text, "x");
    assert_int_equal(run(f, writer, reader, BYTES("\x04\x02"), &thing), NBA_E_SCHEMA_INCOMPATIBLE);
    assert_int_equal(run(f, writer, reader, BYTES("\x06\x02"), &thing), NBA_E_NOT_AVRO);
    /* No branch at all: no value could ever be read. */
    assert_int_equal(run(f, FIELD("text", "['int','boolean']"), reader, BYTES("\x00\x02"), &thing),
                     NBA_E_SCHEMA_INCOMPATIBLE);
}

static void test_a_plain_value_is_read_into_a_union_and_back(void **state)
{
    struct fixture *f = *state;
    struct thing thing;
    assert_int_equal(run(f, FIELD("text", "'string'"), FIELD("text", "['null','string']"),
                         BYTES("\x04hi"), &thing),
                     NBA_OK);
    assert_str_equal(thing.text, "hi");
    assert_int_equal(run(f, FIELD("text", "['null','string']"), FIELD("text", "'string'"),
                         BYTES("\x02\x04hi"), &thing),
                     NBA_OK);
    assert_str_equal(thing.text, "hi");
    assert_int_equal(run(f, FIELD("text", "['null','string']"), FIELD("text", "'string'"),
                         BYTES("\x00"), &thing),
                     NBA_E_SCHEMA_INCOMPATIBLE);
    assert_int_equal(
        run(f, FIELD("number", "'int'"), FIELD("number", "['null','long']"), BYTES("\x08"), &thing),
        NBA_OK);
    assert_int_equal(thing.number, 4);
}

static void test_presence_tells_false_from_absent(void **state)
{
    struct fixture *f = *state;
    struct thing thing;
    const char *field = FIELD("flag", "['null','boolean']");
    assert_int_equal(run(f, field, field, BYTES("\x02\x00"), &thing), NBA_OK);
    assert_true(thing.has_flag);
    assert_false(thing.flag);
    assert_int_equal(run(f, field, field, BYTES("\x00"), &thing), NBA_OK);
    assert_false(thing.has_flag);
    assert_int_equal(run(f, FIELD("flag", "'boolean'"), field, BYTES("\x01"), &thing), NBA_OK);
    assert_true(thing.has_flag && thing.flag);
    assert_int_equal(run(f, FIELD("flag", "'boolean'"), field, BYTES("\x02"), &thing),
                     NBA_E_NOT_AVRO);
}

static void test_nested_records_resolve_field_by_field(void **state)
{
    struct fixture *f = *state;
    struct thing thing;
    const char *writer =
        FIELD("pointer", "['null',{'type':'record','name':'Inner','fields':["
                         "{'name':'extra','type':'int'},{'name':'name','type':'string'}]}]");
    const char *reader = FIELD("pointer", "['null'," INNER "]");
    assert_int_equal(run(f, writer, reader, BYTES("\x02\x08\x02x"), &thing), NBA_OK);
    assert_non_null(thing.pointer);
    assert_int_equal(thing.pointer->name.bytes, 1);
    assert_int_equal(thing.pointer->when_ms, NBA_TIME_NONE);
    assert_int_equal(run(f, writer, reader, BYTES("\x00"), &thing), NBA_OK);
    assert_null(thing.pointer);
}

static void test_defaults_inside_a_branch_apply_only_when_it_is_taken(void **state)
{
    struct fixture *f = *state;
    struct thing thing;
    const char *writer =
        FIELD("group", "['null',{'type':'record','name':'Inner','fields':["
                       "{'name':'name','type':'string'}]}]") "," FIELD("small", "'int'");
    const char *reader =
        FIELD("group", "['null',{'type':'record','name':'Inner','fields':["
                       "{'name':'name','type':'string'},"
                       "{'name':'when','type':'long','default':77}]}]") "," FIELD("small", "'int'");
    assert_int_equal(run(f, writer, reader, BYTES("\x02\x02x\x06"), &thing), NBA_OK);
    assert_int_equal(thing.inner_name.bytes, 1);
    assert_int_equal(thing.inner_when_ms, 77);
    assert_int_equal(thing.small, 3); /* back in the value after the default */
    assert_int_equal(run(f, writer, reader, BYTES("\x02\x02x"), &thing), NBA_E_TRUNCATED);
    assert_int_equal(run(f, writer, reader, BYTES("\x00\x06"), &thing), NBA_OK);
    assert_int_equal(thing.inner_name.bytes, 0);
    assert_int_equal(thing.inner_when_ms, NBA_TIME_NONE);
}

static void test_items_that_the_bytes_left_can_not_hold_take_no_memory(void **state)
{
    struct fixture *f = *state;
    const struct nba_program *program = NULL;
    static char bytes[1600];
    struct thing thing;
    const char *items = FIELD("items", "{'type':'array','items':" INNER "}");
    parse(f, &f->schemas[0], items);
    assert_int_equal(nba_program_compile(f->schemas[0].type, f->schemas[0].type, &thing_binding,
                                         &f->arena, &program, &f->error),
                     NBA_OK);
    /* 1,000 items of at least two bytes, in 1,598. */
    bytes[0] = '\xd0';
    bytes[1] = '\x0f';
    struct nba_cursor cursor = nba_cursor(bytes, sizeof(bytes));
    const size_t used = f->arena.bytes_used;
    assert_int_equal(nba_program_run(program, &cursor, &f->arena, &thing, &f->error),
                     NBA_E_TRUNCATED);
    assert_int_equal(f->arena.bytes_used, used);
}

static void test_items_of_arrays_resolve_and_take_defaults(void **state)
{
    struct fixture *f = *state;
    struct thing thing;
    const char *writer =
        FIELD("items", "{'type':'array','items':['null',{'type':'record','name':'Inner','fields':["
                       "{'name':'name','type':'bytes'}]}]}");
    const char *reader =
        FIELD("items", "{'type':'array','items':{'type':'record','name':'Inner','fields':["
                       "{'name':'name','type':'string'},"
                       "{'name':'when','type':'long','default':9}]}}");
    assert_int_equal(run(f, writer, reader, BYTES("\x04\x02\x02x\x02\x04yz\x00"), &thing), NBA_OK);
    assert_int_equal(thing.item_count, 2);
    assert_int_equal(thing.items[1].name.bytes, 2);
    assert_int_equal(thing.items[0].when_ms, 9);
    assert_int_equal(thing.items[1].when_ms, 9);
    assert_int_equal(run(f, writer, reader, BYTES("\x02\x00\x00"), &thing),
                     NBA_E_SCHEMA_INCOMPATIBLE);
}

static void test_items_without_a_reading_fail_when_one_comes(void **state)
{
    struct fixture *f = *state;
    struct thing thing;
    const char *writer =
        FIELD("items", "{'type':'array','items':{'type':'record','name':'Inner','fields':[]"
                       ",'doc':''}}") "," FIELD("small", "'int'");
    const char *other =
        FIELD("items", "{'type':'array','items':{'type':'record','name':'Inner','fields':["
                       "{'name':'else','type':'int'}]}}") "," FIELD("small", "'int'");
    const char *reader =
        FIELD("items", "{'type':'array','items':" INNER "}") "," FIELD("small", "'int'");
    assert_int_equal(run(f, other, reader, BYTES("\x00\x02"), &thing), NBA_OK);
    assert_int_equal(thing.item_count, 0);
    assert_int_equal(thing.small, 1);
    assert_int_equal(run(f, other, reader, BYTES("\x02\x02\x00\x02"), &thing),
                     NBA_E_SCHEMA_INCOMPATIBLE);
    assert_non_null(strstr(f->error.message, "name"));
    /* Items of another type are no array of ours, items of no bytes have no bound. */
    assert_int_equal(run(f, FIELD("items", "{'type':'array','items':'int'}"),
                         FIELD("items", "{'type':'array','items':" INNER "}"), BYTES("\x00"),
                         &thing),
                     NBA_E_SCHEMA_INCOMPATIBLE);
    assert_int_equal(run(f, writer, reader, BYTES("\x00\x02"), &thing), NBA_E_SCHEMA_INCOMPATIBLE);
    assert_int_equal(run(f, writer, FIELD("small", "'int'"),
                         BYTES("\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01\x00\x02"), &thing),
                     NBA_OK);
    assert_int_equal(thing.small, 1);
}

struct node {
    int32_t value;
    const struct node *next;
};

static struct nba_record_binding node_binding;
static const struct nba_binding node_fields[] = {
    {.name = "value", .kind = NBA_BIND_INT, .offset = offsetof(struct node, value)},
    {.name = "next",
     .kind = NBA_BIND_POINTER,
     .offset = offsetof(struct node, next),
     .record = &node_binding},
};

static enum nba_status run_list_of(struct fixture *f, const char *writer, uint32_t length,
                                   struct node *node)
{
    const struct nba_program *program = NULL;
    node_binding = (struct nba_record_binding){sizeof(struct node), node_fields, 2};
    parse(f, &f->schemas[0], writer);
    parse(f, &f->schemas[1],
          "{'name':'next','type':['null','Thing'],'default':null},"
          "{'name':'value','type':'int','default':7}");
    assert_int_equal(nba_program_compile(f->schemas[0].type, f->schemas[1].type, &node_binding,
                                         &f->arena, &program, &f->error),
                     NBA_OK);
    struct nba_buf buf;
    nba_buf_init(&buf, 65536);
    for (uint32_t i = 0; i < length; i++) {
        nba_buf_append_byte(&buf, 0x02); /* an x of 1 */
        nba_buf_append_byte(&buf, i + 1 < length ? 2 : 0);
    }
    struct nba_cursor cursor = nba_cursor(buf.data, buf.bytes);
    const enum nba_status status = nba_program_run(program, &cursor, &f->arena, node, &f->error);
    assert_true(status != NBA_OK || nba_cursor_left(&cursor) == 0);
    nba_buf_clear(&buf);
    return status;
}

static void test_a_record_inside_itself_is_read_to_a_depth(void **state)
{
    struct fixture *f = *state;
    struct node first;
    const char *writer = "{'name':'x','type':'int'},{'name':'next','type':['null','Thing']}";
    assert_int_equal(run_list_of(f, writer, 100, &first), NBA_OK);
    uint32_t length = 0;
    for (const struct node *node = &first; node != NULL; node = node->next) {
        assert_int_equal(node->value, 7);
        length++;
    }
    assert_int_equal(length, 100);
    assert_int_equal(run_list_of(f, writer, 1000, &first), NBA_E_LIMIT);
}

static void test_a_record_inside_itself_is_skipped_to_a_depth(void **state)
{
    struct fixture *f = *state;
    struct thing thing;
    static const char zeros[4096];
    const char *writer =
        FIELD("tree",
              "{'type':'record','name':'T','fields':[{'name':'x','type':'boolean'},"
              "{'name':'parts','type':{'type':'array','items':'T'}}]}") "," FIELD("small", "'int'");
    assert_int_equal(
        run(f, writer, FIELD("small", "'int'"), BYTES("\0\x04\0\x02\0\0\0\1\0\0\x06"), &thing),
        NBA_OK);
    assert_int_equal(thing.small, 3);
    char deep[4096];
    for (size_t i = 0; i < sizeof(deep); i += 2) {
        memcpy(deep + i, "\0\2", 2);
    }
    assert_int_equal(run(f, writer, FIELD("small", "'int'"), nba_str(deep, sizeof(deep)), &thing),
                     NBA_E_LIMIT);
    /* One that has no end. */
    assert_int_equal(run(f,
                         FIELD("r", "{'type':'record','name':'R','fields':["
                                    "{'name':'x','type':'int'},{'name':'r','type':'R'}]}"),
                         "", nba_str(zeros, sizeof(zeros)), &thing),
                     NBA_E_LIMIT);
}

static void test_absurd_lengths_are_refused_before_anything_is_taken(void **state)
{
    struct fixture *f = *state;
    struct thing thing;
    const char *text = FIELD("text", "'string'");
    const char *texts = FIELD("texts", "{'type':'array','items':'string'}");
    const char *items = FIELD("items", "{'type':'array','items':" INNER "}");
    static const struct nba_str huge[] = {
        {"\x04", 1},                                      /* 2 of 0 bytes */
        {"\xfe\xff\xff\xff\x0f", 5},                      /* 2^31 - 1 */
        {"\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10}, /* 2^63 - 1 */
        {"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", 10}, /* 2^62 */
        {"\x02", 1},
    };
    const size_t held = f->arena.bytes_held;
    for (size_t i = 0; i < sizeof(huge) / sizeof(huge[0]); i++) {
        assert_int_equal(run(f, text, text, huge[i], &thing), NBA_E_TRUNCATED);
        assert_int_equal(run(f, texts, texts, huge[i], &thing), NBA_E_TRUNCATED);
        assert_int_equal(run(f, items, items, huge[i], &thing), NBA_E_TRUNCATED);
        assert_int_equal(run(f, text, "", huge[i], &thing), NBA_E_TRUNCATED);
        assert_int_equal(run(f, items, "", huge[i], &thing), NBA_E_TRUNCATED);
    }
    assert_int_equal(run(f, text, text, BYTES("\x01"), &thing), NBA_E_NOT_AVRO);
    assert_int_equal(run(f, text, text, BYTES("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"), &thing),
                     NBA_E_NOT_AVRO);
    /* A count of -2^63, whose negative doesn't exist. */
    assert_int_equal(
        run(f, texts, texts, BYTES("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x00"), &thing),
        NBA_E_TRUNCATED);
    assert_true(f->arena.bytes_held <= held + (size_t)1024 * 1024);
}

static void test_items_above_the_limit_are_refused_in_one_block_or_in_many(void **state)
{
    struct fixture *f = *state;
    struct thing thing;
    const char *texts = FIELD("texts", "{'type':'array','items':'string'}");
    static char many[4096];
    struct nba_buf buf;
    nba_buf_init(&buf, 65536);
    nba_buf_append_zigzag(&buf, 1001);
    nba_buf_append(&buf, many, 1002);
    assert_int_equal(run(f, texts, texts, nba_buf_str(&buf), &thing), NBA_E_LIMIT);
    nba_buf_reset(&buf);
    for (int i = 0; i < 1000; i++) {
        nba_buf_append(&buf, "\x02\x00", 2);
    }
    nba_buf_append_byte(&buf, 0);
    assert_int_equal(run(f, texts, texts, nba_buf_str(&buf), &thing), NBA_OK);
    assert_int_equal(thing.texts.count, 1000);
    buf.bytes--;
    nba_buf_append(&buf, "\x02\x00\x00", 3);
    assert_int_equal(run(f, texts, texts, nba_buf_str(&buf), &thing), NBA_E_LIMIT);
    /* The same field is no matter when nobody reads it. */
    assert_int_equal(run(f, texts, "", nba_buf_str(&buf), &thing), NBA_OK);
    nba_buf_clear(&buf);
}

static void test_numbers_that_are_not_finite_are_refused(void **state)
{
    struct fixture *f = *state;
    struct thing thing;
    const char *real = FIELD("real", "'double'");
    assert_int_equal(run(f, real, real, BYTES("\0\0\0\0\0\0\xf8\x7f"), &thing), NBA_E_NON_FINITE);
    assert_int_equal(run(f, real, real, BYTES("\0\0\0\0\0\0\xf0\xff"), &thing), NBA_E_NON_FINITE);
    assert_int_equal(run(f, FIELD("real", "'float'"), real, BYTES("\0\0\x80\x7f"), &thing),
                     NBA_E_NON_FINITE);
    assert_int_equal(run(f, real, real, BYTES("\xff\xff\xff\xff\xff\xff\xef\x7f"), &thing), NBA_OK);
}

static void test_text_must_be_utf8_in_its_shortest_form(void **state)
{
    struct fixture *f = *state;
    const char *text = FIELD("text", "'string'");
    static const struct {
        const char *text;
        bool good;
    } cases[] = {
        {"plain ascii of some length", true},
        {"\xc3\xa9", true},
        {"\xe2\x82\xac", true},
        {"\xf0\x9f\x98\x80", true},
        {"eight..8\xf4\x8f\xbf\xbf", true},
        {"\x80", false},
        {"\xc0\x80", false},         /* a NUL in two bytes */
        {"\xc1\xbf", false},         /* an overlong letter */
        {"\xe0\x9f\xbf", false},     /* overlong */
        {"\xed\xa0\x80", false},     /* a surrogate */
        {"\xf0\x8f\xbf\xbf", false}, /* overlong */
        {"\xf4\x90\x80\x80", false}, /* above U+10FFFF */
        {"\xf5\x80\x80\x80", false},
        {"\xe2\x82", false}, /* cut */
        {"eight..8\xc3", false},
        {"\xe2\x28\xac", false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct thing thing;
        char bytes[64];
        const size_t length = strlen(cases[i].text);
        bytes[0] = (char)(2 * length);
        memcpy(bytes + 1, cases[i].text, length);
        assert_int_equal(run(f, text, text, nba_str(bytes, length + 1), &thing),
                         cases[i].good ? NBA_OK : NBA_E_BAD_UTF8);
    }
}

static void test_an_int_of_more_than_32_bits_is_refused(void **state)
{
    struct fixture *f = *state;
    struct thing thing;
    const char *small = FIELD("small", "'int'");
    assert_int_equal(run(f, small, small, BYTES("\xff\xff\xff\xff\x0f"), &thing), NBA_OK);
    assert_int_equal(thing.small, INT32_MIN);
    assert_int_equal(run(f, small, small, BYTES("\x80\x80\x80\x80\x10"), &thing), NBA_E_NOT_AVRO);
}

/* Records of records, two of each: 2^14 fields from 15 types, each of them what `leaf` says. */
static enum nba_status run_exploding(struct fixture *f, const char *leaf, struct nba_str bytes)
{
    struct thing thing;
    char writer[4096];
    (void)snprintf(writer, sizeof(writer),
                   "{'name':'f0','type':{'type':'record','name':'R0','fields':["
                   "{'name':'a','type':'%s'}]}}",
                   leaf);
    for (int level = 1; level < 15; level++) {
        char outer[sizeof(writer)];
        (void)snprintf(outer, sizeof(outer),
                       "%.3700s,{'name':'f%d','type':{'type':'record','name':'R%d','fields':["
                       "{'name':'a','type':'R%d'},{'name':'b','type':'R%d'}]}}",
                       writer, level, level, level - 1, level - 1);
        memcpy(writer, outer, sizeof(writer));
    }
    return run(f, writer, FIELD_DEFAULT("small", "'int'", "0"), bytes, &thing);
}

static void test_a_schema_that_explodes_is_not_unfolded_to_be_skipped(void **state)
{
    struct fixture *f = *state;
    static const char zeros[32767];
    const size_t used = f->arena.bytes_used;
    assert_int_equal(run_exploding(f, "null", BYTES("")), NBA_OK);
    assert_int_equal(run_exploding(f, "string", nba_str(zeros, 32766)), NBA_E_TRUNCATED);
    assert_int_equal(run_exploding(f, "string", nba_str(zeros, 32767)), NBA_OK);
    assert_true(f->arena.bytes_used < used + (size_t)512 * 1024);
}

/* Four levels of records, each of which the writer has in 32 namespaces: 32^4 ways to read them. */
static void test_unions_that_multiply_are_refused_as_too_large(void **state)
{
    struct fixture *f = *state;
    /* In place, or each struct would be compiled but once. */
    static struct nba_record_binding chain[5];
    static struct nba_binding chain_fields[5];
    for (int level = 0; level < 5; level++) {
        chain_fields[level] = (struct nba_binding){.name = "next",
                                                   .kind = NBA_BIND_RECORD,
                                                   .record = &chain[level + 1 < 5 ? level + 1 : 4]};
        chain[level] = (struct nba_record_binding){8, &chain_fields[level], level < 4};
    }
#define LEAF "{'type':'record','name':'n0.R5','fields':[{'name':'x','type':'int'}]}"
    char text[2][65536] = {LEAF, LEAF};
    for (int level = 4; level > 0; level--) {
        char inner[2][65536];
        memcpy(inner, text, sizeof(inner));
        size_t used = (size_t)snprintf(text[0], sizeof(text[0]), "[");
        for (int k = 0; k < 32; k++) {
            char again[16384] = "[";
            for (int i = 0; level < 4 && i < 32; i++) {
                (void)snprintf(again + strlen(again), sizeof(again) - strlen(again), "%s'n%d.R%d'",
                               i != 0 ? "," : "", i, level + 1);
            }
            (void)snprintf(again + strlen(again), sizeof(again) - strlen(again), "]");
            used += (size_t)snprintf(text[0] + used, sizeof(text[0]) - used,
                                     "%s{'type':'record','name':'R%d','namespace':'n%d','fields':["
                                     "{'name':'next','type':%s}]}",
                                     k != 0 ? "," : "", level, k,
                                     k == 0 ? inner[0] : (level < 4 ? again : "'n0.R5'"));
        }
        (void)snprintf(text[0] + used, sizeof(text[0]) - used, "]");
        (void)snprintf(text[1], sizeof(text[1]),
                       "{'type':'record','name':'R%d','fields':[{'name':'next','type':%.60000s}]}",
                       level, inner[1]);
    }
    const struct nba_program *program = NULL;
    for (int i = 0; i < 2; i++) {
        for (char *c = text[i]; *c != '\0'; c++) {
            *c = *c == '\'' ? '"' : *c;
        }
        if (nba_avro_schema_parse(nba_str_of(text[i]), &f->arena, &f->schemas[i], &f->error) !=
            NBA_OK) {
            fail_msg("%s", f->error.message);
        }
    }
    assert_int_equal(nba_program_compile(f->schemas[0].type, f->schemas[1].type, &chain[0],
                                         &f->arena, &program, &f->error),
                     NBA_E_SCHEMA_INCOMPATIBLE);
    assert_non_null(strstr(f->error.message, "too large"));
}

static void test_a_binding_that_does_not_fit_the_schema_is_a_fault_of_ours(void **state)
{
    struct fixture *f = *state;
    struct thing thing;
    assert_int_equal(
        run(f, FIELD("number", "'string'"), FIELD("number", "'string'"), BYTES(""), &thing),
        NBA_E_CONFIG);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_fields_are_matched_by_name_in_any_order),
        TEST(test_a_field_of_the_writer_alone_is_skipped_whatever_its_type),
        TEST(test_an_array_in_blocks_with_sizes_is_read_and_skipped_alike),
        TEST(test_a_field_the_writer_lacks_takes_its_default),
        TEST(test_a_required_field_the_writer_lacks_is_incompatible),
        TEST(test_a_field_is_found_by_an_alias_of_the_reader),
        TEST(test_a_name_goes_before_an_alias),
        TEST(test_numbers_are_promoted_as_avro_says),
        TEST(test_numbers_are_not_narrowed),
        TEST(test_string_and_bytes_stand_for_each_other),
        TEST(test_enums_are_matched_by_symbol_not_by_index),
        TEST(test_an_unknown_symbol_takes_the_readers_default_or_fails),
        TEST(test_enums_and_records_must_have_the_same_name_or_an_alias),
        TEST(test_a_union_of_the_writer_is_read_into_one_of_the_reader),
        TEST(test_a_branch_without_a_reading_fails_only_when_it_is_taken),
        TEST(test_a_plain_value_is_read_into_a_union_and_back),
        TEST(test_presence_tells_false_from_absent),
        TEST(test_nested_records_resolve_field_by_field),
        TEST(test_defaults_inside_a_branch_apply_only_when_it_is_taken),
        TEST(test_items_that_the_bytes_left_can_not_hold_take_no_memory),
        TEST(test_items_of_arrays_resolve_and_take_defaults),
        TEST(test_a_float_takes_int_and_long_rounded_once),
        TEST(test_an_alias_of_a_type_counts_with_its_namespace),
        TEST(test_a_field_that_is_taken_by_its_name_is_not_taken_by_an_alias),
        TEST(test_fixed_needs_the_same_name_and_size),
        TEST(test_decimals_match_by_precision_and_scale),
        TEST(test_a_union_of_ours_takes_the_branch_that_fits_best),
        TEST(test_nothing_is_read_from_nothing),
        TEST(test_items_without_a_reading_fail_when_one_comes),
        TEST(test_a_record_inside_itself_is_read_to_a_depth),
        TEST(test_a_record_inside_itself_is_skipped_to_a_depth),
        TEST(test_absurd_lengths_are_refused_before_anything_is_taken),
        TEST(test_items_above_the_limit_are_refused_in_one_block_or_in_many),
        TEST(test_numbers_that_are_not_finite_are_refused),
        TEST(test_text_must_be_utf8_in_its_shortest_form),
        TEST(test_an_int_of_more_than_32_bits_is_refused),
        TEST(test_a_schema_that_explodes_is_not_unfolded_to_be_skipped),
        TEST(test_unions_that_multiply_are_refused_as_too_large),
        TEST(test_a_binding_that_does_not_fit_the_schema_is_a_fault_of_ours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
