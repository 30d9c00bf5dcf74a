/*
 * Tables for people and programs: one that is filled once comes out as text, CSV or HTML.
 *
 * PAGES.  One HTML file with nothing outside it and no script, that prints well; every page has the
 * same small style.  Texts are escaped, so a name from outside can't become markup.
 * CSV.  RFC 4180.  A file of several tables has one header each; the first column is the table's
 * name.  A text that a spreadsheet would take for a formula gets a ' in front.
 */
#ifndef NBA_APP_PAGE_H
#define NBA_APP_PAGE_H

#include "nba/base/buf.h"

/* Up to the heading, with the title in it. */
void nba_page_open(struct nba_buf *buf, const char *title);
void nba_page_close(struct nba_buf *buf);
/* A text with its markup taken for letters; what isn't UTF-8 is replaced. */
void nba_page_text(struct nba_buf *buf, struct nba_str text);
/* A cell's text in quotes. */
void nba_csv_text(struct nba_buf *buf, struct nba_str text);

enum nba_sheet_form { NBA_SHEET_TEXT, NBA_SHEET_CSV, NBA_SHEET_HTML };

#define NBA_SHEET_COLUMNS_MAX 32u

/* A table that is being filled: cells row by row. */
struct nba_sheet {
    const char *name, *heading; /* of CSV; for people */
    const char *const *columns; /* end in NULL; a number's begins with '#', '%': with a bar */
    size_t column_count;
    size_t cells;
    struct nba_buf texts; /* each ends in NUL */
};

void nba_sheet_init(struct nba_sheet *sheet, const char *name, const char *heading,
                    const char *const *columns);
void nba_sheet_text(struct nba_sheet *sheet, struct nba_str text);
void nba_sheet_count(struct nba_sheet *sheet, uint64_t count);
/* With `decimals`; NaN: an empty cell. */
void nba_sheet_number(struct nba_sheet *sheet, double value, int decimals);
/* What stands there; frees the sheet.  False: it didn't fit. */
bool nba_sheet_put(struct nba_sheet *sheet, enum nba_sheet_form form, struct nba_buf *buf);

#endif
