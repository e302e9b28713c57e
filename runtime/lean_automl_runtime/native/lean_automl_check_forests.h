/* lean_automl_check_forests.h: trees are proper trees over existing columns, tables have their rows, sums stay in int32. */
#ifndef LEAN_AUTOML_CHECK_FORESTS_H
#define LEAN_AUTOML_CHECK_FORESTS_H

#include "lean_automl_check_base.h"

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

#endif
