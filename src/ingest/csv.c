/*
 * A state machine over single bytes (RFC 4180), so that a quote or a line end may fall on any
 * border between two reads:
 *
 *     CELL_START  "        QUOTED            anything else   PLAIN
 *     PLAIN       delimiter CELL_START       line feed       end of row
 *     QUOTED      "        QUOTE_SEEN        anything else   stays
 *     QUOTE_SEEN  "        QUOTED (one ")    delimiter, line feed as PLAIN; else a bad row
 */
#include "csv_internal.h"

enum state { CELL_START, PLAIN, QUOTED, QUOTE_SEEN };

struct parse {
    enum state state;
    bool bad;
    bool any; /* a byte of this row was seen */
};

struct nba_str nba_csv_cell(const struct nba_csv *csv, size_t index)
{
    const size_t begin = index == 0 ? 0 : csv->ends[index - 1];
    const char *data = csv->bytes.data != NULL ? (const char *)csv->bytes.data : "";
    return nba_str(data + begin, csv->ends[index] - begin);
}

static void end_cell(struct nba_csv *csv, struct parse *parse)
{
    if (csv->count == NBA_ROW_COLUMNS_MAX) {
        parse->bad = true;
        return;
    }
    csv->ends[csv->count] = csv->bytes.bytes;
    csv->count++;
    parse->state = CELL_START;
}

/* True at the end of the row. */
static bool take_byte(struct nba_csv *csv, struct parse *parse, char byte)
{
    parse->any = true;
    if (parse->state == QUOTED) {
        if (byte == '"') {
            parse->state = QUOTE_SEEN;
        } else {
            nba_buf_append_byte(&csv->bytes, (unsigned char)byte);
        }
        return false;
    }
    if (byte == '\n') {
        end_cell(csv, parse);
        return true;
    }
    if (byte == csv->delimiter) {
        end_cell(csv, parse);
    } else if (byte == '"' && csv->quotes && parse->state == CELL_START) {
        parse->state = QUOTED;
    } else if (byte == '"' && parse->state == QUOTE_SEEN) {
        nba_buf_append_byte(&csv->bytes, '"');
        parse->state = QUOTED;
    } else if (byte == '\r') {
        /* Part of the line end; elsewhere it means nothing in a table. */
    } else {
        parse->bad = parse->bad || parse->state == QUOTE_SEEN;
        nba_buf_append_byte(&csv->bytes, (unsigned char)byte);
        parse->state = PLAIN;
    }
    return false;
}

static enum nba_status end_row(const struct nba_csv *csv, const struct parse *parse, bool *ret_more,
                               struct nba_error *error)
{
    *ret_more = true;
    if (csv->bytes.failed) {
        return nba_error_set(error, NBA_E_CONFIG, "row is longer than %u bytes", NBA_ROW_BYTES_MAX);
    }
    if (parse->bad || parse->state == QUOTED) {
        return nba_error_set(error, NBA_E_CONFIG,
                             "row has a quote in the wrong place, or more "
                             "than %u cells",
                             NBA_ROW_COLUMNS_MAX);
    }
    return NBA_OK;
}

enum nba_status nba_csv_next(struct nba_csv *csv, bool *ret_more, struct nba_error *error)
{
    struct parse parse = {CELL_START, false, false};
    nba_buf_reset(&csv->bytes);
    csv->count = 0;
    for (;;) {
        for (size_t i = 0; i < csv->rest.bytes; i++) {
            if (take_byte(csv, &parse, csv->rest.data[i])) {
                csv->rest = nba_str(csv->rest.data + i + 1, csv->rest.bytes - i - 1);
                return end_row(csv, &parse, ret_more, error);
            }
        }
        const enum nba_status status = nba_text_source_read(csv->source, &csv->rest, error);
        if (status != NBA_OK) {
            return status;
        }
        if (csv->rest.bytes == 0) {
            csv->ended = true;
            if (!parse.any) {
                *ret_more = false;
                return NBA_OK;
            }
            if (parse.state != QUOTED) {
                end_cell(csv, &parse);
            }
            return end_row(csv, &parse, ret_more, error);
        }
    }
}
