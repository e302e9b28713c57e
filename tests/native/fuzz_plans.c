/* Damages plans and runs those that the check lets through, on rows of odd values. Built with sanitizers: whatever
 * they find ends the process.
 *
 *   fuzz_plans SEED ROUNDS FILE...
 */
#include <stdio.h>
#include <stdlib.h>

#include "lean_automl_check.h"

#define MOST_SLOT_BYTES ((size_t)1 << 24)

static uint64_t state;

static uint32_t next(void) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 16);
}

static const int32_t ODD[] = {0, 1, 2, -1, -2, 7, 8, 64, 255, 256, 65535, 65536, 1 << 20, 1 << 24, INT32_MAX, INT32_MIN};

static void damage(uint8_t *plan, size_t size) {
    uint32_t times = 1 + next() % 4, lines_end;
    la_head *head = (la_head *)(void *)plan;
    lines_end = (uint32_t)head->lines_at + (uint32_t)head->lines * (uint32_t)sizeof(la_line);
    while (times-- > 0) {
        /* Mostly the head, columns and lines; now and then tables. */
        uint32_t end = next() % 3 ? lines_end : (uint32_t)size, at = next() % end;
        int32_t word;
        if (next() % 2) {
            plan[at] = (uint8_t)(next() % 2 ? next() : plan[at] ^ (1u << next() % 8));
            continue;
        }
        at -= at % 4;
        if (at + 4 > size) {
            continue;
        }
        memcpy(&word, plan + at, 4);
        word = next() % 2 ? ODD[next() % (sizeof ODD / sizeof *ODD)] : (int32_t)((uint32_t)word + next() % 17 - 8);
        memcpy(plan + at, &word, 4);
    }
}

static float odd_float(void) {
    uint32_t bits = next() % 3 ? (next() & 0x3FFFFFFF) | (next() << 31) : next();
    float value;
    memcpy(&value, &bits, 4);
    return value;
}

static void fill_row(const uint8_t *plan, const la_slots *s) {
    const la_head *h = (const la_head *)(const void *)plan;
    const la_column *c = (const la_column *)(const void *)(plan + h->columns_at);
    int32_t j;
    for (j = 0; j < h->columns; j++, c++) {
        char text[24];
        size_t length = next() % sizeof text, i;
        switch (c->space) {
            case LA_FLOATS: s->f[c->slot] = odd_float(); break;
            case LA_DOUBLES: s->d[c->slot] = (double)odd_float() * 1e9; break;
            case LA_LONGS: s->l[c->slot] = (int64_t)((uint64_t)next() << 32 | next()) >> next() % 64; break;
            default:
                for (i = 0; i < length; i++) {
                    text[i] = (char)next();
                }
                s->i[c->slot] = la_read(plan, c, text, length, s->i + c->first);
        }
    }
}

/* 1 if the plan was let through. */
static int try_plan(const uint8_t *plan, size_t size) {
    const la_head *head = (const la_head *)(const void *)plan;
    size_t work_bytes = la_check_bytes(plan, size);
    void *memory;
    int32_t line, row;
    const char *problem;
    la_slots slots;
    if (work_bytes == 0 || work_bytes > MOST_SLOT_BYTES || la_slot_bytes(head) > MOST_SLOT_BYTES) {
        return 0;
    }
    memory = calloc(work_bytes, 1);
    if (memory == NULL) {
        exit(4);
    }
    problem = la_check(plan, memory, &line);
    free(memory);
    if (problem != NULL) {
        return 0;
    }
    memory = malloc(la_slot_bytes(head));
    if (memory == NULL) {
        exit(4);
    }
    slots = la_cut(head, memory);
    for (row = 0; row < 4; row++) {
        fill_row(plan, &slots);
        la_run(plan, &slots);
    }
    free(memory);
    return 1;
}

int main(int count, char **arguments) {
    long rounds = count > 2 ? atol(arguments[2]) : 0, round, passed = 0, tried = 0;
    int file;
    state = 0x9E3779B97F4A7C15u + strtoull(count > 1 ? arguments[1] : "0", NULL, 10);
    for (file = 3; file < count; file++) {
        FILE *in = fopen(arguments[file], "rb");
        size_t size;
        uint8_t *plan, *copy;
        if (in == NULL || fseek(in, 0, SEEK_END) != 0) {
            return 4;
        }
        size = (size_t)ftell(in);
        rewind(in);
        plan = (uint8_t *)malloc(size);
        if (plan == NULL || fread(plan, 1, size, in) != size) {
            return 4;
        }
        fclose(in);
        if (!try_plan(plan, size)) {
            fprintf(stderr, "%s: a whole plan is refused\n", arguments[file]);
            return 5;
        }
        for (round = 0; round < rounds; round++) {
            copy = (uint8_t *)malloc(size); /* its own block, so that reading past its end is found */
            if (copy == NULL) {
                return 4;
            }
            memcpy(copy, plan, size);
            damage(copy, size);
            passed += try_plan(copy, size);
            tried++;
            free(copy);
        }
        free(plan);
    }
    printf("%ld of %ld damaged plans run\n", passed, tried);
    return 0;
}
