/* A bare loop over the oblivious trees of the exported header, with bins ready: no transform, no link, no label. */
#include "model.h"
#include "engine.h"
#include "encode.inc"
#include "bare.inc"

#include <math.h>
#include <stdlib.h>

static uint8_t *bins;

int engine_open(const char *folder, const bench_table *table) {
    int32_t i;
    (void)folder;
    bins = (uint8_t *)calloc((size_t)table->rows + 1, BARE_BYTES);
    for (i = 0; bins != NULL && i < table->rows; i++) {
        model_row row;
        fill_row(table->x + (size_t)i * COLUMNS, &row);
        bare_bins(&row, bins + (size_t)i * BARE_BYTES);
    }
    return bins == NULL;
}

double engine_encoded(int32_t row) {
    const uint8_t *x = bins + (size_t)row * BARE_BYTES + BARE_FIRST;
    int32_t total = 0, tree, level;
    for (tree = 0; tree < BARE_TREES; tree++) {
        uint32_t leaf = 0;
        for (level = 0; level < BARE_DEPTH; level++) {
            const int32_t at = level * BARE_TREES + tree;
            leaf |= (uint32_t)(x[BARE_FEATURE[at]] > BARE_BIN[at]) << level;
        }
        total += BARE_LEAVES[(tree << BARE_DEPTH) + (int32_t)leaf];
    }
    return total;
}

double engine_text(int32_t row) {
    (void)row;
    return NAN;
}
