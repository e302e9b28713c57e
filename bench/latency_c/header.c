/* The exported header: a raw struct in, the answer out. */
#include "model.h"
#include "engine.h"
#include "encode.inc"

#include <math.h>
#include <stdlib.h>

static const bench_table *t;
static model_row *rows;

static double answer(const model_row *row) {
    model_result result;
    model_predict(row, &result);
    return ANSWER;
}

int engine_open(const char *folder, const bench_table *table) {
    int32_t i;
    (void)folder;
    t = table;
    rows = (model_row *)malloc((size_t)table->rows * sizeof *rows);
    for (i = 0; rows != NULL && i < table->rows; i++) {
        fill_row(table->x + (size_t)i * COLUMNS, rows + i);
    }
    return rows == NULL;
}

double engine_encoded(int32_t row) { return answer(rows + row); }

double engine_text(int32_t row) {
    model_row raw;
    fill_texts(t, row, &raw);
    return answer(&raw);
}
