/* Apache's avro-c on a pipe: "resolve WRITER READER DATUM" in hexadecimal, as avro_driver.c takes
 * it. */
#include <avro.h>
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_BYTES (8u * 1024u * 1024u)

static char line[LINE_BYTES];
static char out[LINE_BYTES];

/* In place; the number of bytes. */
static int64_t unhex(char *text)
{
    int64_t bytes = 0;
    for (; isxdigit((unsigned char)text[2 * bytes]) && isxdigit((unsigned char)text[2 * bytes + 1]);
         bytes++) {
        const char two[3] = {text[2 * bytes], text[2 * bytes + 1], '\0'};
        text[bytes] = (char)strtoul(two, NULL, 16);
    }
    return bytes;
}

static int64_t resolve(avro_schema_t writer, avro_schema_t reader, const char *datum, int64_t bytes)
{
    avro_value_iface_t *resolver = avro_resolved_writer_new(writer, reader);
    avro_value_iface_t *class = avro_generic_class_from_schema(reader);
    avro_value_t resolved, value;
    int64_t written = -1;
    if (resolver != NULL && class != NULL && avro_generic_value_new(class, &value) == 0 &&
        avro_resolved_writer_new_value(resolver, &resolved) == 0) {
        avro_reader_t in = avro_reader_memory(datum, bytes);
        avro_writer_t to = avro_writer_memory(out, sizeof(out));
        avro_resolved_writer_set_dest(&resolved, &value);
        if (avro_value_read(in, &resolved) == 0 && avro_value_write(to, &value) == 0) {
            written = avro_writer_tell(to);
        }
        avro_reader_free(in);
        avro_writer_free(to);
    }
    return written;
}

int main(void)
{
    while (fgets(line, sizeof(line), stdin) != NULL) {
        char *words[4] = {NULL};
        char *rest = NULL;
        avro_schema_t schemas[2] = {NULL, NULL};
        bool good = true;
        int64_t bytes = -1;
        for (size_t i = 0; i < 4; i++) {
            words[i] = strtok_r(i == 0 ? line : NULL, " \n", &rest);
            good = good && words[i] != NULL;
        }
        for (size_t i = 0; good && i < 2; i++) {
            good = avro_schema_from_json_length(words[1 + i], (size_t)unhex(words[1 + i]),
                                                &schemas[i]) == 0;
        }
        if (good) {
            bytes = resolve(schemas[0], schemas[1], words[3], unhex(words[3]));
        }
        printf("%s", bytes >= 0 ? "ok " : "error ");
        for (int64_t i = 0; i < bytes; i++) {
            printf("%02x", (unsigned char)out[i]);
        }
        printf("%s\n", bytes >= 0 ? "" : avro_strerror());
        (void)fflush(stdout);
    }
    return 0;
}
