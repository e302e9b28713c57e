/* Compilers of LightGBM models whose code takes a row of numbers, NaN for missing: -DLLEAVES, -DM2CGEN or -DTIMBER. */
#include "model.h"
#include "engine.h"
#include "encode.inc"

#include <math.h>
#include <stdlib.h>

#if defined(LLEAVES)
typedef double number;
void forest_root(double *data, double *out, int begin, int end);
static int start(void) { return 0; }
static double answer(number *x) {
    double out = 0;
    forest_root(x, &out, 0, 1);
    return out;
}
#elif defined(M2CGEN)
typedef double number;
#if defined(BENCH_CLASSES)
void score(double *input, double *output);
#else
double score(double *input);
#endif
static int start(void) { return 0; }
static double answer(number *x) {
#if defined(BENCH_CLASSES)
    double out[2];
    score(x, out);
    return out[1];
#else
    return score(x);
#endif
}
#else
#include "timber/model.h"
typedef float number;
static TimberCtx *context;
static int start(void) { return timber_init(&context) != TIMBER_OK; }
static double answer(number *x) {
    float out[TIMBER_N_OUTPUTS];
    timber_infer_single(x, out, context);
    return out[TIMBER_N_OUTPUTS - 1];
}
#endif

static const bench_table *t;
static number *rows;

static void narrowed(const double *x, number *row) {
    int j;
    for (j = 0; j < COLUMNS; j++) {
        row[j] = (number)x[j];
    }
}

int engine_open(const char *folder, const bench_table *table) {
    int32_t i;
    (void)folder;
    t = table;
    rows = (number *)malloc((size_t)table->rows * COLUMNS * sizeof *rows);
    for (i = 0; rows != NULL && i < table->rows; i++) {
        narrowed(table->x + (size_t)i * COLUMNS, rows + (size_t)i * COLUMNS);
    }
    return rows == NULL || start();
}

double engine_encoded(int32_t row) { return answer(rows + (size_t)row * COLUMNS); }

double engine_text(int32_t row) {
    double x[COLUMNS];
    number narrow[COLUMNS];
    encode(t, row, x);
    narrowed(x, narrow);
    return answer(narrow);
}
