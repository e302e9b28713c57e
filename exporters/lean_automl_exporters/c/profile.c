/* Times each kernel on rows that rotate, in short slots at different moments, and prints a device profile as JSON.
 *
 *     cc -std=c99 -O2 -ffp-contract=off profile.c -o profile && ./profile > device.json
 *
 * Compile with the flags that the model will be compiled with: the profile holds for them. What may be set with -D:
 *     PROFILE_CLOCK_NS   expression: nanoseconds as uint64_t (default: clock_gettime, with PROFILE_DATE from time.h)
 *     PROFILE_SECONDS    in total (40)
 *     PROFILE_ROWS       rows that rotate, for each kernel (128); fewer where memory is short
 *     PROFILE_CPU        name of the processor, as a string
 */
#define _POSIX_C_SOURCE 199309L
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#ifndef PROFILE_CLOCK_NS
#include <time.h>
static uint64_t profile_clock(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}
#define PROFILE_CLOCK_NS profile_clock()
#define PROFILE_HAS_DATE 1
#endif
#ifndef PROFILE_SECONDS
#define PROFILE_SECONDS 40
#endif
#ifndef PROFILE_ROWS
#define PROFILE_ROWS 128
#endif
#ifndef PROFILE_CPU
#if defined(__aarch64__)
#define PROFILE_CPU "an aarch64 processor"
#elif defined(__arm__)
#define PROFILE_CPU "an arm processor"
#elif defined(__x86_64__)
#define PROFILE_CPU "an x86_64 processor"
#elif defined(__riscv)
#define PROFILE_CPU "a riscv processor"
#else
#define PROFILE_CPU "a processor"
#endif
#endif

#define SLOTS 24
#define GROUPS 64
#define SHORTEST_GROUP_NS 20000u /* so that reading the clock does not matter */

static uint32_t profile_state = 1u;
static volatile float profile_sink;

/* 0 to 65535; the same numbers on every machine. */
static uint32_t profile_random(void) {
    profile_state = profile_state * 1664525u + 1013904223u;
    return profile_state >> 16;
}

/* About normal. */
static float profile_number(void) {
    int j;
    float sum = 0;
    for (j = 0; j < 4; j++) {
        sum += (float)profile_random() / 32768.0f - 1.0f;
    }
    return sum * 0.87f;
}

/* Some categories are in many rows and most in few. The empty text is a missing one. */
static size_t profile_category(char *text, int categories, int letters, uint32_t missing, uint32_t unseen) {
    float place = (float)profile_random() / 65536.0f;
    int number;
    size_t length;
    if (profile_random() < missing) {
        return 0;
    }
    place *= place * place;
    number = (int)((float)categories * place * place) + (profile_random() < unseen ? categories : 0);
    length = (size_t)sprintf(text, "category %d", number);
    memset(text + length, 'x', (size_t)letters);
    text[length + (size_t)letters] = '\0';
    return length + (size_t)letters;
}

static uint32_t profile_control(void) {
    volatile uint32_t state = 0;
    uint32_t step;
    for (step = 0; step < 8000u; step++) {
        state = (state * 31u + step) & 0xFFFFu;
    }
    return state;
}

/*@KERNELS@*/

static double profile_slots[KERNELS][SLOTS][3];
static int profile_counts[KERNELS];
static double profile_times[GROUPS];

static void profile_sort(double *values, int count) {
    int i, j;
    for (i = 1; i < count; i++) {
        double value = values[i];
        for (j = i; j > 0 && values[j - 1] > value; j--) {
            values[j] = values[j - 1];
        }
        values[j] = value;
    }
}

static double profile_control_us(void) {
    double times[5];
    int j;
    for (j = 0; j < 5; j++) {
        uint64_t begin = PROFILE_CLOCK_NS;
        profile_control();
        times[j] = (double)(PROFILE_CLOCK_NS - begin) / 1000.0;
    }
    profile_sort(times, 5);
    return times[2];
}

/* Microseconds of a call, averaged over `calls` of them. */
static double profile_group(int kernel, uint32_t calls, uint32_t *row) {
    uint64_t begin = PROFILE_CLOCK_NS;
    uint32_t call;
    for (call = 0; call < calls; call++) {
        profile_kernels[kernel].call((int)*row);
        *row = *row + 1u == PROFILE_ROWS ? 0u : *row + 1u;
    }
    return (double)(PROFILE_CLOCK_NS - begin) / 1000.0 / (double)calls;
}

static void profile_slot(int kernel) {
    uint32_t calls = 1, row = 0;
    double before, after, *slot = profile_slots[kernel][profile_counts[kernel]++];
    int group;
    while (calls < 1000000u && profile_group(kernel, calls, &row) * (double)calls * 1000.0 < SHORTEST_GROUP_NS) {
        calls *= 2;
    }
    before = profile_control_us();
    for (group = 0; group < GROUPS; group++) {
        profile_times[group] = profile_group(kernel, calls, &row);
    }
    after = profile_control_us();
    profile_sort(profile_times, GROUPS);
    slot[0] = profile_times[GROUPS / 2];
    slot[1] = profile_times[GROUPS - 1];
    slot[2] = before > after ? before : after;
}

static void profile_print(void) {
    int kernel, slot;
    char date[32] = "";
#ifdef PROFILE_HAS_DATE
    time_t now = time(NULL);
    strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S+00:00", gmtime(&now));
#endif
    printf("{\"format\": %d, \"date\": \"%s\",\n \"programs\": [", FORMAT, date);
    for (kernel = 0; kernel < KERNELS; kernel++) {
        printf("%s\n  \"%s\"", kernel ? "," : "", profile_kernels[kernel].name);
    }
    printf("],\n \"slots\": {\"c\": [");
    for (kernel = 0; kernel < KERNELS; kernel++) {
        printf("%s\n  [", kernel ? "," : "");
        for (slot = 0; slot < profile_counts[kernel]; slot++) {
            const double *figures = profile_slots[kernel][slot];
            printf("%s[%.6g, %.6g, %.6g]", slot ? ", " : "", figures[0], figures[1], figures[2]);
        }
        printf("]");
    }
    printf("]},\n \"machine\": {\"cpu\": \"%s\", \"architecture\": \"\", \"cores\": 1, \"governor\": null, ", PROFILE_CPU);
    printf("\"system\": \"\", \"python\": \"none\", \"packages\": {}},\n \"notes\": []}\n");
}

int main(void) {
    uint64_t begin = PROFILE_CLOCK_NS;
    int kernel, round, row;
    for (kernel = 0; kernel < KERNELS; kernel++) {
        for (row = 0; row < PROFILE_ROWS; row++) {
            profile_kernels[kernel].fill(row);
        }
    }
    for (round = 0; round < SLOTS; round++) {
        if (round >= 3 && PROFILE_CLOCK_NS - begin > PROFILE_SECONDS * UINT64_C(1000000000)) {
            break;
        }
        for (kernel = 0; kernel < KERNELS; kernel++) {
            profile_slot(kernel);
        }
    }
    profile_print();
    return 0;
}
