/* LightGBM's interface for one row at a time, one thread. */
#include "model.h"
#include "engine.h"
#include "encode.inc"

#include <math.h>
#include <stdio.h>

int LGBM_BoosterCreateFromModelfile(const char *path, int *iterations, void **booster);
int LGBM_BoosterPredictForMatSingleRowFastInit(void *booster, int kind, int first, int count, int type, int32_t columns,
                                               const char *parameter, void **config);
int LGBM_BoosterPredictForMatSingleRowFast(void *config, const void *row, int64_t *length, double *out);

static const bench_table *t;
static void *config;

static double answer(const double *x) {
    int64_t length;
    double out[16];
    LGBM_BoosterPredictForMatSingleRowFast(config, x, &length, out);
    return out[0];
}

int engine_open(const char *folder, const bench_table *table) {
    char path[4096];
    int iterations;
    void *booster;
    t = table;
    snprintf(path, sizeof path, "%s/lightgbm.txt", folder);
    return LGBM_BoosterCreateFromModelfile(path, &iterations, &booster) ||
           LGBM_BoosterPredictForMatSingleRowFastInit(booster, 0, 0, -1, 1, table->columns, "num_threads=1", &config);
}

double engine_encoded(int32_t row) { return answer(t->x + (size_t)row * t->columns); }

double engine_text(int32_t row) {
    double x[COLUMNS];
    encode(t, row, x);
    return answer(x);
}
