/* Cells are kept as texts until the table is whole: only then are the widths known. */
#include "nba/app/page.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nba/base/assert.h"
#include "nba/base/utf8.h"

#define TEXTS_BYTES ((size_t)64 << 20)
/* Wider cells run over in text. */
#define WIDTH_MAX 48u

void nba_page_open(struct nba_buf *buf, const char *title)
{
    nba_buf_append_str(buf,
                       nba_str_of("<!doctype html><html lang=en><meta charset=utf-8>"
                                  "<meta name=viewport content=\"width=device-width\"><title>"));
    nba_page_text(buf, nba_str_of(title));
    nba_buf_append_str(
        buf, nba_str_of("</title><style>"
                        ":root{color-scheme:light dark}body{font:15px/1.45 system-ui,sans-serif;"
                        "max-width:70em;margin:2em auto;padding:0 1em}"
                        "table{border-collapse:collapse;width:100%}"
                        "th{font-weight:400;text-align:left}td{text-align:right}"
                        "th,td{padding:.2em .5em;border-bottom:1px solid #8884}"
                        "thead th{font-weight:600;vertical-align:bottom}"
                        "thead th.n,td{text-align:right}td.t{text-align:left}"
                        "td i{display:block;height:3px;background:#3b7dd8}"
                        "td.b i{background:#d8833b}"
                        "@media print{body{margin:0;max-width:none;font-size:10pt}"
                        "tr{break-inside:avoid}thead{display:table-header-group}}"
                        "</style><h1>"));
    nba_page_text(buf, nba_str_of(title));
    nba_buf_append_str(buf, nba_str_of("</h1>\n"));
}

void nba_page_close(struct nba_buf *buf)
{
    nba_buf_append_str(buf, nba_str_of("</html>\n"));
}

void nba_page_text(struct nba_buf *buf, struct nba_str text)
{
    const unsigned char *p = (const unsigned char *)text.data;
    size_t bytes = 0;
    for (size_t left = text.bytes; left != 0; left -= bytes, p += bytes) {
        bytes = nba_utf8_bytes(p, left);
        const char *entity = bytes == 0  ? "\xef\xbf\xbd"
                             : *p == '<' ? "&lt;"
                             : *p == '>' ? "&gt;"
                             : *p == '&' ? "&amp;"
                             : *p == '"' ? "&quot;"
                                         : NULL;
        bytes = bytes != 0 ? bytes : 1;
        nba_buf_append_str(buf,
                           entity != NULL ? nba_str_of(entity) : nba_str((const char *)p, bytes));
    }
}

void nba_csv_text(struct nba_buf *buf, struct nba_str text)
{
    nba_buf_append_byte(buf, '"');
    if (text.bytes != 0 && strchr("=+-@\t\r", text.data[0]) != NULL) {
        nba_buf_append_byte(buf, '\'');
    }
    for (size_t i = 0; i < text.bytes; i++) {
        if (text.data[i] == '"') {
            nba_buf_append_byte(buf, '"');
        }
        nba_buf_append_byte(buf, (unsigned char)text.data[i]);
    }
    nba_buf_append_byte(buf, '"');
}

/* ---- sheets ---- */

void nba_sheet_init(struct nba_sheet *sheet, const char *name, const char *heading,
                    const char *const *columns)
{
    *sheet = (struct nba_sheet){.name = name, .heading = heading, .columns = columns};
    while (columns[sheet->column_count] != NULL) {
        sheet->column_count++;
    }
    NBA_ASSERT(sheet->column_count != 0 && sheet->column_count <= NBA_SHEET_COLUMNS_MAX);
    nba_buf_init(&sheet->texts, TEXTS_BYTES);
}

/* A NUL of the text would end it here: it goes. */
void nba_sheet_text(struct nba_sheet *sheet, struct nba_str text)
{
    for (size_t i = 0; i < text.bytes; i++) {
        if (text.data[i] != '\0') {
            nba_buf_append_byte(&sheet->texts, (unsigned char)text.data[i]);
        }
    }
    nba_buf_append_byte(&sheet->texts, '\0');
    sheet->cells++;
}

void nba_sheet_count(struct nba_sheet *sheet, uint64_t count)
{
    nba_buf_printf(&sheet->texts, "%llu", (unsigned long long)count);
    nba_sheet_text(sheet, nba_str("", 0));
}

void nba_sheet_number(struct nba_sheet *sheet, double value, int decimals)
{
    if (!isnan(value)) {
        nba_buf_printf(&sheet->texts, "%.*f", decimals, value);
    }
    nba_sheet_text(sheet, nba_str("", 0));
}

static bool is_number(const struct nba_sheet *sheet, size_t column)
{
    return sheet->columns[column][0] == '#' || sheet->columns[column][0] == '%';
}

static struct nba_str title_of(const struct nba_sheet *sheet, size_t column)
{
    return nba_str_of(sheet->columns[column] + (is_number(sheet, column) ? 1 : 0));
}

static struct nba_str next_cell(const char **at)
{
    const struct nba_str cell = nba_str_of(*at);
    *at += cell.bytes + 1;
    return cell;
}

/* Characters, as far as a terminal's columns are that. */
static size_t width_of(struct nba_str text)
{
    size_t width = 0;
    for (size_t i = 0; i < text.bytes; i++) {
        width += ((unsigned char)text.data[i] & 0xC0) != 0x80;
    }
    return width;
}

static void pad(struct nba_buf *buf, size_t width, size_t used)
{
    nba_buf_printf(buf, "%*s", (int)(width > used ? width - used : 0), "");
}

static void put_cell(struct nba_buf *buf, struct nba_str cell, size_t width, bool right, bool last)
{
    const size_t used = width_of(cell);
    if (right) {
        pad(buf, width, used);
    }
    for (size_t i = 0; i < cell.bytes; i++) { /* no escape codes for a terminal */
        const unsigned char byte = (unsigned char)cell.data[i];
        nba_buf_append_byte(buf, byte < ' ' || byte == 0x7f ? '?' : byte);
    }
    if (!right && !last) {
        pad(buf, width, used);
    }
    nba_buf_append_str(buf, nba_str_of(last ? "\n" : "  "));
}

static void put_text(const struct nba_sheet *sheet, struct nba_buf *buf)
{
    size_t widths[NBA_SHEET_COLUMNS_MAX] = {0};
    const char *at = (const char *)sheet->texts.data;
    for (size_t i = 0; i < sheet->cells + sheet->column_count; i++) {
        const size_t c = i % sheet->column_count;
        const size_t width =
            width_of(i < sheet->column_count ? title_of(sheet, c) : next_cell(&at));
        widths[c] = width > widths[c] ? (width < WIDTH_MAX ? width : WIDTH_MAX) : widths[c];
    }
    nba_buf_printf(buf, "\n%s\n", sheet->heading);
    at = (const char *)sheet->texts.data;
    for (size_t i = 0; i < sheet->cells + sheet->column_count; i++) {
        const size_t c = i % sheet->column_count;
        put_cell(buf, i < sheet->column_count ? title_of(sheet, c) : next_cell(&at), widths[c],
                 is_number(sheet, c), c + 1 == sheet->column_count);
    }
    nba_buf_append_str(buf, nba_str_of(sheet->cells == 0 ? "(none)\n" : ""));
}

static void put_csv(const struct nba_sheet *sheet, struct nba_buf *buf)
{
    const char *at = (const char *)sheet->texts.data;
    for (size_t i = 0; i < sheet->cells + sheet->column_count; i++) {
        const size_t c = i % sheet->column_count;
        const bool head = i < sheet->column_count;
        const struct nba_str cell = head ? title_of(sheet, c) : next_cell(&at);
        if (c == 0) {
            nba_buf_printf(buf, "%s", head ? "table" : sheet->name);
        }
        nba_buf_append_byte(buf, ',');
        if (head || is_number(sheet, c)) {
            nba_buf_append_str(buf, cell);
        } else {
            nba_csv_text(buf, cell);
        }
        if (c + 1 == sheet->column_count) {
            nba_buf_append_byte(buf, '\n');
        }
    }
}

/* The largest number of each column with a bar. */
static void find_most(const struct nba_sheet *sheet, double most[NBA_SHEET_COLUMNS_MAX])
{
    const char *at = (const char *)sheet->texts.data;
    for (size_t i = 0; i < sheet->cells; i++) {
        const size_t c = i % sheet->column_count;
        const double value = strtod(next_cell(&at).data, NULL);
        most[c] = value > most[c] ? value : most[c];
    }
}

static void put_html(const struct nba_sheet *sheet, struct nba_buf *buf)
{
    double most[NBA_SHEET_COLUMNS_MAX] = {0};
    find_most(sheet, most);
    nba_buf_append_str(buf, nba_str_of("<h2>"));
    nba_page_text(buf, nba_str_of(sheet->heading));
    nba_buf_append_str(buf, nba_str_of("</h2><table><thead><tr>"));
    for (size_t c = 0; c < sheet->column_count; c++) {
        nba_buf_append_str(buf, nba_str_of(is_number(sheet, c) ? "<th class=n>" : "<th>"));
        nba_page_text(buf, title_of(sheet, c));
        nba_buf_append_str(buf, nba_str_of("</th>"));
    }
    nba_buf_append_str(buf, nba_str_of("</tr></thead>"));
    const char *at = (const char *)sheet->texts.data;
    for (size_t i = 0; i < sheet->cells; i++) {
        const size_t c = i % sheet->column_count;
        const struct nba_str cell = next_cell(&at);
        nba_buf_append_str(buf, nba_str_of(c == 0                ? "\n<tr><th scope=row>"
                                           : is_number(sheet, c) ? "<td>"
                                                                 : "<td class=t>"));
        nba_page_text(buf, cell);
        if (sheet->columns[c][0] == '%' && most[c] > 0 && cell.bytes != 0) {
            nba_buf_printf(buf, "<i style=\"width:%.1f%%\"></i>",
                           100.0 * strtod(cell.data, NULL) / most[c]);
        }
        nba_buf_append_str(buf, nba_str_of(c == 0 ? "</th>" : "</td>"));
        nba_buf_append_str(buf, nba_str_of(c + 1 == sheet->column_count ? "</tr>" : ""));
    }
    nba_buf_append_str(buf, nba_str_of("\n</table>\n"));
}

bool nba_sheet_put(struct nba_sheet *sheet, enum nba_sheet_form form, struct nba_buf *buf)
{
    static void (*const forms[])(const struct nba_sheet *, struct nba_buf *) = {
        [NBA_SHEET_TEXT] = put_text, [NBA_SHEET_CSV] = put_csv, [NBA_SHEET_HTML] = put_html};
    const bool whole = !sheet->texts.failed;
    NBA_ASSERT(!whole || sheet->cells % sheet->column_count == 0);
    if (whole) {
        forms[form](sheet, buf);
    }
    nba_buf_clear(&sheet->texts);
    return whole;
}
