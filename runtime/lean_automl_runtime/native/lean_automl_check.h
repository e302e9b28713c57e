/* lean_automl_check.h: proves that running a plan stays inside its slots and tables, whatever the row.
 *
 * A plan may come from a file that somebody damaged on purpose. The proof runs once, when a plan is loaded: it walks
 * the lines and keeps, for every slot, what can be in it (nothing yet, a code up to some top, a sum up to some size).
 * What the rules of the IR say about elements (edges ascend, trees are proper trees, sums stay in int32) is checked
 * here too. The kernel then checks nothing.
 */
#ifndef LEAN_AUTOML_CHECK_H
#define LEAN_AUTOML_CHECK_H

#include "lean_automl_check_forests.h"

/* `places`: texts_at, starts_at, slots_at, mask, of n categories. */
LA_FN const char *la_check_dictionary(const la_proof *p, int32_t n, const int32_t *places) {
    const uint8_t *plan = p->plan;
    const int32_t wide = n > 65536 - LA_CODE_FIRST;
    const uint32_t *starts = LA_TABLE(uint32_t, places[1]);
    int64_t i, taken = 0, slots = (int64_t)places[3] + 1;
    LA_NEED(n >= 0 && n < LA_MOST_LEVELS - LA_CODE_FIRST, "number of categories");
    LA_NEED(slots > 0 && (slots & (slots - 1)) == 0, "size of a dictionary");
    LA_NEED(la_has_table(p, places[1], (int64_t)n + 1, 4), "starts of categories");
    LA_NEED(la_has_table(p, places[2], slots, wide ? 4 : 2), "slots of a dictionary");
    LA_NEED(starts[0] == 0 && la_has_table(p, places[0], starts[n], 1), "texts of categories");
    for (i = 0; i < n; i++) {
        LA_NEED(starts[i] <= starts[i + 1], "starts of categories descend");
    }
    for (i = 0; i < slots; i++) {
        uint32_t code = wide ? LA_TABLE(uint32_t, places[2])[i] : LA_TABLE(uint16_t, places[2])[i];
        LA_NEED(code == 0 || (code >= LA_CODE_FIRST && code - LA_CODE_FIRST < (uint32_t)n), "a code in a dictionary");
        taken += code != 0;
    }
    LA_NEED(taken < slots, "a dictionary is full");
    return NULL;
}

/* A step on the text of a column whose first int slot is `first`. */
LA_FN const char *la_check_step(const la_proof *p, const la_column *c, int32_t op, const int32_t *a) {
    const int32_t keys = a[0], width = a[7], at = a[9];
    int64_t worst, cells = (int64_t)keys * width, i;
    int32_t j;
    if (op == LA_STEP_COUNT) {
        LA_NEED(a[0] >= LA_LENGTH && a[0] <= LA_CAPITALS && la_inside(a[1], 1, c->ints), "count of a text");
        p->sums[c->first + a[1]] = INT32_MAX;
        return NULL;
    }
    LA_NEED(op == LA_STEP_TOKENS && (a[6] == LA_I8 || a[6] == LA_I16), "step on a text");
    LA_NEED(keys >= 0 && keys <= 65536 - LA_CODE_FIRST, "number of tokens");
    LA_TRY(la_check_dictionary(p, keys, a + 1));
    LA_NEED(width > 0 && a[8] > 0 && la_has_table(p, a[5], cells, a[6]), "weights of tokens");
    LA_NEED(la_inside(at, width, c->ints), "sums of tokens");
    for (j = 0; j < width; j++) {
        for (worst = 0, i = j; i < cells; i += width) {
            const int64_t number = la_number(p, a[5], a[6], i), size = number < 0 ? -number : number;
            worst = size > worst ? size : worst;
        }
        LA_NEED(2 * worst * a[8] <= INT32_MAX, "a sum can leave int32"); /* a word, and the pair that it ends */
        p->sums[c->first + at + j] = 2 * worst * a[8];
    }
    return NULL;
}

LA_FN const char *la_check_steps(const la_proof *p, const la_column *c) {
    const uint8_t *plan = p->plan;
    int32_t j;
    LA_NEED(c->steps >= 0 && la_has_table(p, c->steps_at, c->steps, sizeof(la_line)), "steps on a text");
    LA_NEED(la_inside(c->first, c->ints, p->head->ints), "slots of a text");
    for (j = 0; j < c->ints; j++) { /* slots that no step writes may hold anything */
        p->sums[c->first + j] = p->int_tops[c->first + j] = -1;
    }
    for (j = 0; j < c->steps; j++) {
        const la_line *step = LA_TABLE(la_line, c->steps_at) + j;
        LA_TRY(la_check_step(p, c, step->op, step->a));
    }
    return NULL;
}

LA_FN const char *la_check_column(const la_proof *p, const la_column *c) {
    const int strings = c->kind == LA_CATEGORICAL || c->kind == LA_TEXT;
    LA_NEED(c->kind >= LA_NUMERIC && c->kind <= LA_TEXT, "kind of a column");
    if (strings) {
        LA_NEED(c->space == LA_INTS, "slot of a string column");
        LA_TRY(la_check_dictionary(p, c->categories, &c->texts_at));
        LA_TRY(la_check_steps(p, c));
        LA_NEED(la_set_top(p, LA_INTS, c->slot, (int64_t)c->categories + 1), "slot of a string column");
    } else if (c->kind == LA_DATETIME) {
        LA_NEED(c->space == LA_LONGS && la_inside(c->slot, 1, p->head->longs), "slot of a time column");
        p->longs[c->slot] = 1;
    } else if (c->kind == LA_NUMERIC && c->space == LA_DOUBLES) {
        LA_NEED(la_inside(c->slot, 1, p->head->doubles), "slot of a float64 column");
        p->doubles[c->slot] = 1;
    } else {
        LA_NEED(c->space == LA_FLOATS && la_write_floats(p, c->slot, 1), "slot of a float column");
    }
    return NULL;
}

LA_FN const char *la_check_lookup(const la_proof *p, int32_t op, const int32_t *a) {
    const uint8_t *plan = p->plan;
    const int32_t top = la_top(p, a[0], a[1]), levels = a[2], width = a[3];
    const int64_t cells = (int64_t)levels * width;
    int64_t i;
    int32_t j;
    LA_NEED(top >= 0 && top < levels && levels <= LA_MOST_LEVELS && width > 0, "levels of a look-up");
    LA_NEED(la_has_table(p, a[4], cells, op == LA_OP_LOOKUP_F ? 4 : op == LA_OP_LOOKUP_B ? 1 : 2), "table");
    if (op == LA_OP_LOOKUP_F) {
        LA_NEED(la_write_floats(p, a[5], width), "result of a look-up");
        return NULL;
    }
    for (j = 0; j < width; j++) {
        int32_t highest = 0;
        for (i = j; i < cells; i += width) {
            int32_t bin = op == LA_OP_LOOKUP_B ? LA_TABLE(uint8_t, a[4])[i] : LA_TABLE(uint16_t, a[4])[i];
            highest = bin > highest ? bin : highest;
        }
        LA_NEED((int64_t)a[5] + j <= INT32_MAX &&
                    la_set_top(p, op == LA_OP_LOOKUP_B ? LA_BYTES : LA_INTS, a[5] + j, highest),
                "result of a look-up");
    }
    return NULL;
}

LA_FN const char *la_check_bin(const la_proof *p, int32_t op, const int32_t *a) {
    const uint8_t *plan = p->plan;
    const int32_t *offsets = LA_TABLE(int32_t, a[3]), *missing = LA_TABLE(int32_t, a[4]);
    int32_t j, i;
    LA_NEED(la_read_floats(p, a[0], a[1]), "what is binned");
    LA_NEED(la_has_table(p, a[3], (int64_t)a[1] + 1, 4) && la_has_table(p, a[4], a[1], 4), "offsets of edges");
    LA_NEED(offsets[0] == 0 && la_has_table(p, a[2], offsets[a[1]], 4), "edges");
    for (j = 0; j < a[1]; j++) {
        int32_t count = offsets[j + 1] - offsets[j];
        LA_NEED(offsets[j] >= 0 && offsets[j] <= offsets[j + 1] && offsets[j + 1] <= offsets[a[1]], "offsets");
        for (i = offsets[j]; i < offsets[j + 1]; i++) {
            const float edge = LA_TABLE(float, a[2])[i];
            LA_NEED(edge == edge && (i == offsets[j] || edge > LA_TABLE(float, a[2])[i - 1]), "edges do not ascend");
        }
        LA_NEED(missing[j] >= 0 && a[5] <= INT32_MAX - j, "bin of NaN");
        LA_NEED(la_set_top(p, op == LA_OP_BIN_B ? LA_BYTES : LA_INTS, a[5] + j, count > missing[j] ? count : missing[j]),
                "bins");
    }
    return NULL;
}

LA_FN const char *la_check_copy(const la_proof *p, const int32_t *a) {
    int32_t j;
    LA_NEED(a[2] >= 0 && a[1] >= 0 && a[4] >= 0 && a[1] <= INT32_MAX - a[2] && a[4] <= INT32_MAX - a[2], "copy");
    if (a[0] == LA_FLOATS) {
        LA_NEED(a[3] == LA_FLOATS && la_read_floats(p, a[1], a[2]) && la_write_floats(p, a[4], a[2]), "copy of floats");
        LA_NEED(a[1] + a[2] <= a[4] || a[4] + a[2] <= a[1], "copy onto itself");
        return NULL;
    }
    LA_NEED((a[0] == LA_INTS || a[0] == LA_BYTES) && (a[3] == LA_INTS || a[3] == LA_BYTES), "copy of another kind");
    LA_NEED(a[0] != a[3] || a[1] + a[2] <= a[4] || a[4] + a[2] <= a[1], "copy onto itself");
    for (j = 0; j < a[2]; j++) {
        LA_NEED(la_set_top(p, a[3], a[4] + j, la_top(p, a[0], a[1] + j)), "copy of bins");
    }
    return NULL;
}

LA_FN const char *la_check_floats(const la_proof *p, int32_t op, const int32_t *a) {
    const uint8_t *plan = p->plan;
    int32_t j;
    switch (op) {
        case LA_OP_CONSTANT:
            return la_has_table(p, a[0], a[1], 4) && la_write_floats(p, a[2], a[1]) ? NULL : "constant";
        case LA_OP_ARITHMETIC:
            LA_NEED(a[0] >= LA_ADD && a[0] <= LA_EQUAL, "kind of arithmetic");
            LA_NEED(la_read_floats(p, a[1], a[3]) && la_read_floats(p, a[2], a[3]), "arithmetic");
            return la_write_floats(p, a[4], a[3]) ? NULL : "arithmetic";
        case LA_OP_IMPUTE:
            LA_NEED(la_read_floats(p, a[0], a[1]) && la_has_table(p, a[2], a[1], 4), "fill");
            return la_write_floats(p, a[3], a[1]) ? NULL : "fill";
        case LA_OP_CLIP:
            LA_NEED(la_read_floats(p, a[0], a[1]) && la_has_table(p, a[2], a[1], 4), "clip");
            LA_NEED(la_has_table(p, a[3], a[1], 4) && la_write_floats(p, a[4], a[1]), "clip");
            for (j = 0; j < a[1]; j++) {
                LA_NEED(LA_TABLE(float, a[2])[j] <= LA_TABLE(float, a[3])[j], "low is above high, or NaN");
            }
            return NULL;
        case LA_OP_DENSE:
            LA_NEED(la_read_floats(p, a[0], a[1]) && a[4] > 0 && la_has_table(p, a[3], a[4], 4), "layer");
            LA_NEED((int64_t)a[1] * a[4] <= INT32_MAX && la_has_table(p, a[2], (int64_t)a[1] * a[4], 4), "weights");
            LA_NEED(la_inside(a[6], a[4], p->head->floats), "layer");
            LA_NEED(a[0] + a[1] <= a[6] || a[6] + a[4] <= a[0], "a layer writes what it reads");
            return la_write_floats(p, a[6], a[4]) ? NULL : "layer";
        case LA_OP_DOT:
            LA_NEED(a[2] >= 0 && a[2] < INT32_MAX && la_read_floats(p, a[0], a[2] + 1), "dot");
            return la_read_floats(p, a[1], a[2]) && la_write_floats(p, a[3], 1) ? NULL : "dot";
        case LA_OP_BLEND:
            LA_NEED(a[0] == -1 || a[0] == a[5], "blend");
            LA_NEED(a[0] == -1 ? la_has_table(p, a[1], a[4], 4) : la_read_floats(p, a[0], a[4]), "blend");
            LA_NEED(la_read_floats(p, a[2], a[4]) && la_has_table(p, a[3], 1, 4), "blend");
            return la_write_floats(p, a[5], a[4]) ? NULL : "blend";
        case LA_OP_SIGMOID:
            return la_read_floats(p, a[0], 1) && la_write_floats(p, a[1], 2) ? NULL : "link";
        case LA_OP_SOFTMAX:
        default: /* LA_OP_EXPONENTIAL */
            return a[1] > 0 && la_read_floats(p, a[0], a[1]) && la_write_floats(p, a[2], a[1]) ? NULL : "link";
    }
}

LA_FN const char *la_check_codes(const la_proof *p, int32_t op, const int32_t *a) {
    const uint8_t *plan = p->plan;
    int32_t j, top = 0;
    if (op == LA_OP_RECODE) {
        LA_NEED(la_top(p, LA_INTS, a[0]) >= 0 && la_top(p, LA_INTS, a[0]) < a[2], "levels of codes");
        LA_NEED(la_has_table(p, a[3], a[2], 4), "codes");
        for (j = 0; j < a[2]; j++) {
            int32_t code = LA_TABLE(int32_t, a[3])[j];
            LA_NEED(code >= 0, "a code is negative");
            top = code > top ? code : top;
        }
        return la_set_top(p, LA_INTS, a[1], top) ? NULL : "codes";
    }
    if (op == LA_OP_CROSS) {
        int64_t first = la_top(p, a[0], a[1]), second = la_top(p, a[2], a[3]);
        LA_NEED(first >= 0 && second >= 0 && second < a[4], "cross");
        return la_set_top(p, LA_INTS, a[5], first * a[4] + second) ? NULL : "cross";
    }
    if (op == LA_OP_LABEL) {
        LA_NEED(a[1] > 0 && la_read_floats(p, a[0], a[1]), "label");
        return la_set_top(p, LA_INTS, a[2], a[1] - 1) ? NULL : "label";
    }
    LA_NEED(la_read_floats(p, a[0], 2) && la_has_table(p, a[1], 1, 4), "label");
    return la_set_top(p, LA_INTS, a[2], 1) ? NULL : "label";
}

LA_FN const char *la_check_sums(const la_proof *p, int32_t op, const int32_t *a) {
    int32_t j;
    LA_NEED(la_inside(a[0], a[1], p->head->ints), "sums");
    if (op == LA_OP_ZERO) {
        for (j = 0; j < a[1]; j++) {
            p->sums[a[0] + j] = 0;
            p->int_tops[a[0] + j] = -1;
        }
        return NULL;
    }
    LA_NEED(a[1] <= la_outputs(p, a[0]) && la_has_table(p, a[2], a[1], 4) && la_has_table(p, a[3], a[1], 4), "score");
    return la_write_floats(p, a[4], a[1]) ? NULL : "score";
}

LA_FN const char *la_check_line(const la_proof *p, int32_t op, const int32_t *a) {
    switch (op) {
        case LA_OP_RESCALE:
            LA_NEED(la_are_set(p->doubles, a[0], 1, p->head->doubles) && la_has_table(p, a[2], 2, 8), "rescale");
            return la_write_floats(p, a[1], 1) ? NULL : "rescale";
        case LA_OP_DATE:
            LA_NEED(la_are_set(p->longs, a[0], 1, p->head->longs), "date");
            LA_NEED(a[2] >= LA_YEAR && a[2] <= LA_SECONDS_OF_DAY, "date field");
            return la_write_floats(p, a[1], 1) ? NULL : "date";
        case LA_OP_LOOKUP_F:
        case LA_OP_LOOKUP_B:
        case LA_OP_LOOKUP_I:
            return la_check_lookup(p, op, a);
        case LA_OP_COPY:
            return la_check_copy(p, a);
        case LA_OP_BIN_B:
        case LA_OP_BIN_I:
            return la_check_bin(p, op, a);
        case LA_OP_TREES_B:
        case LA_OP_TREES_I:
            return la_check_trees(p, op, a);
        case LA_OP_RAGGED_H:
        case LA_OP_RAGGED_I:
            return la_check_ragged(p, op, a);
        case LA_OP_TABLES_B:
        case LA_OP_TABLES_I:
            return la_check_tables(p, op, a);
        case LA_OP_ZERO:
        case LA_OP_SCORE:
            return la_check_sums(p, op, a);
        case LA_OP_RECODE:
        case LA_OP_CROSS:
        case LA_OP_LABEL:
        case LA_OP_ABOVE:
            return la_check_codes(p, op, a);
        default:
            return op > 0 && op < LA_OPS ? la_check_floats(p, op, a) : "opcode";
    }
}

/* NULL if the plan is safe, else what is wrong. `work` is zeroed and has la_check_bytes; `line` is where it stopped. */
LA_FN const char *la_check(const uint8_t *plan, void *work, int32_t *line) {
    const la_head *h = LA_TABLE(la_head, 0);
    la_proof p;
    int32_t j;
    p.plan = plan;
    p.head = h;
    p.sums = (int64_t *)work;
    p.int_tops = (int32_t *)(void *)(p.sums + h->ints);
    p.byte_tops = p.int_tops + h->ints;
    p.floats = (uint8_t *)(void *)(p.byte_tops + h->bytes);
    p.doubles = p.floats + h->floats;
    p.longs = p.doubles + h->doubles;
    p.marks = p.longs + h->longs;
    memset(work, 0xFF, 12 * (size_t)h->ints + 4 * (size_t)h->bytes);
    *line = -1;
    LA_NEED(la_has_table(&p, h->columns_at, h->columns, sizeof(la_column)), "columns");
    LA_NEED(la_has_table(&p, h->lines_at, h->lines, sizeof(la_line)), "lines");
    for (j = 0; j < h->columns; j++) {
        LA_TRY(la_check_column(&p, LA_TABLE(la_column, h->columns_at) + j));
    }
    for (j = 0; j < h->lines; j++) {
        *line = j;
        LA_TRY(la_check_line(&p, LA_TABLE(la_line, h->lines_at)[j].op, LA_TABLE(la_line, h->lines_at)[j].a));
    }
    *line = -1;
    LA_NEED(h->label == -1 || (la_top(&p, LA_INTS, h->label) >= 0 && la_top(&p, LA_INTS, h->label) < h->classes),
            "label");
    LA_NEED(h->probabilities == -1 || (h->width > 0 && la_read_floats(&p, h->probabilities, h->width)), "probabilities");
    LA_NEED(h->prediction == -1 || (h->outputs > 0 && la_read_floats(&p, h->prediction, h->outputs)), "prediction");
    return NULL;
}

#endif
