/*
 * A borrowed run of bytes: text or binary, not NUL-terminated, owned by someone else.
 *
 * Decoding is zero-copy, so nearly every text on the event path is one of these.  `data` may be
 * NULL only when `bytes` is 0.  Whoever keeps one says in its header whose memory it points into.
 */
#ifndef NBA_BASE_STR_H
#define NBA_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct nba_str {
    const char *data;
    size_t bytes;
};

/* For printf: printf("%.*s", NBA_STR_ARG(s)). */
#define NBA_STR_ARG(s) (int)(s).bytes, (s).data != NULL ? (s).data : ""

static inline struct nba_str nba_str(const char *data, size_t bytes)
{
    return (struct nba_str){data, bytes};
}

/* Of a NUL-terminated string; NULL gives the empty one. */
static inline struct nba_str nba_str_of(const char *text)
{
    return (struct nba_str){text, text != NULL ? strlen(text) : 0};
}

static inline bool nba_str_equal(struct nba_str a, struct nba_str b)
{
    return a.bytes == b.bytes && (a.bytes == 0 || memcmp(a.data, b.data, a.bytes) == 0);
}

static inline bool nba_str_is(struct nba_str a, const char *text)
{
    return nba_str_equal(a, nba_str_of(text));
}

static inline bool nba_str_empty(struct nba_str a)
{
    return a.bytes == 0;
}

/* Index of the word among `count`, NULL ones passed over; `count`: it is none of them. */
static inline size_t nba_str_find(struct nba_str word, const char *const *words, size_t count)
{
    size_t i = 0;
    while (i < count && (words[i] == NULL || !nba_str_is(word, words[i]))) {
        i++;
    }
    return i;
}

/* Bytewise order, as memcmp, a prefix first: the order of content ids and of store keys. */
static inline int nba_str_compare(struct nba_str a, struct nba_str b)
{
    const size_t common = a.bytes < b.bytes ? a.bytes : b.bytes;
    const int order = common != 0 ? memcmp(a.data, b.data, common) : 0;
    return order != 0 ? order : (a.bytes > b.bytes) - (a.bytes < b.bytes);
}

#endif
