/* loop.c: times engines in turns, one row a call, and prints a JSON line for each pass.
 *
 *     loop FOLDER REPEATS engine.so ...
 */
#define _POSIX_C_SOURCE 200809L
#include "engine.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef double (*call_fn)(int32_t);
typedef struct {
    const char *path;
    call_fn call[2];
} engine;

static double clock_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return 1e9 * (double)t.tv_sec + (double)t.tv_nsec;
}

static int ascending(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void fail(const char *what) {
    fprintf(stderr, "loop: %s\n", what);
    exit(1);
}

static bench_table read_table(const char *folder) {
    bench_table table;
    char path[4096];
    FILE *file;
    size_t cells, i, bytes;
    double *x;
    char *pool;
    const char **text;
    size_t *length;
    int32_t size[3];
    snprintf(path, sizeof path, "%s/rows.bin", folder);
    file = fopen(path, "rb");
    if (file == NULL || fread(size, sizeof *size, 3, file) != 3) fail("no rows.bin");
    table.rows = size[0], table.columns = size[1];
    cells = (size_t)size[0] * (size_t)size[1], bytes = (size_t)size[2];
    x = (double *)malloc(cells * sizeof *x), pool = (char *)malloc(bytes + 1);
    text = (const char **)malloc(cells * sizeof *text), length = (size_t *)malloc(cells * sizeof *length);
    if (!x || !pool || !text || !length) fail("memory");
    if (fread(x, sizeof *x, cells, file) != cells || fread(pool, 1, bytes, file) != bytes) fail("rows.bin is short");
    fclose(file);
    for (i = 0; i < cells; i++) {
        text[i] = pool, length[i] = strlen(pool);
        pool += length[i] + 1;
    }
    table.x = x, table.text = text, table.length = length;
    return table;
}

static double empty(int32_t row) { return (double)row; }

/* One pass with a clock around each call, and one without. */
static void pass(call_fn call, int32_t rows, double *times, double overhead, double *out) {
    volatile double sink = 0;
    double begin;
    int32_t i;
    for (i = 0; i < rows; i++) {
        begin = clock_ns();
        sink += call(i);
        times[i] = clock_ns() - begin - overhead;
    }
    qsort(times, (size_t)rows, sizeof *times, ascending);
    out[0] = times[rows / 2], out[1] = times[(size_t)rows * 99 / 100];
    begin = clock_ns();
    for (i = 0; i < rows; i++) sink += call(i);
    out[2] = (clock_ns() - begin) / rows;
    (void)sink;
}

int main(int count, char **arguments) {
    static engine engines[32];
    bench_table table;
    double *times, out[3], overhead, sum;
    volatile call_fn nothing = empty;
    int repeats, e, r, mode, engines_count = count - 3, turn;
    int32_t i;
    if (count < 4 || engines_count > 32) fail("usage: loop FOLDER REPEATS engine.so ...");
    table = read_table(arguments[1]), repeats = atoi(arguments[2]);
    times = (double *)malloc((size_t)table.rows * sizeof *times);
    for (e = 0; e < engines_count; e++) {
        void *library = dlopen(arguments[e + 3], RTLD_NOW | RTLD_LOCAL);
        int (*open_it)(const char *, const bench_table *);
        if (library == NULL) fail(dlerror());
        engines[e].path = arguments[e + 3];
        *(void **)&open_it = dlsym(library, "engine_open");
        *(void **)&engines[e].call[0] = dlsym(library, "engine_encoded");
        *(void **)&engines[e].call[1] = dlsym(library, "engine_text");
        if (!open_it || open_it(arguments[1], &table) != 0) fail(engines[e].path);
        for (mode = 0; mode < 2; mode++) {
            for (sum = 0, i = 0; i < table.rows; i++) sum += engines[e].call[mode](i);
            printf("{\"engine\": \"%s\", \"mode\": %d, \"mean_answer\": ", engines[e].path, mode);
            printf(sum == sum ? "%.9g}\n" : "null}\n", sum / table.rows);
            if (sum != sum) engines[e].call[mode] = NULL;
        }
    }
    for (r = 0; r < repeats; r++) {
        pass(nothing, table.rows, times, 0, out);
        overhead = out[0];
        for (turn = 0; turn < engines_count; turn++) {
            e = (turn + r) % engines_count;
            for (mode = 0; mode < 2; mode++) {
                if (engines[e].call[mode] == NULL) continue;
                pass(engines[e].call[mode], table.rows, times, overhead, out);
                printf("{\"engine\": \"%s\", \"mode\": %d, \"round\": %d, \"p50_ns\": %.1f, \"p99_ns\": %.1f, "
                       "\"pass_ns\": %.1f}\n", engines[e].path, mode, r, out[0], out[1], out[2]);
            }
        }
    }
    return 0;
}
