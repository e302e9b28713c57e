/* lean_automl_plan.h: the flat form of a Program, and its interpreter.
 *
 * A plan is one block of bytes, aligned to 8, numbers in the machine's order (little-endian; others are refused). It
 * has no pointers: everything is an offset from its first byte, so it may lie in flash or in a mapped file.
 *
 *   la_head      64 words of sizes and places
 *   la_column    one for each raw column: kind, slot, dictionary of categories
 *   la_line      one for each step: opcode and operands
 *   tables       arrays, each aligned to 8
 *
 * Values live in slots of five kinds: float, int32 (codes, wide bins, sums), uint8 (bins up to 255), double and
 * int64 (raw columns only). A row: write its raw columns into their slots, call la_run, read the output slots.
 * plan.py writes plans; lean_automl_check.h proves that running one stays inside its slots and tables.
 */
#ifndef LEAN_AUTOML_PLAN_H
#define LEAN_AUTOML_PLAN_H

#include "lean_automl_kernel.h"

#define LA_MAGIC 0x3150414C /* "LAP1" */
#define LA_ROOM 16          /* bytes behind the byte slots that vector loads may read */

typedef struct {
    int32_t magic, size;
    int32_t floats, ints, bytes, doubles, longs; /* numbers of slots */
    int32_t columns, columns_at, lines, lines_at;
    int32_t label, classes;              /* int slot or -1, number of classes */
    int32_t probabilities, width;        /* float slot or -1, how many */
    int32_t prediction, outputs;         /* float slot or -1, how many */
    int32_t reserved[47];
} la_head;

enum { LA_NUMERIC, LA_BOOLEAN, LA_CATEGORICAL, LA_DATETIME, LA_TEXT };
enum { LA_FLOATS, LA_INTS, LA_BYTES, LA_DOUBLES, LA_LONGS }; /* kinds of slots */

typedef struct {
    int32_t kind, space, slot;
    int32_t categories, texts_at, starts_at, slots_at, mask; /* strings only; 16-bit codes if they fit */
    int32_t steps, steps_at, first, ints;                    /* strings only: what reads the whole text, see la_read */
} la_column;

typedef struct {
    int32_t op;
    int32_t a[15];
} la_line;

/* Operands in order. A name that ends in _at is a table; `space` says what slots the operand after it counts. */
enum {
    LA_OP_RESCALE = 1, /* double, float, shift_scale_at */
    LA_OP_DATE,        /* long, float, part */
    LA_OP_RECODE,      /* int, int, levels, codes_at (int32) */
    LA_OP_CROSS,       /* space, a, space, b, stride, int */
    LA_OP_LOOKUP_F,    /* space, x, levels, width, table_at (float), float */
    LA_OP_LOOKUP_B,    /* space, x, levels, width, table_at (uint8), byte */
    LA_OP_LOOKUP_I,    /* space, x, levels, width, table_at (uint16), int */
    LA_OP_CONSTANT,    /* numbers_at, n, float */
    LA_OP_ARITHMETIC,  /* kind, a, b, n, float */
    LA_OP_IMPUTE,      /* float, n, fill_at, float */
    LA_OP_CLIP,        /* float, n, low_at, high_at, float */
    LA_OP_COPY,        /* space, from, n, space, to: floats, or bins of either space to either */
    LA_OP_BIN_B,       /* float, n, edges_at, offsets_at, nans_at, byte */
    LA_OP_BIN_I,       /* float, n, edges_at, offsets_at, nans_at, int */
    LA_OP_ZERO,        /* int, n */
    LA_OP_TREES_B,     /* byte, width, sums, trees, depth, form, k, first, features_at, bins_at, leaves_at, type, targets_at */
    LA_OP_TREES_I,     /* int, then the same, with int32 features and uint16 bins */
    LA_OP_RAGGED_H,    /* float, width, sums, trees, form, k, first, nodes, features_at, thresholds_at, children_at,
                          trees_at (roots, then starts), leaves_at, type, targets_at: 16-bit features and children */
    LA_OP_RAGGED_I,    /* the same with 32-bit features and children */
    LA_OP_TABLES_B,    /* byte, width, sums, terms, outputs, terms_at, values_at, type */
    LA_OP_TABLES_I,    /* int, then the same */
    LA_OP_SCORE,       /* sums, n, scale_at, bias_at, float */
    LA_OP_DENSE,       /* float, n, weight_at, bias_at, k, relu, float */
    LA_OP_DOT,         /* a, z, n, float */
    LA_OP_BLEND,       /* from: float or -1, bias_at, x, weight_at, n, float */
    LA_OP_SIGMOID,     /* float, float */
    LA_OP_SOFTMAX,     /* float, n, float */
    LA_OP_EXPONENTIAL, /* the same */
    LA_OP_LABEL,       /* float, n, int */
    LA_OP_ABOVE,       /* float, threshold_at, int */
    LA_OPS
};
/* Steps that read a text, before the lines; they write int slots of the column, counted from its first one. */
enum {
    LA_STEP_COUNT = 1, /* field, int */
    LA_STEP_TOKENS,    /* tokens, texts_at, starts_at, slots_at (uint16), mask, weights_at, type, width, limit, sums */
    LA_STEPS
};
enum { LA_I8 = 1, LA_I16 = 2, LA_I32 = 4 }; /* `type` of leaves and values */

typedef struct {
    float *f;
    int32_t *i;
    uint8_t *b;
    double *d;
    int64_t *l;
} la_slots;

#define LA_TABLE(TYPE, AT) ((const TYPE *)(const void *)(plan + (AT)))

/* Bytes that slots take: a caller aligns them to 8 and cuts them with la_cut. */
LA_FN size_t la_slot_bytes(const la_head *head) {
    return 8 * ((size_t)head->doubles + (size_t)head->longs) + 4 * ((size_t)head->floats + (size_t)head->ints) +
           (size_t)head->bytes + LA_ROOM;
}

LA_FN la_slots la_cut(const la_head *head, void *memory) {
    la_slots s;
    s.d = (double *)memory;
    s.l = (int64_t *)(void *)(s.d + head->doubles);
    s.f = (float *)(void *)(s.l + head->longs);
    s.i = (int32_t *)(void *)(s.f + head->floats);
    s.b = (uint8_t *)(void *)(s.i + head->ints);
    return s;
}

LA_FN int32_t la_small(const la_slots *s, int32_t space, int32_t slot) {
    return space == LA_BYTES ? s->b[slot] : s->i[slot];
}

LA_FN void la_copy(const la_slots *s, const int32_t *a) {
    int32_t j;
    for (j = 0; j < a[2]; j++) {
        if (a[0] == LA_FLOATS) {
            s->f[a[4] + j] = s->f[a[1] + j];
        } else if (a[3] == LA_BYTES) {
            s->b[a[4] + j] = (uint8_t)la_small(s, a[0], a[1] + j);
        } else {
            s->i[a[4] + j] = la_small(s, a[0], a[1] + j);
        }
    }
}

/* Some floats by copies of fixed sizes, the last of which may overlap: calling memcpy would take longer. */
LA_FN void la_copy_row(float *to, const float *from, int32_t n) {
    int32_t j;
    if (n >= 8) {
        for (j = 0; j < n - 8; j += 8) {
            memcpy(to + j, from + j, 8 * sizeof *to);
        }
        memcpy(to + n - 8, from + n - 8, 8 * sizeof *to);
    } else if (n >= 4) {
        memcpy(to, from, 4 * sizeof *to);
        memcpy(to + n - 4, from + n - 4, 4 * sizeof *to);
    } else {
        for (j = 0; j < n; j++) {
            to[j] = from[j];
        }
    }
}

LA_FN void la_look_up(const uint8_t *plan, const la_slots *s, int32_t op, const int32_t *a) {
    const int32_t row = la_small(s, a[0], a[1]) * a[3];
    int32_t j;
    if (op == LA_OP_LOOKUP_F) {
        la_copy_row(s->f + a[5], LA_TABLE(float, a[4]) + row, a[3]);
    } else if (op == LA_OP_LOOKUP_B) {
        for (j = 0; j < a[3]; j++) {
            s->b[a[5] + j] = LA_TABLE(uint8_t, a[4])[row + j];
        }
    } else {
        for (j = 0; j < a[3]; j++) {
            s->i[a[5] + j] = LA_TABLE(uint16_t, a[4])[row + j];
        }
    }
}

#define LA_BY_TYPE(TYPE, CALL)                    \
    switch (TYPE) {                               \
        case LA_I8: CALL(_i8, int8_t); break;     \
        case LA_I16: CALL(_i16, int16_t); break;  \
        default: CALL(_i32, int32_t); break;      \
    }

LA_FN void la_trees(const uint8_t *plan, const la_slots *s, int32_t op, const int32_t *a) {
#define LA_CALL8(TYPE, LEAF)                                                                                  \
    la_oblivious8##TYPE(s->b + a[0], a[1], LA_TABLE(uint8_t, a[8]), LA_TABLE(uint8_t, a[9]), a[3], a[4],      \
                        LA_TABLE(LEAF, a[10]), a[5], a[6], a[7], LA_TABLE(uint16_t, a[12]), s->i + a[2])
#define LA_CALL32(TYPE, LEAF)                                                                                 \
    la_oblivious32##TYPE(s->i + a[0], a[1], LA_TABLE(int32_t, a[8]), LA_TABLE(uint16_t, a[9]), a[3], a[4],    \
                         LA_TABLE(LEAF, a[10]), a[5], a[6], a[7], LA_TABLE(uint16_t, a[12]), s->i + a[2])
    if (op == LA_OP_TREES_B) {
        LA_BY_TYPE(a[11], LA_CALL8)
    } else {
        LA_BY_TYPE(a[11], LA_CALL32)
    }
#undef LA_CALL8
#undef LA_CALL32
}

LA_FN void la_ragged(const uint8_t *plan, const la_slots *s, int32_t op, const int32_t *a) {
#define LA_CALL(BITS, FEATURE, CHILD, TYPE, LEAF)                                                              \
    la_ragged##BITS##TYPE(s->f + a[0], LA_TABLE(FEATURE, a[8]), LA_TABLE(float, a[9]), LA_TABLE(CHILD, a[10]), \
                          LA_TABLE(int32_t, a[11]), LA_TABLE(int32_t, a[11]) + a[3], a[3],                     \
                          LA_TABLE(LEAF, a[12]), a[4], a[5], a[6], LA_TABLE(uint16_t, a[14]), s->i + a[2])
#define LA_CALL16(TYPE, LEAF) LA_CALL(16, uint16_t, int16_t, TYPE, LEAF)
#define LA_CALL32(TYPE, LEAF) LA_CALL(32, uint32_t, int32_t, TYPE, LEAF)
    if (op == LA_OP_RAGGED_H) {
        LA_BY_TYPE(a[13], LA_CALL16)
    } else {
        LA_BY_TYPE(a[13], LA_CALL32)
    }
#undef LA_CALL
#undef LA_CALL16
#undef LA_CALL32
}

LA_FN void la_tables(const uint8_t *plan, const la_slots *s, int32_t op, const int32_t *a) {
#define LA_CALL8(TYPE, VALUE) \
    la_tables8##TYPE(s->b + a[0], LA_TABLE(int32_t, a[5]), a[3], a[4], LA_TABLE(VALUE, a[6]), s->i + a[2])
#define LA_CALL32(TYPE, VALUE) \
    la_tables32##TYPE(s->i + a[0], LA_TABLE(int32_t, a[5]), a[3], a[4], LA_TABLE(VALUE, a[6]), s->i + a[2])
    if (op == LA_OP_TABLES_B) {
        LA_BY_TYPE(a[7], LA_CALL8)
    } else {
        LA_BY_TYPE(a[7], LA_CALL32)
    }
#undef LA_CALL8
#undef LA_CALL32
}

LA_FN void la_step_features(const uint8_t *plan, const la_slots *s, int32_t op, const int32_t *a) {
    int32_t j;
    switch (op) {
        case LA_OP_RESCALE:
            s->f[a[1]] = la_rescale(s->d[a[0]], LA_TABLE(double, a[2])[0], LA_TABLE(double, a[2])[1]);
            break;
        case LA_OP_DATE:
            s->f[a[1]] = la_date(s->l[a[0]], a[2]);
            break;
        case LA_OP_RECODE:
            s->i[a[1]] = LA_TABLE(int32_t, a[3])[s->i[a[0]]];
            break;
        case LA_OP_CROSS:
            s->i[a[5]] = la_small(s, a[0], a[1]) * a[4] + la_small(s, a[2], a[3]);
            break;
        case LA_OP_LOOKUP_F:
        case LA_OP_LOOKUP_B:
        case LA_OP_LOOKUP_I:
            la_look_up(plan, s, op, a);
            break;
        case LA_OP_CONSTANT:
            for (j = 0; j < a[1]; j++) {
                s->f[a[2] + j] = LA_TABLE(float, a[0])[j];
            }
            break;
        case LA_OP_ARITHMETIC:
            la_arithmetic(a[0], s->f + a[1], s->f + a[2], a[3], s->f + a[4]);
            break;
        case LA_OP_IMPUTE:
            la_impute(s->f + a[0], a[1], LA_TABLE(float, a[2]), s->f + a[3]);
            break;
        case LA_OP_CLIP:
            la_clip(s->f + a[0], a[1], LA_TABLE(float, a[2]), LA_TABLE(float, a[3]), s->f + a[4]);
            break;
        case LA_OP_COPY:
            la_copy(s, a);
            break;
        case LA_OP_BIN_B:
            la_bin8(s->f + a[0], a[1], INT32_MAX, LA_TABLE(float, a[2]), LA_TABLE(int32_t, a[3]), LA_TABLE(int32_t, a[4]),
                    s->b + a[5]);
            break;
        default: /* LA_OP_BIN_I */
            la_bin32(s->f + a[0], a[1], INT32_MAX, LA_TABLE(float, a[2]), LA_TABLE(int32_t, a[3]), LA_TABLE(int32_t, a[4]),
                     s->i + a[5]);
            break;
    }
}

LA_FN void la_step_scores(const uint8_t *plan, const la_slots *s, int32_t op, const int32_t *a) {
    switch (op) {
        case LA_OP_ZERO:
            memset(s->i + a[0], 0, (size_t)a[1] * sizeof(int32_t));
            break;
        case LA_OP_TREES_B:
        case LA_OP_TREES_I:
            la_trees(plan, s, op, a);
            break;
        case LA_OP_RAGGED_H:
        case LA_OP_RAGGED_I:
            la_ragged(plan, s, op, a);
            break;
        case LA_OP_TABLES_B:
        case LA_OP_TABLES_I:
            la_tables(plan, s, op, a);
            break;
        case LA_OP_SCORE:
            la_score(s->i + a[0], a[1], LA_TABLE(float, a[2]), LA_TABLE(float, a[3]), s->f + a[4]);
            break;
        case LA_OP_DENSE:
            la_dense(s->f + a[0], a[1], LA_TABLE(float, a[2]), LA_TABLE(float, a[3]), a[4], a[5], s->f + a[6]);
            break;
        case LA_OP_DOT:
            s->f[a[3]] = la_dot(s->f + a[0], s->f + a[1], a[2]);
            break;
        case LA_OP_BLEND:
            la_blend(a[0] < 0 ? LA_TABLE(float, a[1]) : s->f + a[0], s->f + a[2], *LA_TABLE(float, a[3]), a[4],
                     s->f + a[5]);
            break;
        case LA_OP_SIGMOID:
            la_sigmoid(s->f[a[0]], s->f + a[1]);
            break;
        case LA_OP_SOFTMAX:
            la_softmax(s->f + a[0], a[1], s->f + a[2]);
            break;
        case LA_OP_EXPONENTIAL:
            la_exponential(s->f + a[0], a[1], s->f + a[2]);
            break;
        case LA_OP_LABEL:
            s->i[a[2]] = la_label(s->f + a[0], a[1]);
            break;
        default: /* LA_OP_ABOVE */
            s->i[a[2]] = s->f[a[0] + 1] > *LA_TABLE(float, a[1]);
            break;
    }
}

LA_FN void la_step(const uint8_t *plan, const la_slots *s, int32_t op, const int32_t *a) {
    if (op < LA_OP_ZERO) {
        la_step_features(plan, s, op, a);
    } else {
        la_step_scores(plan, s, op, a);
    }
}

/* Evaluates one row whose raw columns are in their slots. */
LA_FN void la_run(const uint8_t *plan, const la_slots *s) {
    const la_head *head = LA_TABLE(la_head, 0);
    const la_line *line = LA_TABLE(la_line, head->lines_at), *end = line + head->lines;
    for (; line < end; line++) {
        la_step(plan, s, line->op, line->a);
    }
}

/* Code of a text in a string column. */
LA_FN int32_t la_code(const uint8_t *plan, const la_column *c, const char *text, size_t length) {
    if (c->categories + LA_CODE_FIRST <= 65536) {
        return la_find16(text, length, plan + c->texts_at, LA_TABLE(uint32_t, c->starts_at),
                         LA_TABLE(uint16_t, c->slots_at), (uint32_t)c->mask);
    }
    return la_find32(text, length, plan + c->texts_at, LA_TABLE(uint32_t, c->starts_at),
                     LA_TABLE(uint32_t, c->slots_at), (uint32_t)c->mask);
}

LA_FN void la_step_text(const uint8_t *plan, const la_line *step, const char *text, size_t length, int32_t *ints) {
    const int32_t *a = step->a;
    if (step->op == LA_STEP_COUNT) {
        ints[a[1]] = la_count_text(a[0], text, length);
    } else if (a[6] == LA_I8) {
        la_tokens16_i8(text, length, plan + a[1], LA_TABLE(uint32_t, a[2]), LA_TABLE(uint16_t, a[3]), (uint32_t)a[4],
                       LA_TABLE(int8_t, a[5]), a[7], a[8], ints + a[9]);
    } else {
        la_tokens16_i16(text, length, plan + a[1], LA_TABLE(uint32_t, a[2]), LA_TABLE(uint16_t, a[3]), (uint32_t)a[4],
                        LA_TABLE(int16_t, a[5]), a[7], a[8], ints + a[9]);
    }
}

/* Code of a text in a string column, and the numbers of the column's steps, `c->ints` of them. */
LA_FN int32_t la_read(const uint8_t *plan, const la_column *c, const char *text, size_t length, int32_t *ints) {
    const la_line *step = LA_TABLE(la_line, c->steps_at), *end = step + c->steps;
    for (; step < end; step++) {
        la_step_text(plan, step, text, length, ints);
    }
    return la_code(plan, c, text, length);
}

#endif
