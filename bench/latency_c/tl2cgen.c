/* Code that TL2cgen generated, compiled beside this file. */
#include "model.h"
#include "engine.h"
#include "encode.inc"

#include <math.h>
#include <stdlib.h>

#include "header.h"

static const bench_table *t;
static union Entry *rows;

static void fill(const double *x, union Entry *entry) {
    int j;
    for (j = 0; j < COLUMNS; j++) {
        if (x[j] != x[j]) {
            entry[j].missing = -1;
        } else {
            entry[j].fvalue = x[j];
        }
    }
}

static double answer(union Entry *entry) {
    double out[16];
    out[0] = 0; /* the generated code adds to it */
    predict(entry, 0, out);
    return out[0];
}

int engine_open(const char *folder, const bench_table *table) {
    int32_t i;
    (void)folder;
    t = table;
    rows = (union Entry *)malloc((size_t)table->rows * COLUMNS * sizeof *rows);
    for (i = 0; rows != NULL && i < table->rows; i++) {
        fill(table->x + (size_t)i * COLUMNS, rows + (size_t)i * COLUMNS);
    }
    return rows == NULL;
}

/* TL2cgen with quantize=1 writes into the entries, so they are copied. */
double engine_encoded(int32_t row) {
    union Entry entry[COLUMNS];
    memcpy(entry, rows + (size_t)row * COLUMNS, sizeof entry);
    return answer(entry);
}

double engine_text(int32_t row) {
    union Entry entry[COLUMNS];
    double x[COLUMNS];
    encode(t, row, x);
    fill(x, entry);
    return answer(entry);
}
