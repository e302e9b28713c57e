/* The rival's own trees as `lean_automl compile` makes a header of them: the matrix that the rival gets in, the answer
 * out. Texts are encoded by the student's header, as for the other engines. */
#include "model.h"
#include "engine.h"
#include "encode.inc"
#include "same.h"
#include "same.inc"

#include <stdlib.h>

static const bench_table *t;
static same_row *rows;

static double answer_same(const same_row *row) {
    same_result result;
    same_predict(row, &result);
    return SAME_ANSWER;
}

int engine_open(const char *folder, const bench_table *table) {
    int32_t i;
    (void)folder;
    t = table;
    rows = (same_row *)malloc((size_t)table->rows * sizeof *rows);
    for (i = 0; rows != NULL && i < table->rows; i++) {
        fill_same(table->x + (size_t)i * COLUMNS, rows + i);
    }
    return rows == NULL;
}

double engine_encoded(int32_t row) { return answer_same(rows + row); }

double engine_text(int32_t row) {
    double x[COLUMNS];
    same_row raw;
    encode(t, row, x);
    fill_same(x, &raw);
    return answer_same(&raw);
}
