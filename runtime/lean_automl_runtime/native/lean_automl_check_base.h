/* lean_automl_check_base.h: what is known of each slot while a plan is checked. */
#ifndef LEAN_AUTOML_CHECK_BASE_H
#define LEAN_AUTOML_CHECK_BASE_H

#include "lean_automl_plan.h"

#define LA_MOST_SLOTS (1 << 24)
#define LA_MOST_LEVELS (1 << 24)

typedef struct {
    const uint8_t *plan;
    const la_head *head;
    int64_t *sums;      /* of each int slot: how far from 0 its sum can be, or -1 */
    int32_t *int_tops;  /* of each int slot: the highest code or bin in it, or -1 */
    int32_t *byte_tops; /* of each byte slot */
    uint8_t *floats, *doubles, *longs; /* whether something was written */
    uint8_t *marks;                    /* as many as the plan has bytes */
} la_proof;

#define LA_NEED(CONDITION, PROBLEM) \
    do {                            \
        if (!(CONDITION)) {         \
            return PROBLEM;         \
        }                           \
    } while (0)
#define LA_TRY(CALL)                  \
    do {                              \
        const char *problem_ = CALL;  \
        if (problem_ != NULL) {       \
            return problem_;          \
        }                             \
    } while (0)

/* Bytes of zeroed memory that la_check works in, or 0 if the sizes in the head are absurd. */
LA_FN size_t la_check_bytes(const uint8_t *plan, size_t size) {
    const la_head *h = LA_TABLE(la_head, 0);
    const int32_t *counts = &h->floats;
    int32_t j;
    if (size < sizeof(la_head) || h->magic != LA_MAGIC || h->size < 0 || (size_t)h->size != size) {
        return 0;
    }
    for (j = 0; j < 5; j++) {
        if (counts[j] < 0 || counts[j] > LA_MOST_SLOTS) {
            return 0;
        }
    }
    return 12 * (size_t)h->ints + 4 * (size_t)h->bytes + (size_t)h->floats + (size_t)h->doubles + (size_t)h->longs +
           size + 8;
}

LA_FN int la_inside(int64_t at, int64_t n, int64_t total) { return at >= 0 && n >= 0 && at <= total - n; }

LA_FN int la_has_table(const la_proof *p, int32_t at, int64_t count, int64_t each) {
    return at % 8 == 0 && count >= 0 && count <= INT32_MAX && la_inside(at, count * each, p->head->size);
}

LA_FN int la_are_set(const uint8_t *set, int32_t at, int32_t n, int32_t total) {
    int32_t j;
    if (!la_inside(at, n, total)) {
        return 0;
    }
    for (j = 0; j < n; j++) {
        if (!set[at + j]) {
            return 0;
        }
    }
    return 1;
}

LA_FN int la_read_floats(const la_proof *p, int32_t at, int32_t n) {
    return la_are_set(p->floats, at, n, p->head->floats);
}

LA_FN int la_write_floats(const la_proof *p, int32_t at, int32_t n) {
    if (!la_inside(at, n, p->head->floats)) {
        return 0;
    }
    memset(p->floats + at, 1, (size_t)n);
    return 1;
}

/* Highest value of a code or bin slot, or -1. */
LA_FN int32_t la_top(const la_proof *p, int32_t space, int32_t at) {
    if (space == LA_BYTES) {
        return la_inside(at, 1, p->head->bytes) ? p->byte_tops[at] : -1;
    }
    return space == LA_INTS && la_inside(at, 1, p->head->ints) ? p->int_tops[at] : -1;
}

LA_FN int la_set_top(const la_proof *p, int32_t space, int32_t at, int64_t top) {
    if (space == LA_BYTES && la_inside(at, 1, p->head->bytes) && top >= 0 && top <= UINT8_MAX) {
        p->byte_tops[at] = (int32_t)top;
        return 1;
    }
    if (space == LA_INTS && la_inside(at, 1, p->head->ints) && top >= 0 && top < LA_MOST_LEVELS) {
        p->int_tops[at] = (int32_t)top;
        p->sums[at] = -1;
        return 1;
    }
    return 0;
}

LA_FN int la_has_bins(const la_proof *p, int32_t space, int32_t at, int32_t n) {
    int32_t j;
    for (j = 0; j < n; j++) {
        if (la_top(p, space, at + j) < 0) {
            return 0;
        }
    }
    return la_inside(at, n, space == LA_BYTES ? p->head->bytes : p->head->ints);
}

LA_FN int64_t la_number(const la_proof *p, int32_t at, int32_t type, int64_t which) {
    const uint8_t *plan = p->plan;
    return type == LA_I8 ? LA_TABLE(int8_t, at)[which] : type == LA_I16 ? LA_TABLE(int16_t, at)[which]
                                                                        : LA_TABLE(int32_t, at)[which];
}

LA_FN int la_is_type(int32_t type) { return type == LA_I8 || type == LA_I16 || type == LA_I32; }

/* Adds to the sum of a slot the greatest of `n` numbers, every `step`th from `which`, without their signs. */
LA_FN const char *la_add_worst(const la_proof *p, int64_t slot, int32_t at, int32_t type, int64_t which, int64_t n,
                               int64_t step) {
    int64_t worst = 0, i;
    LA_NEED(la_inside(slot, 1, p->head->ints) && p->sums[slot] >= 0, "a sum is not begun");
    for (i = 0; i < n; i++) {
        int64_t number = la_number(p, at, type, which + i * step);
        number = number < 0 ? -number : number;
        worst = number > worst ? number : worst;
    }
    p->sums[slot] += worst;
    LA_NEED(p->sums[slot] <= INT32_MAX, "a sum can leave int32");
    return NULL;
}

#endif
