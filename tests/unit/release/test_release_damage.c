/*
 * Damaged releases (reliability F16): each way to be wrong is refused with a message, before a
 * kernel sees a number, and without taking the memory that a lie asks for.
 */
#include "release_fixture.h"

#include "../../../src/release/manifest.h"

#define PATH_BYTES 512

static void make(void **state, struct parts_fixture *f, char path[PATH_BYTES])
{
    fixture_init(f);
    write_release(&f->parts, *state, path, PATH_BYTES);
}

static void test_tensors_cut_at_every_4_kib_and_by_one_byte_are_refused(void **state)
{
    struct parts_fixture f;
    char path[PATH_BYTES];
    struct nba_buf whole;
    make(state, &f, path);
    read_file(path, "tensors.bin", &whole);
    for (size_t bytes = 0; bytes < whole.bytes; bytes += 4096) {
        write_file(path, "tensors.bin", nba_str((const char *)whole.data, bytes));
        assert_int_equal(refused(path, "tensors.bin"), NBA_E_CORRUPT);
    }
    write_file(path, "tensors.bin", nba_str((const char *)whole.data, whole.bytes - 1));
    assert_int_equal(refused(path, "tensors.bin"), NBA_E_CORRUPT);
    nba_buf_append_byte(&whole, 0);
    write_file(path, "tensors.bin", nba_buf_str(&whole));
    assert_int_equal(refused(path, "tensors.bin"), NBA_E_CORRUPT);
    nba_buf_clear(&whole);
}

static void test_a_flipped_bit_anywhere_in_the_tensors_is_refused(void **state)
{
    struct parts_fixture f;
    char path[PATH_BYTES];
    char file[PATH_BYTES + 16];
    struct nba_buf whole;
    make(state, &f, path);
    read_file(path, "tensors.bin", &whole);
    file_path(path, "tensors.bin", file, sizeof file);
    const int out = open(file, O_WRONLY);
    assert_true(out >= 0);
    /* the first kilobyte whole: names, offsets, popularity, fusion and the padding between */
    for (size_t i = 0; i < whole.bytes; i += i < 1024 ? 1 : 397) {
        const unsigned char flipped = (unsigned char)(whole.data[i] ^ (1u << i % 8));
        assert_int_equal(pwrite(out, &flipped, 1, (off_t)i), 1);
        assert_int_equal(refused(path, "tensors.bin"), NBA_E_CORRUPT);
        assert_int_equal(pwrite(out, &whole.data[i], 1, (off_t)i), 1);
    }
    (void)close(out);
    struct nba_release *release = NULL;
    assert_int_equal(nba_release_load(path, NULL, &release, NULL), NBA_OK);
    nba_release_unref(release);
    nba_buf_clear(&whole);
}

static void test_every_byte_of_the_manifest_counts(void **state)
{
    struct parts_fixture f;
    char path[PATH_BYTES];
    char file[PATH_BYTES + 16];
    struct nba_buf whole;
    make(state, &f, path);
    read_file(path, "manifest.json", &whole);
    file_path(path, "manifest.json", file, sizeof file);
    const int out = open(file, O_WRONLY);
    assert_true(out >= 0);
    for (size_t i = 0; i < whole.bytes; i++) {
        const unsigned char flipped = whole.data[i] ^ 1u;
        assert_int_equal(pwrite(out, &flipped, 1, (off_t)i), 1);
        (void)refused(path, "manifest.json");
        assert_int_equal(pwrite(out, &whole.data[i], 1, (off_t)i), 1);
    }
    for (size_t bytes = whole.bytes - 1; bytes > 31; bytes -= 31) {
        assert_int_equal(ftruncate(out, (off_t)bytes), 0);
        assert_int_equal(refused(path, "manifest.json"), NBA_E_CORRUPT);
    }
    assert_int_equal(ftruncate(out, 0), 0);
    assert_int_equal(refused(path, "manifest.json"), NBA_E_CORRUPT);
    (void)close(out);
    nba_buf_clear(&whole);
}

/* Gives a changed release the name it would have, so that only the change can be the reason. */
static void rename_to_id(void **state, char path[PATH_BYTES])
{
    struct nba_buf manifest;
    char id[NBA_RELEASE_ID_BYTES];
    char to[PATH_BYTES];
    read_file(path, "manifest.json", &manifest);
    nba_sha256_text(manifest.data, manifest.bytes, id);
    nba_buf_clear(&manifest);
    (void)snprintf(to, sizeof to, "%s/%s", (const char *)*state, id);
    assert_int_equal(rename(path, to), 0);
    memcpy(path, to, sizeof to);
}

/* Replaces `from` by `to` in the manifest and gives the release its name. */
static void forge_text(void **state, char path[PATH_BYTES], const char *from, const char *to)
{
    struct nba_buf text;
    struct nba_buf changed;
    read_file(path, "manifest.json", &text);
    nba_buf_append_byte(&text, 0);
    const char *at = strstr((const char *)text.data, from);
    assert_non_null(at);
    nba_buf_init(&changed, 1u << 20);
    nba_buf_append(&changed, text.data, (size_t)(at - (const char *)text.data));
    nba_buf_append_str(&changed, nba_str_of(to));
    nba_buf_append_str(&changed, nba_str_of(at + strlen(from)));
    write_file(path, "manifest.json", nba_buf_str(&changed));
    rename_to_id(state, path);
    nba_buf_clear(&text);
    nba_buf_clear(&changed);
}

/* Overwrites bytes of a tensor, with a right checksum and a right name afterwards. */
static void forge_tensor(void **state, char path[PATH_BYTES], enum nba_release_tensor tensor,
                         size_t at, struct nba_str bytes)
{
    struct nba_buf text;
    struct nba_buf tensors;
    struct nba_buf changed;
    struct nba_manifest manifest;
    struct nba_error error;
    read_file(path, "manifest.json", &text);
    read_file(path, "tensors.bin", &tensors);
    assert_int_equal(nba_manifest_scan(nba_buf_str(&text), &manifest, &error), NBA_OK);
    const struct nba_tensor_place *place = &manifest.layout.places[tensor];
    assert_true(at + bytes.bytes <= place->bytes);
    memcpy(tensors.data + place->offset + at, bytes.data, bytes.bytes);
    nba_sha256_text(tensors.data + place->offset, (size_t)place->bytes, manifest.sha256[tensor]);
    nba_buf_init(&changed, 1u << 20);
    nba_manifest_print(&manifest, &changed);
    write_file(path, "manifest.json", nba_buf_str(&changed));
    write_file(path, "tensors.bin", nba_buf_str(&tensors));
    rename_to_id(state, path);
    nba_buf_clear(&text);
    nba_buf_clear(&tensors);
    nba_buf_clear(&changed);
}

static void test_the_manifest_reads_back_as_it_was_printed(void **state)
{
    struct parts_fixture f;
    char path[PATH_BYTES];
    make(state, &f, path);
    forge_tensor(state, path, NBA_TENSOR_LSTM_B1, 0, nba_str("\0\0\0\0", 4));
    struct nba_release *release = NULL;
    struct nba_error error = {0};
    assert_int_equal(nba_release_load(path, NULL, &release, &error), NBA_OK);
    assert_true(nba_release_parts(release)->lstm->b1[0] == 0.0f);
    nba_release_unref(release);
}

static void test_nan_and_infinity_with_right_checksums_are_refused(void **state)
{
    static const struct {
        enum nba_release_tensor tensor;
        const char *says;
    } places[] = {{NBA_TENSOR_LSTM_EMBEDDING, "lstm.embedding: value 3"},
                  {NBA_TENSOR_LSTM_OUT_BIAS, "lstm.out_bias: value 3"},
                  {NBA_TENSOR_NCF_W_OUT, "ncf.w_out: value 3"},
                  {NBA_TENSOR_NCF_PRIOR, "ncf.prior: value 3"}};
    const float bad[] = {NAN, INFINITY, -1e5f};
    for (size_t i = 0; i < NBA_ARRAY_COUNT(places); i++) {
        for (size_t j = 0; j < NBA_ARRAY_COUNT(bad); j++) {
            struct parts_fixture f;
            char path[PATH_BYTES];
            make(state, &f, path);
            forge_tensor(state, path, places[i].tensor, 12, nba_str((const char *)&bad[j], 4));
            assert_int_equal(refused(path, places[i].says), NBA_E_NON_FINITE);
        }
    }
}

static void test_names_out_of_order_or_out_of_bounds_are_refused(void **state)
{
    struct parts_fixture f;
    char path[PATH_BYTES];
    make(state, &f, path);
    forge_tensor(state, path, NBA_TENSOR_VOCABULARY_BYTES, 0, nba_str_of("z"));
    assert_int_equal(refused(path, "content 1"), NBA_E_CORRUPT);
    make(state, &f, path);
    forge_tensor(state, path, NBA_TENSOR_VOCABULARY_OFFSETS, 4, nba_str("\xff\xff\xff\x7f", 4));
    assert_int_equal(refused(path, "vocabulary.offsets"), NBA_E_CORRUPT);
    make(state, &f, path);
    forge_tensor(state, path, NBA_TENSOR_SPECIALTIES_OFFSETS, 0, nba_str("\1\0\0\0", 4));
    assert_int_equal(refused(path, "specialties.offsets"), NBA_E_CORRUPT);
    const double negative = -1.0;
    make(state, &f, path);
    forge_tensor(state, path, NBA_TENSOR_FUSION, 0, nba_str((const char *)&negative, 8));
    assert_int_equal(refused(path, "weight of lstm"), NBA_E_CORRUPT);
}

static void test_another_format_version_is_named(void **state)
{
    struct parts_fixture f;
    char path[PATH_BYTES];
    make(state, &f, path);
    forge_text(state, path, "\"format\": 3", "\"format\": 4");
    assert_int_equal(refused(path, "format 4, this program reads 3"), NBA_E_VERSION);
}

static void test_a_manifest_that_lies_about_sizes_is_refused(void **state)
{
    static const struct {
        const char *from;
        const char *to;
        const char *says;
        enum nba_status status;
    } lies[] = {
        {"\"little\"", "\"big\"", "little", NBA_E_CORRUPT},
        {"\"contents\": 5", "\"contents\": 6", "ease has 25 entries, expected 36", NBA_E_SHAPE},
        {"\"sparse\": 1", "\"sparse\": 2", "sparse 0 or 1", NBA_E_CORRUPT},
        {"{\"last\": 4", "{\"last\": 0", "last from 1", NBA_E_CORRUPT},
        {"\"entries\": 10", "\"entries\": 11", "expected", NBA_E_CORRUPT},
        {"\"contents\": 5", "\"contents\": 4000000000", "contents", NBA_E_SHAPE},
        {"\"contents\": 5", "\"contents\": 0", "contents", NBA_E_SHAPE},
        {"\"contents\": 5", "\"contents\": 99999999999", "2^32", NBA_E_CORRUPT},
        {"\"specialties\": 2", "\"specialties\": 4294967295", "specialties", NBA_E_SHAPE},
        {"\"window_events\": 32", "\"window_events\": 65", "window_events", NBA_E_SHAPE},
        {"\"window_events\": 32", "\"window_events\": 032", "a number", NBA_E_CORRUPT},
        {"\"window_events\": 32", "\"window_events\": -1", "a number", NBA_E_CORRUPT},
        {"\"hidden_1\": 32", "\"hidden_1\": 33", "multiples", NBA_E_SHAPE},
        {"\"hidden_1\": 32", "\"hidden_1\": 4096", "multiples", NBA_E_SHAPE},
        {"\"hidden_2\": 16", "\"hidden_2\": 32", "tied", NBA_E_SHAPE},
        {"\"layer_3\": 16", "\"layer_3\": 0", "multiples", NBA_E_SHAPE},
        {"\"dims\": [6]", "\"dims\": [7]", "vocabulary.offsets", NBA_E_CORRUPT},
        {"\"offset\": 64,", "\"offset\": 32,", "expected", NBA_E_CORRUPT},
        {"\"f32\"", "\"f16\"", "f32", NBA_E_CORRUPT},
        {"\"tensors_bytes\": ", "\"tensors_bytes\": 1", "tensors_bytes", NBA_E_CORRUPT},
        {"{\"seed\"", "[\"seed\"", "an object", NBA_E_CORRUPT},
        {"[1, ", "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1, ", "an object", NBA_E_CORRUPT},
        {"\n  ]\n}", "\n  ]\n} 1", "the end", NBA_E_CORRUPT},
    };
    for (size_t i = 0; i < NBA_ARRAY_COUNT(lies); i++) {
        struct parts_fixture f;
        char path[PATH_BYTES];
        make(state, &f, path);
        forge_text(state, path, lies[i].from, lies[i].to);
        assert_int_equal(refused(path, lies[i].says), lies[i].status);
    }
}

static void test_links_directories_and_pipes_are_not_read(void **state)
{
    static const char *const names[] = {"manifest.json", "tensors.bin"};
    for (size_t i = 0; i < 2; i++) {
        struct parts_fixture f;
        char path[PATH_BYTES];
        char file[PATH_BYTES + 16];
        char moved[PATH_BYTES + 32];
        make(state, &f, path);
        file_path(path, names[i], file, sizeof file);
        (void)snprintf(moved, sizeof moved, "%s.real", file);
        assert_int_equal(rename(file, moved), 0);
        assert_int_equal(refused(path, "No such file"), NBA_E_NOT_FOUND);
        assert_int_equal(symlink(moved, file), 0);
        assert_int_equal(refused(path, "symbolic link"), NBA_E_IO);
        assert_int_equal(unlink(file), 0);
        assert_int_equal(mkdir(file, 0700), 0);
        assert_int_equal(refused(path, "not a regular file"), NBA_E_IO);
        assert_int_equal(rmdir(file), 0);
        assert_int_equal(mkfifo(file, 0600), 0);
        assert_int_equal(refused(path, "not a regular file"), NBA_E_IO);
        assert_int_equal(unlink(file), 0);
        assert_int_equal(rename(moved, file), 0);
    }
}

static void test_the_directory_must_be_real_and_bear_the_id(void **state)
{
    struct parts_fixture f;
    char path[PATH_BYTES];
    char link[PATH_BYTES];
    make(state, &f, path);
    /* a link whose name is an id */
    (void)snprintf(link, sizeof link, "%s/%064d", (const char *)*state, 7);
    assert_int_equal(symlink(path, link), 0);
    (void)refused(link, "directory");
    assert_int_equal(unlink(link), 0);
    assert_int_equal(refused(link, "No such file"), NBA_E_NOT_FOUND);
    assert_int_equal(rename(path, link), 0);
    assert_int_equal(refused(link, "checksum is not the directory's name"), NBA_E_CORRUPT);
    assert_int_equal(refused(*state, "named by its id"), NBA_E_CORRUPT);
    assert_int_equal(refused("", "named by its id"), NBA_E_CORRUPT);
    (void)snprintf(link, sizeof link, "%.400s///", path);
    assert_int_equal(refused(link, "No such file"), NBA_E_NOT_FOUND);
}

static void test_giant_sparse_files_are_refused_by_their_size(void **state)
{
    static const struct {
        const char *name;
        enum nba_status status;
    } files[] = {{"tensors.bin", NBA_E_CORRUPT}, {"manifest.json", NBA_E_LIMIT}};
    for (size_t i = 0; i < 2; i++) {
        struct parts_fixture f;
        char path[PATH_BYTES];
        char file[PATH_BYTES + 16];
        make(state, &f, path);
        file_path(path, files[i].name, file, sizeof file);
        assert_int_equal(truncate(file, (off_t)10 << 30), 0);
        assert_int_equal(refused(path, files[i].name), files[i].status);
        assert_int_equal(unlink(file), 0);
        write_file(path, files[i].name, nba_str("", 0));
        assert_int_equal(refused(path, files[i].name), NBA_E_CORRUPT);
        struct nba_error error;
        assert_int_equal(nba_file_remove_tree(path, &error), NBA_OK);
    }
}

static void test_writing_over_a_damaged_release_says_so(void **state)
{
    struct parts_fixture f;
    char path[PATH_BYTES];
    char id[NBA_RELEASE_ID_BYTES];
    struct nba_error error = {0};
    make(state, &f, path);
    write_file(path, "tensors.bin", nba_str_of("gone"));
    assert_int_equal(nba_release_write(&f.parts, *state, id, &error), NBA_E_CORRUPT);
    assert_non_null(strstr(error.message, "tensors.bin"));
}

#define scratch_test(f) cmocka_unit_test_setup_teardown(f, scratch_create, scratch_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        scratch_test(test_tensors_cut_at_every_4_kib_and_by_one_byte_are_refused),
        scratch_test(test_a_flipped_bit_anywhere_in_the_tensors_is_refused),
        scratch_test(test_every_byte_of_the_manifest_counts),
        scratch_test(test_the_manifest_reads_back_as_it_was_printed),
        scratch_test(test_nan_and_infinity_with_right_checksums_are_refused),
        scratch_test(test_names_out_of_order_or_out_of_bounds_are_refused),
        scratch_test(test_another_format_version_is_named),
        scratch_test(test_a_manifest_that_lies_about_sizes_is_refused),
        scratch_test(test_links_directories_and_pipes_are_not_read),
        scratch_test(test_the_directory_must_be_real_and_bear_the_id),
        scratch_test(test_giant_sparse_files_are_refused_by_their_size),
        scratch_test(test_writing_over_a_damaged_release_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
