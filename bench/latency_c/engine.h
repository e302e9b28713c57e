/* engine.h: what each shared library of the comparison exports. A value is a double; a category is its code. */
#ifndef BENCH_ENGINE_H
#define BENCH_ENGINE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#define BENCH_API extern "C"
#else
#define BENCH_API
#endif

typedef struct {
    int32_t rows, columns;
    const double *x;          /* row by row */
    const char *const *text;  /* the same cells as texts; "" for a missing one */
    const size_t *length;
} bench_table;

/* Takes what is needed of the rows; 0 if all went well. */
BENCH_API int engine_open(const char *folder, const bench_table *table);
/* Answer for a row that is encoded, in the engine's own form. */
BENCH_API double engine_encoded(int32_t row);
/* Answer for a row whose categories are texts; NaN where the engine has no such way. */
BENCH_API double engine_text(int32_t row);

#endif
