/* lean_automl_check.h: proves that running a plan stays inside its slots and tables, whatever the row.
 *
 * A plan may come from a file that somebody damaged on purpose. The proof runs once, when a plan is loaded: it walks
 * the lines and keeps, for every slot, what can be in it (nothing yet, a code up to some top, a sum up to some size).
 * What the rules of the IR say about elements (edges ascend, trees are proper trees, sums stay in int32) is checked
 * here too. The kernel then checks nothing.
 */
#ifndef LEAN_AUTOML_CHECK_H
#define LEAN_AUTOML_CHECK_H

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

LA_FN const char *la_check_dictionary(const la_proof *p, const la_column *c) {
    const uint8_t *plan = p->plan;
    const int32_t n = c->categories, wide = n > 65536 - LA_CODE_FIRST;
    const uint32_t *starts = LA_TABLE(uint32_t, c->starts_at);
    int64_t i, taken = 0, slots = (int64_t)c->mask + 1;
    LA_NEED(n >= 0 && n < LA_MOST_LEVELS - LA_CODE_FIRST, "number of categories");
    LA_NEED(slots > 0 && (slots & (slots - 1)) == 0, "size of a dictionary");
    LA_NEED(la_has_table(p, c->starts_at, (int64_t)n + 1, 4), "starts of categories");
    LA_NEED(la_has_table(p, c->slots_at, slots, wide ? 4 : 2), "slots of a dictionary");
    LA_NEED(starts[0] == 0 && la_has_table(p, c->texts_at, starts[n], 1), "texts of categories");
    for (i = 0; i < n; i++) {
        LA_NEED(starts[i] <= starts[i + 1], "starts of categories descend");
    }
    for (i = 0; i < slots; i++) {
        uint32_t code = wide ? LA_TABLE(uint32_t, c->slots_at)[i] : LA_TABLE(uint16_t, c->slots_at)[i];
        LA_NEED(code == 0 || (code >= LA_CODE_FIRST && code - LA_CODE_FIRST < (uint32_t)n), "a code in a dictionary");
        taken += code != 0;
    }
    LA_NEED(taken < slots, "a dictionary is full");
    return NULL;
}

LA_FN const char *la_check_column(const la_proof *p, const la_column *c) {
    const int strings = c->kind == LA_CATEGORICAL || c->kind == LA_TEXT;
    LA_NEED(c->kind >= LA_NUMERIC && c->kind <= LA_TEXT, "kind of a column");
    if (strings) {
        LA_NEED(c->space == LA_INTS, "slot of a string column");
        LA_TRY(la_check_dictionary(p, c));
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

/* Targets of n trees whose leaves lie at `which` in their table, and how far they can move the sums. */
LA_FN const char *la_check_leaves(const la_proof *p, const int32_t *form_k_first, int32_t sums, int32_t outputs,
                                  int64_t tree, int64_t which, int64_t numbers, int32_t leaves_at, int32_t type,
                                  int32_t targets_at) {
    const uint8_t *plan = p->plan;
    const int32_t form = form_k_first[0], k = form_k_first[1], first = form_k_first[2], common = first >= 0;
    int32_t j;
    for (j = 0; j < k; j++) {
        int64_t target = form == LA_SPARSE && j >= common
                             ? LA_TABLE(uint16_t, targets_at)[tree * (k - common) + j - common]
                             : (int64_t)first + j;
        LA_NEED(la_inside(target, 1, outputs), "a tree writes no column");
        LA_TRY(la_add_worst(p, sums + target, leaves_at, type, which + j, numbers, k));
    }
    return NULL;
}

LA_FN const char *la_check_forms(const la_proof *p, const int32_t *form_k_first, int32_t trees, int32_t targets_at,
                                 int32_t all_may_differ) {
    const int32_t form = form_k_first[0], k = form_k_first[1], first = form_k_first[2];
    LA_NEED(trees >= 0 && form >= LA_ONE && form <= LA_SPARSE && k > 0 && (form != LA_ONE || k == 1), "form of leaves");
    LA_NEED(first >= 0 || (all_may_differ && first == -1 && form == LA_SPARSE), "first target");
    LA_NEED(targets_at % 8 == 0 && la_inside(targets_at, 0, p->head->size), "targets");
    LA_NEED(form != LA_SPARSE || la_has_table(p, targets_at, (int64_t)trees * (k - (first >= 0)), 2), "targets");
    return NULL;
}

/* Columns of the forest that begins at int slot `sums`: as many as sums follow one another. */
LA_FN int32_t la_outputs(const la_proof *p, int32_t sums) {
    int32_t n = 0;
    while (la_inside((int64_t)sums + n, 1, p->head->ints) && p->sums[sums + n] >= 0) {
        n++;
    }
    return n;
}

LA_FN const char *la_check_trees(const la_proof *p, int32_t op, const int32_t *a) {
    const uint8_t *plan = p->plan;
    const int32_t narrow = op == LA_OP_TREES_B, trees = a[3], depth = a[4], outputs = la_outputs(p, a[2]);
    const int64_t splits = (int64_t)trees * depth, each = a[6] > 0 && depth >= 0 && depth <= 16 ? (int64_t)a[6] << depth : 0;
    int64_t i;
    LA_NEED(a[1] > 0 && la_has_bins(p, narrow ? LA_BYTES : LA_INTS, a[0], a[1]), "bins of trees");
    LA_NEED(depth >= 0 && depth <= (narrow ? 8 : 16) && la_is_type(a[11]), "depth of trees");
    LA_TRY(la_check_forms(p, a + 5, trees, a[12], 0));
    LA_NEED(each <= INT32_MAX && la_has_table(p, a[10], trees * each, a[11]), "leaves");
    LA_NEED(la_has_table(p, a[8], splits, narrow ? 1 : 4) && la_has_table(p, a[9], splits, narrow ? 1 : 2), "splits");
    for (i = 0; i < splits; i++) {
        int64_t feature = narrow ? LA_TABLE(uint8_t, a[8])[i] : LA_TABLE(int32_t, a[8])[i];
        LA_NEED(la_inside(feature, 1, a[1]), "a split reads no column");
    }
    for (i = 0; i < trees; i++) {
        LA_TRY(la_check_leaves(p, a + 5, a[2], outputs, i, i * each, (int64_t)1 << depth, a[10], a[11], a[12]));
    }
    return NULL;
}

/* The nodes root .. end - 1 are one tree, each reached once, with a leaf more than nodes. */
LA_FN const char *la_check_tree(const la_proof *p, int32_t op, const int32_t *a, int32_t root, int32_t end) {
    const uint8_t *plan = p->plan;
    int32_t node, side;
    for (node = root; node < end; node++) {
        uint32_t what = op == LA_OP_RAGGED_H ? LA_TABLE(uint16_t, a[8])[node] : LA_TABLE(uint32_t, a[8])[node];
        float threshold = LA_TABLE(float, a[9])[node];
        LA_NEED(what >> 1 < (uint32_t)a[1], "a node reads no column");
        LA_NEED(threshold == threshold, "a threshold is NaN");
        LA_NEED(node == root || p->marks[node], "a node is not reached");
        for (side = 0; side < 2; side++) {
            int32_t which = 2 * node + side;
            int32_t child = op == LA_OP_RAGGED_H ? LA_TABLE(int16_t, a[10])[which] : LA_TABLE(int32_t, a[10])[which];
            if (child < 0) {
                LA_NEED(~child <= end - root, "a leaf number is out of range");
            } else {
                LA_NEED(child > node && child < end && !p->marks[child], "a child is not one of its tree");
                p->marks[child] = 1;
            }
        }
    }
    return NULL;
}

LA_FN const char *la_check_ragged(const la_proof *p, int32_t op, const int32_t *a) {
    const uint8_t *plan = p->plan;
    const int32_t small = op == LA_OP_RAGGED_H ? 2 : 4, trees = a[3], k = a[5], nodes = a[7];
    const int32_t *roots = LA_TABLE(int32_t, a[11]), outputs = la_outputs(p, a[2]);
    int64_t begin = 0;
    int32_t t, next, done = 0;
    LA_NEED(a[1] > 0 && la_read_floats(p, a[0], a[1]), "what trees read");
    LA_TRY(la_check_forms(p, a + 4, trees, a[14], 1));
    LA_NEED(nodes >= 0 && nodes < p->head->size && la_is_type(a[13]), "nodes of trees");
    LA_NEED(la_has_table(p, a[8], nodes, small) && la_has_table(p, a[9], nodes, 4), "splits");
    LA_NEED(la_has_table(p, a[10], 2 * (int64_t)nodes, small), "children");
    LA_NEED(la_has_table(p, a[11], 2 * (int64_t)trees, 4), "roots");
    LA_NEED(la_has_table(p, a[12], ((int64_t)nodes + trees) * k, a[13]), "leaves");
    memset(p->marks, 0, (size_t)nodes);
    for (t = 0; t < trees; t++) {
        int32_t end = done;
        if (roots[t] != -1) {
            LA_NEED(roots[t] == done, "roots do not ascend");
            end = nodes;
            for (next = t + 1; next < trees && end == nodes; next++) {
                end = roots[next] >= 0 ? roots[next] : nodes;
            }
            LA_NEED(end > done && end <= nodes, "a tree has no node");
            LA_TRY(la_check_tree(p, op, a, done, end));
        }
        LA_NEED(roots[trees + t] == begin, "leaves of a tree");
        LA_TRY(la_check_leaves(p, a + 4, a[2], outputs, t, begin, (int64_t)end - done + 1, a[12], a[13], a[14]));
        begin += ((int64_t)end - done + 1) * k;
        done = end;
    }
    LA_NEED(done == nodes, "a node is not reached");
    return NULL;
}

LA_FN const char *la_check_tables(const la_proof *p, int32_t op, const int32_t *a) {
    const uint8_t *plan = p->plan;
    const int32_t space = op == LA_OP_TABLES_B ? LA_BYTES : LA_INTS, *term = LA_TABLE(int32_t, a[5]);
    const int32_t terms = a[3], width = a[4];
    int32_t m, j;
    LA_NEED(a[1] > 0 && la_has_bins(p, space, a[0], a[1]), "bins of tables");
    LA_NEED(terms >= 0 && width > 0 && la_is_type(a[7]) && la_has_table(p, a[5], 4 * (int64_t)terms, 4), "terms");
    for (m = 0; m < terms; m++, term += 4) {
        int64_t rows = (int64_t)term[2];
        LA_NEED(la_inside(term[0], 1, a[1]) && (term[1] == -1 || la_inside(term[1], 1, a[1])), "columns of a term");
        LA_NEED(term[2] > (term[1] < 0 ? 0 : la_top(p, space, a[0] + term[1])) && term[3] >= 0, "levels of a term");
        rows *= (int64_t)la_top(p, space, a[0] + term[0]) + 1;
        LA_NEED(rows <= INT32_MAX && la_has_table(p, a[6], (term[3] + rows) * width, a[7]), "table of a term");
        for (j = 0; j < width; j++) {
            LA_TRY(la_add_worst(p, (int64_t)a[2] + j, a[6], a[7], (int64_t)term[3] * width + j, rows, width));
        }
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
        case LA_OP_ARITHMETIC:
            LA_NEED(a[0] >= LA_ADD && a[0] <= LA_DIVIDE, "kind of arithmetic");
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
        default: /* LA_OP_SOFTMAX */
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
