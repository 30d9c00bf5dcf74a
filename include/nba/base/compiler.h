/* What the language lacks: attributes that the house relies on, spelled once. */
#ifndef NBA_BASE_COMPILER_H
#define NBA_BASE_COMPILER_H

/* The caller must look at the returned status. */
#define NBA_MUST_USE __attribute__((warn_unused_result))

/* A printf-like function: `text` and `first` are parameter numbers, counted from one. */
#define NBA_PRINTF(text, first) __attribute__((format(printf, text, first)))

#define NBA_NORETURN __attribute__((noreturn))

/* Called when something is wrong: kept out of the way of the rest. */
#define NBA_COLD __attribute__((noinline, cold))

#define NBA_ARRAY_COUNT(array) (sizeof(array) / sizeof((array)[0]))

#endif
