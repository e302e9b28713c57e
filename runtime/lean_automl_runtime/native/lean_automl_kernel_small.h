/* lean_automl_kernel_small.h: the kernel's parts for small machines, which only exported headers take.
 *
 * As lean_automl_kernel.h, which comes first.
 */
#ifndef LEAN_AUTOML_KERNEL_SMALL_H
#define LEAN_AUTOML_KERNEL_SMALL_H

#include "lean_automl_kernel.h"

/* @part binned needs core
 * Ragged trees over bins, one number a leaf. A node is four cells: 4 * column + (left child is a leaf) + 2 * (right
 * child is one), the greatest bin that goes left, and two children: how far behind the node, or the leaf itself. Nodes
 * of a tree stand together, its root first; `sizes` says how many. Node 0 belongs to no tree: both its children are
 * itself, and that is where trees wait that have ended, while others of the eight that are walked at once go on. */
#if defined(__GNUC__) /* gcc would gather the numbers of eight trees in a vector register, one by one, to add them */
#define LA_SCALAR(NUMBER) __asm__("" : "+r"(NUMBER))
#else
#define LA_SCALAR(NUMBER) (void)0
#endif
#define LA_DEFINE_BINNED_STEP(NAME, CELL, NUMBER)                                                               \
    LA_FN uint32_t NAME(const uint8_t *x, const CELL *nodes, uint32_t at, int32_t *sum) {                       \
        const CELL *node = nodes + 4 * (size_t)at;                                                              \
        const uint32_t what = node[0], right = (uint32_t)((int32_t)node[1] - (int32_t)x[what >> 2]) >> 31;      \
        const uint32_t is_leaf = 0u - ((what >> right) & 1u);                                                   \
        int32_t next = (NUMBER)node[2 + right];                                                                 \
        LA_SCALAR(next);                                                                                        \
        *sum += next & (int32_t)is_leaf;                                                                        \
        return (at + (uint32_t)next) & ~is_leaf;                                                                \
    }                                                                                                           \
                                                                                                                \
    /* Roots of eight trees; node 0 for those that do not exist. */                                             \
    LA_FN uint32_t NAME##_roots(const CELL *sizes, int32_t trees, uint32_t root, uint32_t *roots) {             \
        int32_t t;                                                                                              \
        for (t = 0; t < 8; t++) {                                                                               \
            roots[t] = t < trees ? root : 0;                                                                    \
            root += t < trees ? sizes[t] : 0u;                                                                  \
        }                                                                                                       \
        return root;                                                                                            \
    }
/* @end */
/* @part binned_one needs binned
 * All trees add to sums[first]. */
#ifdef LA_SMALL
#define LA_DEFINE_BINNED(NAME, STEP, CELL)                                                                      \
    LA_FN void NAME(const uint8_t *x, const CELL *nodes, const CELL *sizes, int32_t trees, int32_t first,   \
                    int32_t *LA_RESTRICT sums) {                                                                \
        uint32_t root = 1, at;                                                                                  \
        int32_t t, total = 0;                                                                                   \
        for (t = 0; t < trees; t++) {                                                                           \
            for (at = root; at; at = STEP(x, nodes, at, &total)) {                                              \
            }                                                                                                   \
            root += sizes[t];                                                                                   \
        }                                                                                                       \
        sums[first] += total;                                                                                   \
    }
#else
#define LA_DEFINE_BINNED(NAME, STEP, CELL)                                                                      \
    LA_FN void NAME(const uint8_t *x, const CELL *nodes, const CELL *sizes, int32_t trees, int32_t first,   \
                    int32_t *LA_RESTRICT sums) {                                                                \
        uint32_t root = 1, at[8];                                                                               \
        int32_t from, total = 0;                                                                                \
        for (from = 0; from < trees; from += 8) {                                                               \
            uint32_t a, b, c, d, e, f, g, h;                                                                    \
            root = STEP##_roots(sizes + from, trees - from, root, at);                                              \
            a = at[0], b = at[1], c = at[2], d = at[3], e = at[4], f = at[5], g = at[6], h = at[7];             \
            while (a | b | c | d | e | f | g | h) {                                                             \
                a = STEP(x, nodes, a, &total);                                                                  \
                b = STEP(x, nodes, b, &total);                                                                  \
                c = STEP(x, nodes, c, &total);                                                                  \
                d = STEP(x, nodes, d, &total);                                                                  \
                e = STEP(x, nodes, e, &total);                                                                  \
                f = STEP(x, nodes, f, &total);                                                                  \
                g = STEP(x, nodes, g, &total);                                                                  \
                h = STEP(x, nodes, h, &total);                                                                  \
            }                                                                                                   \
        }                                                                                                       \
        sums[first] += total;                                                                                   \
    }
#endif
/* @end */
/* @part binned_each needs binned
 * Tree t adds to sums[targets[t]]. */
#ifdef LA_SMALL
#define LA_DEFINE_BINNED_EACH(NAME, STEP, CELL)                                                                 \
    LA_FN void NAME(const uint8_t *x, const CELL *nodes, const CELL *sizes, int32_t trees,                  \
                    const uint16_t *targets, int32_t *LA_RESTRICT sums) {                                       \
        uint32_t root = 1, at;                                                                                  \
        int32_t t;                                                                                              \
        for (t = 0; t < trees; t++) {                                                                           \
            for (at = root; at; at = STEP(x, nodes, at, sums + targets[t])) {                                   \
            }                                                                                                   \
            root += sizes[t];                                                                                   \
        }                                                                                                       \
    }
#else
#define LA_DEFINE_BINNED_EACH(NAME, STEP, CELL)                                                                 \
    LA_FN void NAME(const uint8_t *x, const CELL *nodes, const CELL *sizes, int32_t trees,                  \
                    const uint16_t *targets, int32_t *LA_RESTRICT sums) {                                       \
        uint32_t root = 1, at[8], some;                                                                         \
        int32_t from, t;                                                                                        \
        for (from = 0; from < trees; from += 8) {                                                               \
            int32_t own[8] = {0, 0, 0, 0, 0, 0, 0, 0};                                                          \
            root = STEP##_roots(sizes + from, trees - from, root, at);                                              \
            do {                                                                                                \
                some = 0;                                                                                       \
                for (t = 0; t < 8; t++) {                                                                       \
                    at[t] = STEP(x, nodes, at[t], own + t);                                                     \
                    some |= at[t];                                                                              \
                }                                                                                               \
            } while (some);                                                                                     \
            for (t = 0; t < 8 && from + t < trees; t++) {                                                       \
                sums[targets[from + t]] += own[t];                                                              \
            }                                                                                                   \
        }                                                                                                       \
    }
#endif
/* @end */
/* @part binned_step8 needs binned */
LA_DEFINE_BINNED_STEP(la_binned_step8, uint8_t, int8_t)
/* @end */
/* @part binned_step16 needs binned */
LA_DEFINE_BINNED_STEP(la_binned_step16, uint16_t, int16_t)
/* @end */
/* @part binned8_one needs binned_one binned_step8 */
LA_DEFINE_BINNED(la_binned8_one, la_binned_step8, uint8_t)
/* @end */
/* @part binned16_one needs binned_one binned_step16 */
LA_DEFINE_BINNED(la_binned16_one, la_binned_step16, uint16_t)
/* @end */
/* @part binned8_each needs binned_each binned_step8 */
LA_DEFINE_BINNED_EACH(la_binned8_each, la_binned_step8, uint8_t)
/* @end */
/* @part binned16_each needs binned_each binned_step16 */
LA_DEFINE_BINNED_EACH(la_binned16_each, la_binned_step16, uint16_t)
/* @end */

/* --- in few bytes ----------------------------------------------------------------------------------------------- */

/* @part few_bin needs core
 * Bins of n columns, of which each has so many edges. A missing number is below all edges unless `nans` has its bin. */
#define LA_DEFINE_FEW_BIN(NAME, X, MISSING)                                                                     \
    LA_FN void NAME(const X *x, int32_t n, const X *edges, const uint8_t *counts, const uint8_t *nans,          \
                    uint8_t *LA_RESTRICT out) {                                                                 \
        int32_t j, e;                                                                                           \
        for (j = 0; j < n; j++) {                                                                               \
            uint32_t below = 0;                                                                                 \
            for (e = 0; e < counts[j]; e++) {                                                                   \
                below += *edges++ < x[j];                                                                       \
            }                                                                                                   \
            out[j] = (uint8_t)(nans != NULL && MISSING(x[j]) ? nans[j] : below);                                 \
        }                                                                                                       \
    }
/* @end */
/* @part few_bins needs few_bin */
#define LA_IS_NAN(X) ((X) != (X))
LA_DEFINE_FEW_BIN(la_few_bins, float, LA_IS_NAN)
/* @end */

/* @part steps needs core
 * Whether the bin of a column is above 0, above 1, ...: so many steps for each of n columns, one after another. */
LA_FN void la_steps(const uint8_t *x, int32_t n, const uint8_t *counts, uint8_t *LA_RESTRICT out) {
    int32_t j, e;
    for (j = 0; j < n; j++) {
        for (e = 0; e < counts[j]; e++) {
            *out++ = (uint8_t)(x[j] > e);
        }
    }
}
/* @end */

/* @part few_trees needs forms
 * Oblivious trees over steps: a split is one byte, the number of its step. Splits lie tree by tree, those of a tree from
 * its last level to its first. */
#define LA_DEFINE_FEW_TREES(NAME, ADD, LEAF)                                                                    \
    LA_FN void NAME(const uint8_t *x, const uint8_t *splits, int32_t trees, int32_t depth, const LEAF *leaves,  \
                    int32_t form, int32_t k, int32_t first, const uint16_t *targets,                            \
                    int32_t *LA_RESTRICT sums) {                                                                \
        const int32_t each = (int32_t)((uint32_t)k << depth);                                                   \
        int32_t t, level;                                                                                       \
        for (t = 0; t < trees; t++, leaves += each) {                                                           \
            uint16_t leaf = 0;                                                                                  \
            for (level = 0; level < depth; level++) {                                                           \
                leaf = (uint16_t)(2u * leaf + x[*splits++]);                                                    \
            }                                                                                                   \
            ADD(leaves, &leaf, 1, each, form, k, first, form == LA_SPARSE ? targets + t * (k - 1) : targets, sums); \
        }                                                                                                       \
    }
/* @end */
/* @part few_trees_i8 needs few_trees add_i8 */
LA_DEFINE_FEW_TREES(la_few_trees_i8, la_add_i8, int8_t)
/* @end */
/* @part few_trees_i16 needs few_trees add_i16 */
LA_DEFINE_FEW_TREES(la_few_trees_i16, la_add_i16, int16_t)
/* @end */
/* @part few_trees_i32 needs few_trees add_i32 */
LA_DEFINE_FEW_TREES(la_few_trees_i32, la_add_i32, int32_t)
/* @end */

/* --- without floats: for cores that have none ------------------------------------------------------------------ */

/* @part key needs core
 * Floats as integers of the same order; a NaN is below all numbers. */
#define LA_KEY_NAN INT32_MIN

LA_FN int32_t la_key(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    if ((bits & UINT32_C(0x7FFFFFFF)) > UINT32_C(0x7F800000)) {
        return LA_KEY_NAN;
    }
    return bits >> 31 ? -(int32_t)(bits & UINT32_C(0x7FFFFFFF)) : (int32_t)bits;
}
/* @end */

/* @part key_of_int needs key
 * As la_key((float)number). */
LA_FN int32_t la_key_of_int(int64_t number) {
    uint64_t size = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
    uint32_t bits;
    int32_t top = 0;
    while (top < 63 && size >> (top + 1)) {
        top++;
    }
    if (size == 0) {
        return 0;
    }
    if (top <= 23) {
        bits = (uint32_t)(size << (23 - top));
    } else { /* to the nearest, halves to even */
        uint64_t rest = size & ((UINT64_C(1) << (top - 23)) - 1), half = UINT64_C(1) << (top - 24);
        bits = (uint32_t)(size >> (top - 23));
        bits += rest > half || (rest == half && (bits & 1u));
    }
    bits += (uint32_t)(126 + top) << 23;
    return number < 0 ? -(int32_t)bits : (int32_t)bits;
}
/* @end */

/* @part key_date needs key_of_int date_field */
LA_FN int32_t la_key_date(int64_t seconds, int32_t part) {
    return seconds == LA_MISSING_TIME ? LA_KEY_NAN : la_key_of_int(la_date_field(seconds, part));
}
/* @end */

/* @part key_impute needs key */
LA_FN void la_key_impute(const int32_t *x, int32_t n, const int32_t *fill, int32_t *out) {
    int32_t j;
    for (j = 0; j < n; j++) {
        out[j] = x[j] == LA_KEY_NAN ? fill[j] : x[j];
    }
}
/* @end */

/* @part key_clip needs key */
LA_FN void la_key_clip(const int32_t *x, int32_t n, const int32_t *low, const int32_t *high, int32_t *out) {
    int32_t j;
    for (j = 0; j < n; j++) {
        int32_t v = x[j] < low[j] ? low[j] : x[j];
        out[j] = x[j] == LA_KEY_NAN ? x[j] : v > high[j] ? high[j] : v;
    }
}
/* @end */

/* @part key_bin needs key */
#define LA_DEFINE_KEY_BIN(NAME, BIN)                                                                            \
    LA_FN void NAME(const int32_t *x, int32_t n, const int32_t *edges, const int32_t *offsets,                  \
                    const int32_t *nans, BIN *LA_RESTRICT out) {                                                \
        int32_t j;                                                                                              \
        for (j = 0; j < n; j++) {                                                                               \
            int32_t base = offsets[j], count = offsets[j + 1] - base;                                           \
            while (count > 0) {                                                                                 \
                int32_t half = (count + 1) >> 1;                                                                \
                base += half & -(int32_t)(edges[base + half - 1] < x[j]);                                       \
                count -= half;                                                                                  \
            }                                                                                                   \
            out[j] = (BIN)(x[j] == LA_KEY_NAN ? nans[j] : base - offsets[j]);                                   \
        }                                                                                                       \
    }
/* @end */
/* @part key_bin8 needs key_bin */
LA_DEFINE_KEY_BIN(la_key_bin8, uint8_t)
/* @end */
/* @part key_bin32 needs key_bin */
LA_DEFINE_KEY_BIN(la_key_bin32, int32_t)
/* @end */

/* @part key_few_bins needs few_bin key */
#define LA_IS_KEY_NAN(X) ((X) == LA_KEY_NAN)
LA_DEFINE_FEW_BIN(la_key_few_bins, int32_t, LA_IS_KEY_NAN)
/* @end */

/* @part key_right needs key */
LA_FN int32_t la_key_right(int32_t x, int32_t threshold, uint32_t what) {
    return (x > threshold) | ((x == LA_KEY_NAN) & (int32_t)(~what & 1u));
}
/* @end */
/* @part key_walk8 needs walk key_right */
LA_DEFINE_WALK(la_key_walk8, int32_t, la_key_right, uint8_t, int8_t, 1)
/* @end */
/* @part key_walk16 needs walk key_right */
LA_DEFINE_WALK(la_key_walk16, int32_t, la_key_right, uint16_t, int16_t, 0)
/* @end */
/* @part key_walk32 needs walk key_right */
LA_DEFINE_WALK(la_key_walk32, int32_t, la_key_right, uint32_t, int32_t, 0)
/* @end */
/* @part key_ragged8_i8 needs ragged key_walk8 */
LA_DEFINE_RAGGED(la_key_ragged8_i8, la_key_walk8, int32_t, uint8_t, int8_t, int8_t)
/* @end */
/* @part key_ragged8_i16 needs ragged key_walk8 */
LA_DEFINE_RAGGED(la_key_ragged8_i16, la_key_walk8, int32_t, uint8_t, int8_t, int16_t)
/* @end */
/* @part key_ragged16_i8 needs ragged key_walk16 */
LA_DEFINE_RAGGED(la_key_ragged16_i8, la_key_walk16, int32_t, uint16_t, int16_t, int8_t)
/* @end */
/* @part key_ragged16_i16 needs ragged key_walk16 */
LA_DEFINE_RAGGED(la_key_ragged16_i16, la_key_walk16, int32_t, uint16_t, int16_t, int16_t)
/* @end */
/* @part key_ragged16_i32 needs ragged key_walk16 */
LA_DEFINE_RAGGED(la_key_ragged16_i32, la_key_walk16, int32_t, uint16_t, int16_t, int32_t)
/* @end */
/* @part key_ragged32_i8 needs ragged key_walk32 */
LA_DEFINE_RAGGED(la_key_ragged32_i8, la_key_walk32, int32_t, uint32_t, int32_t, int8_t)
/* @end */
/* @part key_ragged32_i16 needs ragged key_walk32 */
LA_DEFINE_RAGGED(la_key_ragged32_i16, la_key_walk32, int32_t, uint32_t, int32_t, int16_t)
/* @end */
/* @part key_ragged32_i32 needs ragged key_walk32 */
LA_DEFINE_RAGGED(la_key_ragged32_i32, la_key_walk32, int32_t, uint32_t, int32_t, int32_t)
/* @end */

/* @part clip_all needs core */
LA_FN void la_clip_all(const float *x, int32_t n, float low, float high, float *out) {
    int32_t j;
    for (j = 0; j < n; j++) {
        float v = x[j] < low ? low : x[j];
        out[j] = v > high ? high : v;
    }
}
/* @end */

/* @part dense8 needs four
 * A dense layer with weights of 8 bits: those of input i are times two to the power of `exponent[i]`, which is exact. */
LA_EXACT void la_dense8(const float *x, int32_t n, const int8_t *weight, const int8_t *exponent, const float *bias,
                        int32_t k, int32_t relu, float *LA_RESTRICT out) {
    int32_t i, j;
    memcpy(out, bias, (size_t)k * sizeof *out);
    LA_OPAQUE;
    for (i = 0; i < n; i++, weight += k) {
        const uint32_t bits = (uint32_t)(exponent[i] + 127) << 23;
        const float v = x[i];
        float scale;
        memcpy(&scale, &bits, sizeof scale);
        j = 0;
#ifdef LA_FOUR
        for (; j + 4 <= k; j += 4) {
            __m128i four;
            __m128 product;
            int32_t bytes;
            memcpy(&bytes, weight + j, sizeof bytes);
            four = _mm_cvtsi32_si128(bytes);
            four = _mm_unpacklo_epi8(four, four); /* each byte twice, then four times: the highest has the sign */
            four = _mm_srai_epi32(_mm_unpacklo_epi16(four, four), 24);
            product = _mm_mul_ps(_mm_set1_ps(v), _mm_mul_ps(_mm_cvtepi32_ps(four), _mm_set1_ps(scale)));
            _mm_storeu_ps(out + j, _mm_add_ps(_mm_loadu_ps(out + j), product));
        }
#endif
        for (; j < k; j++) {
            float number = (float)weight[j] * scale;
            float product = v * number;
            out[j] = out[j] + product;
        }
    }
    for (j = 0; relu && j < k; j++) {
        out[j] = out[j] < 0.0f ? 0.0f : out[j];
    }
}
/* @end */

/* @part greatest needs core
 * The first of the greatest sums, each times its scale and with its bias. */
LA_FN int32_t la_greatest(const int32_t *sums, const int32_t *scale, const int64_t *bias, int32_t n) {
    int64_t top = 0;
    int32_t best = 0, j;
    for (j = 0; j < n; j++) {
        int64_t score = (int64_t)sums[j] * scale[j] + bias[j];
        best = j == 0 || score > top ? j : best;
        top = j == 0 || score > top ? score : top;
    }
    return best;
}
/* @end */

/* @part tokens8_i8 needs tokens find8 */
LA_DEFINE_TOKENS(la_tokens8_i8, la_find8, uint8_t, uint8_t, int8_t)
/* @end */
/* @part tokens8_long_i8 needs tokens find8_long */
LA_DEFINE_TOKENS(la_tokens8_long_i8, la_find8_long, uint8_t, uint16_t, int8_t)
/* @end */
/* @part tokens8_i16 needs tokens find8 */
LA_DEFINE_TOKENS(la_tokens8_i16, la_find8, uint8_t, uint8_t, int16_t)
/* @end */
/* @part tokens8_long_i16 needs tokens find8_long */
LA_DEFINE_TOKENS(la_tokens8_long_i16, la_find8_long, uint8_t, uint16_t, int16_t)
/* @end */

#endif
