/*
 * Stands in for libFuzzer: runs every file of a corpus folder, then seeded mutations of each: bytes
 * changed, runs cut out, doubled and taken from another file.  No coverage guides it; it keeps a
 * driver honest in every build, sanitizers included.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz_driver.h"
#include "nba/base/buf.h"
#include "nba/base/file.h"
#include "nba/base/random.h"

#define FILES_MAX      1024u
#define FILE_BYTES_MAX ((size_t)1024 * 1024)
#define MUTATIONS      20000u

static struct nba_buf files[FILES_MAX];
static size_t file_count;

static int load(const char *folder)
{
    DIR *dir = opendir(folder);
    if (dir == NULL) {
        (void)fprintf(stderr, "cannot open '%s'\n", folder);
        return 1;
    }
    for (const struct dirent *entry = readdir(dir); entry != NULL && file_count < FILES_MAX;
         entry = readdir(dir)) {
        char path[4096];
        struct nba_error error;
        if (entry->d_name[0] == '.') {
            continue;
        }
        (void)snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        nba_buf_init(&files[file_count], FILE_BYTES_MAX);
        if (nba_file_read(path, &files[file_count], &error) != NBA_OK) {
            (void)fprintf(stderr, "%s\n", error.message);
            (void)closedir(dir);
            return 1;
        }
        file_count++;
    }
    (void)closedir(dir);
    return file_count == 0;
}

/* A copy of its own size, so that a sanitizer sees a read behind it. */
static void run(const unsigned char *data, size_t bytes)
{
    unsigned char *copy = malloc(bytes + (bytes == 0));
    if (copy == NULL) {
        abort();
    }
    if (bytes != 0) {
        memcpy(copy, data, bytes);
    }
    (void)LLVMFuzzerTestOneInput(copy, bytes);
    free(copy);
}

static void mutate(struct nba_rng *rng, struct nba_buf *work)
{
    const struct nba_buf *other = &files[nba_rng_below(rng, file_count)];
    const size_t bytes = work->bytes;
    const size_t at = bytes != 0 ? nba_rng_below(rng, bytes) : 0;
    const size_t run_bytes = bytes != 0 ? nba_rng_below(rng, bytes - at) : 0;
    switch (nba_rng_below(rng, 5)) {
    case 0: /* a byte */
        if (bytes != 0) {
            work->data[at] = (unsigned char)nba_rng_next(rng);
        }
        break;
    case 1: /* a bit */
        if (bytes != 0) {
            work->data[at] ^= (unsigned char)(1u << nba_rng_below(rng, 8));
        }
        break;
    case 2: /* cut out */
        if (run_bytes != 0) {
            memmove(work->data + at, work->data + at + run_bytes, bytes - at - run_bytes);
            work->bytes -= run_bytes;
        }
        break;
    case 3: /* the end of another file */
        work->bytes = at;
        if (other->bytes != 0) {
            const size_t from = nba_rng_below(rng, other->bytes);
            nba_buf_append(work, other->data + from, other->bytes - from);
        }
        break;
    default: /* a large number */
        if (bytes >= at + 4 && bytes >= 4) {
            memset(work->data + at, 0xff, 4);
        }
        break;
    }
}

int main(int argc, char **argv)
{
    struct nba_rng rng = nba_rng(1);
    struct nba_buf work;
    for (int i = 1; i < argc; i++) {
        if (load(argv[i]) != 0) {
            return 1;
        }
    }
    if (file_count == 0) {
        (void)fprintf(stderr, "usage: %s CORPUS-FOLDER...\n", argv[0]);
        return 2;
    }
    nba_buf_init(&work, FILE_BYTES_MAX);
    for (size_t i = 0; i < file_count; i++) {
        run(files[i].data, files[i].bytes);
    }
    for (uint32_t i = 0; i < MUTATIONS; i++) {
        const struct nba_buf *file = &files[nba_rng_below(&rng, file_count)];
        nba_buf_reset(&work);
        nba_buf_append(&work, file->data, file->bytes);
        for (uint64_t k = 1 + nba_rng_below(&rng, 4); k > 0; k--) {
            mutate(&rng, &work);
        }
        run(work.data, work.bytes);
    }
    (void)printf("%zu files, %u mutations\n", file_count, MUTATIONS);
    nba_buf_clear(&work);
    for (size_t i = 0; i < file_count; i++) {
        nba_buf_clear(&files[i]);
    }
    return 0;
}
