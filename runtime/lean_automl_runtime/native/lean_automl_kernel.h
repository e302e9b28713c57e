/* lean_automl_kernel.h: what evaluates the ops of a lean_automl Program, one row at a time.
 *
 * C99 and C++. No allocation, no globals, no locale, no library but memcpy; tables stay const. Every function
 * gives the bits that lean_automl_runtime/reference.py gives, if the compiler keeps IEEE 754: no -ffast-math,
 * -ffp-contract=off. Trees and tables add integers, so the order of summation never matters.
 *
 * The caller guarantees what the names say (indices in range, offsets ascending); lean_automl_check.h proves it for
 * a plan that comes from a file. Each "@part" is a piece that the C exporter takes or leaves.
 */
#ifndef LEAN_AUTOML_KERNEL_H
#define LEAN_AUTOML_KERNEL_H

/* @part core */
#include <stddef.h>
#include <stdint.h>
#if defined(__STDC_HOSTED__) && !__STDC_HOSTED__ /* there may be no string.h, but gcc wants these two anyway */
#ifdef __cplusplus
extern "C" {
#endif
void *memcpy(void *to, const void *from, size_t size);
void *memset(void *to, int byte, size_t size);
#ifdef __cplusplus
}
#endif
#else
#include <string.h>
#endif

#if defined(__FAST_MATH__) || (defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__)
#error "lean_automl needs IEEE 754 arithmetic with NaN: compile without -ffast-math"
#endif
#if defined(__FLT_EVAL_METHOD__) && (__FLT_EVAL_METHOD__ == 1 || __FLT_EVAL_METHOD__ == 2)
#error "lean_automl needs float arithmetic in float: compile with -msse2 -mfpmath=sse"
#endif

#ifndef LA_FN
#define LA_FN static inline
#endif
/* The functions that multiply and add must not fuse the two. gcc fuses by default where the machine can. */
#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#define LA_EXACT LA_FN
#elif defined(_MSC_VER)
#pragma fp_contract(off)
#define LA_EXACT LA_FN
#elif defined(__GNUC__) && defined(__FP_FAST_FMAF)
#define LA_EXACT __attribute__((optimize("fp-contract=off"))) LA_FN
#else
#define LA_EXACT LA_FN
#endif
/* gcc 12 for x86 makes vfmaddsub of a product whose neighbours add and subtract, whatever -ffp-contract says: so it
 * must not see where a product goes. */
#if defined(__GNUC__) && !defined(__clang__) && defined(__FMA__)
#define LA_OPAQUE __asm__ __volatile__("" : : : "memory")
#else
#define LA_OPAQUE (void)0
#endif
#if defined(__GNUC__) || defined(_MSC_VER)
#define LA_RESTRICT __restrict
#else
#define LA_RESTRICT
#endif

#define LA_CODE_MISSING 0
#define LA_CODE_UNSEEN 1
#define LA_CODE_FIRST 2
/* @end */

#include "lean_automl_arithmetic.h"

/* @part vectors needs core
 * Instructions that the machine is known to have. LA_NO_VECTORS asks for plain C. LA_SMALL asks for the fewest bytes of
 * code, which takes more time: one tree after another, without vectors, where others are looked at together. */
#ifdef LA_SMALL
#define LA_ALONE 1
#else
#define LA_ALONE 0
#endif
#if defined(LA_NO_VECTORS) || defined(LA_SMALL)
#undef LA_AVX2
#elif defined(LA_AVX2) || defined(__AVX2__)
#undef LA_AVX2
#define LA_AVX2 1
#include <immintrin.h>
#elif defined(__aarch64__) && defined(__ARM_NEON)
#define LA_NEON 1
#include <arm_neon.h>
#elif defined(__SSE2__)
#define LA_SSE2 1
#include <emmintrin.h>
#endif
/* @end */

/* @part find needs core
 * Categories: an open-addressing table of codes over UTF-8 bytes; 0 marks a free slot, and at least one is free. */
LA_FN uint64_t la_word(const uint8_t *p) {
    return (uint64_t)p[0] | (uint64_t)p[1] << 8 | (uint64_t)p[2] << 16 | (uint64_t)p[3] << 24 |
           (uint64_t)p[4] << 32 | (uint64_t)p[5] << 40 | (uint64_t)p[6] << 48 | (uint64_t)p[7] << 56;
}

/* Up to 8 bytes as a number; with the length, no two texts give the same one. */
LA_FN uint64_t la_short_word(const uint8_t *text, size_t length) {
    if (length >= 4) {
        const uint8_t *end = text + length - 4;
        return (uint64_t)text[0] | (uint64_t)text[1] << 8 | (uint64_t)text[2] << 16 | (uint64_t)text[3] << 24 |
               (uint64_t)end[0] << 32 | (uint64_t)end[1] << 40 | (uint64_t)end[2] << 48 | (uint64_t)end[3] << 56;
    }
    return length == 0 ? 0
                       : (uint64_t)text[0] | (uint64_t)text[length / 2] << 8 | (uint64_t)text[length - 1] << 16;
}

LA_FN uint32_t la_hash(const uint8_t *text, size_t length) {
    const uint64_t factor = UINT64_C(0x9E3779B97F4A7C15);
    uint64_t hash = (uint64_t)length * factor;
    size_t at = 0;
    if (length < 8) {
        return (uint32_t)(((hash ^ la_short_word(text, length)) * factor) >> 32);
    }
    for (; at + 8 < length; at += 8) {
        hash = (hash ^ la_word(text + at)) * factor;
        hash ^= hash >> 32;
    }
    return (uint32_t)(((hash ^ la_word(text + length - 8)) * factor) >> 32); /* the last 8 bytes may overlap */
}

/* memcmp has to be called; texts are short. */
LA_FN int la_same_text(const uint8_t *a, const uint8_t *b, size_t length) {
    size_t at = 0;
    if (length < 8) {
        return la_short_word(a, length) == la_short_word(b, length);
    }
    for (; at + 8 < length; at += 8) {
        if (la_word(a + at) != la_word(b + at)) {
            return 0;
        }
    }
    return la_word(a + length - 8) == la_word(b + length - 8);
}

/* Code of a text: 0 if it is empty, 1 if it is not among the categories. `starts` has a number more than those. */
#define LA_DEFINE_FIND(NAME, CODE, START)                                                                       \
    LA_FN int32_t NAME(const char *text, size_t length, const uint8_t *texts, const START *starts,              \
                       const CODE *slots, uint32_t mask) {                                                      \
        const uint8_t *bytes = (const uint8_t *)text;                                                           \
        uint32_t at;                                                                                            \
        if (length == 0) {                                                                                      \
            return LA_CODE_MISSING;                                                                             \
        }                                                                                                       \
        for (at = la_hash(bytes, length) & mask; slots[at] != 0; at = (at + 1) & mask) {                        \
            uint32_t which = (uint32_t)slots[at] - LA_CODE_FIRST, start = starts[which];                        \
            if (starts[which + 1] - start == length && la_same_text(texts + start, bytes, length)) {               \
                return (int32_t)slots[at];                                                                      \
            }                                                                                                   \
        }                                                                                                       \
        return LA_CODE_UNSEEN;                                                                                  \
    }
/* @end */
/* @part find8 needs find */
LA_DEFINE_FIND(la_find8, uint8_t, uint8_t)
/* @end */
/* @part find8_long needs find */
LA_DEFINE_FIND(la_find8_long, uint8_t, uint16_t)
/* @end */
/* @part find16 needs find */
LA_DEFINE_FIND(la_find16, uint16_t, uint32_t)
/* @end */
/* @part find32 needs find */
LA_DEFINE_FIND(la_find32, uint32_t, uint32_t)
/* @end */

#include "lean_automl_texts.h"

/* @part rescale needs core */
LA_EXACT float la_rescale(double x, double shift, double scale) { return (float)((x - shift) * scale); }
/* @end */

#include "lean_automl_dates.h"

/* @part impute needs core */
LA_FN void la_impute(const float *x, int32_t n, const float *fill, float *out) {
    int32_t j;
    for (j = 0; j < n; j++) {
        out[j] = x[j] != x[j] ? fill[j] : x[j];
    }
}
/* @end */

/* @part clip needs core */
LA_FN void la_clip(const float *x, int32_t n, const float *low, const float *high, float *out) {
    int32_t j;
    for (j = 0; j < n; j++) {
        float v = x[j] < low[j] ? low[j] : x[j];
        out[j] = v > high[j] ? high[j] : v;
    }
}
/* @end */

/* @part bin needs vectors
 * How many of the ascending edges are below x, without a branch that depends on x. No column has more than `most`
 * edges; where compilers know it, they drop what is not needed. */
#ifdef LA_AVX2
#define LA_COUNTED 64 /* edges that are compared one by one: 8 at a time that is quicker than to halve them */

LA_FN int32_t la_count_vector(const float *edges, int32_t count, float x) {
    static const int32_t ones[16] = {-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0};
    const __m256 key = _mm256_set1_ps(x);
    __m256i below = _mm256_setzero_si256();
    __m128i half;
    for (; count >= 8; count -= 8, edges += 8) {
        below = _mm256_sub_epi32(below, _mm256_castps_si256(_mm256_cmp_ps(_mm256_loadu_ps(edges), key, _CMP_LT_OQ)));
    }
    if (count > 0) {
        const __m256i rest = _mm256_loadu_si256((const __m256i *)(const void *)(ones + 8 - count));
        const __m256 less = _mm256_cmp_ps(_mm256_maskload_ps(edges, rest), key, _CMP_LT_OQ);
        below = _mm256_sub_epi32(below, _mm256_and_si256(_mm256_castps_si256(less), rest));
    }
    half = _mm_add_epi32(_mm256_castsi256_si128(below), _mm256_extracti128_si256(below, 1));
    half = _mm_add_epi32(half, _mm_shuffle_epi32(half, 0x4E));
    half = _mm_add_epi32(half, _mm_shuffle_epi32(half, 0xB1));
    return _mm_cvtsi128_si32(half);
}
#elif defined(LA_SSE2)
#define LA_COUNTED 32

LA_FN int32_t la_count_vector(const float *edges, int32_t count, float x) {
    const __m128 key = _mm_set1_ps(x);
    __m128i below = _mm_setzero_si128();
    int32_t rest = 0;
    for (; count >= 4; count -= 4, edges += 4) {
        below = _mm_sub_epi32(below, _mm_castps_si128(_mm_cmplt_ps(_mm_loadu_ps(edges), key)));
    }
    for (; count > 0; count--, edges++) {
        rest += *edges < x;
    }
    below = _mm_add_epi32(below, _mm_shuffle_epi32(below, 0x4E));
    below = _mm_add_epi32(below, _mm_shuffle_epi32(below, 0xB1));
    return rest + _mm_cvtsi128_si32(below);
}
#endif

LA_FN int32_t la_count_below(const float *edges, int32_t count, int32_t most, float x) {
    int32_t base = 0;
#ifdef LA_COUNTED
    while (most > LA_COUNTED && count > LA_COUNTED) {
#else
    while (most > 1 && count > 1) {
#endif
        int32_t half = count >> 1;
        base += half & -(int32_t)(edges[base + half - 1] < x);
        count -= half;
    }
#ifdef LA_COUNTED
    return base + la_count_vector(edges + base, count, x);
#else
    return count == 1 ? base + (edges[base] < x) : 0;
#endif
}

#define LA_DEFINE_BIN(NAME, BIN)                                                                                \
    LA_FN void NAME(const float *x, int32_t n, int32_t most, const float *edges, const int32_t *offsets,        \
                    const int32_t *nans, BIN *LA_RESTRICT out) {                                                \
        int32_t j;                                                                                              \
        for (j = 0; j < n; j++) {                                                                               \
            int32_t below = la_count_below(edges + offsets[j], offsets[j + 1] - offsets[j], most, x[j]);        \
            out[j] = (BIN)(x[j] != x[j] ? nans[j] : below);                                                     \
        }                                                                                                       \
    }
/* @end */
/* @part bin8 needs bin */
LA_DEFINE_BIN(la_bin8, uint8_t)
/* @end */
/* @part bin32 needs bin */
LA_DEFINE_BIN(la_bin32, int32_t)
/* @end */

/* @part trees needs core
 * Oblivious trees of one depth, in blocks. Splits lie level by level: the one of level i and tree t is at
 * i * trees + t. Level i sets bit i of the leaf number. Leaves lie tree by tree, k numbers each. */
#define LA_BLOCK 32
/* @end */

/* @part leaves8 needs trees vectors
 * Leaf numbers of n <= LA_BLOCK trees over bins that fit in a byte, depth <= 8, without a branch that depends on a
 * bin. Four trees at a time, so that their loads overlap; bins are small, so the sign of a difference compares them.
 * What compilers cannot find is that one instruction looks up 16 or 32 bytes in a table of 16; where that exists,
 * la_leaves8_vector uses it. */
LA_FN uint32_t la_above(const uint8_t *x, const uint8_t *feature, const uint8_t *bin, int32_t at) {
    return (uint32_t)((int32_t)bin[at] - (int32_t)x[feature[at]]) >> 31;
}

LA_FN void la_leaves8_some(const uint8_t *x, const uint8_t *feature, const uint8_t *bin, int32_t trees, int32_t n,
                           int32_t depth, uint16_t *LA_RESTRICT leaf) {
    int32_t level, t, from;
    for (t = 0; t < n && (LA_ALONE || n < 4); t++) {
        uint32_t number = 0;
        for (level = depth - 1; level >= 0; level--) {
            number = 2 * number + la_above(x, feature, bin, level * trees + t);
        }
        leaf[t] = (uint16_t)number;
    }
    for (t = 0; t < n && !LA_ALONE && n >= 4; t += 4) {
        uint32_t a = 0, b = 0, c = 0, d = 0;
        from = t < n - 4 ? t : n - 4; /* the last four may repeat some */
        for (level = depth - 1; level >= 0; level--) {
            const int32_t at = level * trees + from;
            a = 2 * a + la_above(x, feature, bin, at);
            b = 2 * b + la_above(x, feature, bin, at + 1);
            c = 2 * c + la_above(x, feature, bin, at + 2);
            d = 2 * d + la_above(x, feature, bin, at + 3);
        }
        leaf[from] = (uint16_t)a;
        leaf[from + 1] = (uint16_t)b;
        leaf[from + 2] = (uint16_t)c;
        leaf[from + 3] = (uint16_t)d;
    }
}

#if defined(LA_AVX2)
#define LA_VECTOR_COLUMNS 128

/* The bins of 32 features: as many look-ups as there are tables of 16. */
LA_FN __m256i la_pick(const uint8_t *x, int32_t width, __m256i feature) {
    __m256i table = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)x)), picked;
    int32_t from;
    if (width <= 16) {
        return _mm256_shuffle_epi8(table, feature);
    }
    /* A feature of this table becomes 0x70 .. 0x7F, any other has its high bit set, which picks 0. */
    picked = _mm256_shuffle_epi8(table, _mm256_adds_epu8(feature, _mm256_set1_epi8(0x70)));
    for (from = 16; from < width; from += 16) {
        __m256i own = _mm256_adds_epu8(_mm256_sub_epi8(feature, _mm256_set1_epi8((char)from)), _mm256_set1_epi8(0x70));
        table = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)(x + from)));
        picked = _mm256_or_si256(picked, _mm256_shuffle_epi8(table, own));
    }
    return picked;
}

/* 16 bytes, and 16 more that lie `upper` behind the first. */
LA_FN __m256i la_two_halves(const uint8_t *from, int32_t upper) {
    if (upper == 16) {
        return _mm256_loadu_si256((const __m256i *)(const void *)from);
    }
    return _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)from)),
                                   _mm_loadu_si128((const __m128i *)(const void *)(from + upper)), 1);
}

LA_FN void la_leaves8_vector(const uint8_t *x, int32_t width, const uint8_t *feature, const uint8_t *bin,
                             int32_t trees, int32_t upper, int32_t depth, uint16_t *leaf) {
    __m256i number = _mm256_setzero_si256(), bit = _mm256_set1_epi8(1);
    int32_t level;
    for (level = 0; level < depth; level++, feature += trees, bin += trees) {
        __m256i value = la_pick(x, width, la_two_halves(feature, upper)), limit = la_two_halves(bin, upper);
        __m256i not_above = _mm256_cmpeq_epi8(_mm256_subs_epu8(value, limit), _mm256_setzero_si256());
        number = _mm256_or_si256(number, _mm256_andnot_si256(not_above, bit));
        bit = _mm256_add_epi8(bit, bit);
    }
    _mm256_storeu_si256((__m256i *)(void *)leaf, _mm256_cvtepu8_epi16(_mm256_castsi256_si128(number)));
    _mm256_storeu_si256((__m256i *)(void *)(leaf + upper), _mm256_cvtepu8_epi16(_mm256_extracti128_si256(number, 1)));
}
#elif defined(LA_NEON)
#define LA_VECTOR_COLUMNS 128

/* The bins of 16 features: a table look-up gives 0 for an index outside of it. */
LA_FN uint8x16_t la_pick(const uint8_t *x, int32_t width, uint8x16_t feature) {
    uint8x16_t picked = vqtbl1q_u8(vld1q_u8(x), feature);
    int32_t from;
    for (from = 16; from < width; from += 16) {
        uint8x16_t own = vsubq_u8(feature, vdupq_n_u8((uint8_t)from));
        picked = vorrq_u8(picked, vqtbl1q_u8(vld1q_u8(x + from), own));
    }
    return picked;
}

LA_FN void la_leaves8_vector(const uint8_t *x, int32_t width, const uint8_t *feature, const uint8_t *bin,
                             int32_t trees, int32_t upper, int32_t depth, uint16_t *leaf) {
    int32_t half, level;
    for (half = 0; half <= upper; half += upper > 0 ? upper : 1) {
        uint8x16_t number = vdupq_n_u8(0), bit = vdupq_n_u8(1);
        for (level = 0; level < depth; level++) {
            uint8x16_t value = la_pick(x, width, vld1q_u8(feature + level * trees + half));
            uint8x16_t above = vcgtq_u8(value, vld1q_u8(bin + level * trees + half));
            number = vorrq_u8(number, vandq_u8(above, bit));
            bit = vshlq_n_u8(bit, 1);
        }
        vst1q_u16(leaf + half, vmovl_u8(vget_low_u8(number)));
        vst1q_u16(leaf + half + 8, vmovl_u8(vget_high_u8(number)));
    }
}
#elif defined(LA_SSE2)
#define LA_VECTOR_COLUMNS 256

/* No instruction looks bins up, but one compares 16. All are looked up first, since a vector that is loaded too soon
 * waits for the bytes in it. */
LA_FN void la_leaves8_vector(const uint8_t *x, int32_t width, const uint8_t *feature, const uint8_t *bin,
                             int32_t trees, int32_t upper, int32_t depth, uint16_t *leaf) {
    uint8_t picked[8 * LA_BLOCK], *to = picked;
    int32_t level, t, half;
    (void)width;
    for (level = 0; level < depth; level++, feature += trees) {
        for (half = 0; half < 2; half++, to += 16) {
            const uint8_t *own = feature + (half ? upper : 0);
            for (t = 0; t < 16; t += 4) {
                to[t] = x[own[t]], to[t + 1] = x[own[t + 1]], to[t + 2] = x[own[t + 2]], to[t + 3] = x[own[t + 3]];
            }
        }
    }
    for (half = 0; half < 2; half++) {
        const __m128i zero = _mm_setzero_si128();
        const int32_t from = half ? upper : 0;
        __m128i number = zero, bit = _mm_set1_epi8(1);
        for (level = 0; level < depth; level++) {
            __m128i value = _mm_loadu_si128((const __m128i *)(const void *)(picked + LA_BLOCK * level + 16 * half));
            __m128i limit = _mm_loadu_si128((const __m128i *)(const void *)(bin + level * trees + from));
            number = _mm_or_si128(number, _mm_andnot_si128(_mm_cmpeq_epi8(_mm_subs_epu8(value, limit), zero), bit));
            bit = _mm_add_epi8(bit, bit);
        }
        _mm_storeu_si128((__m128i *)(void *)(leaf + from), _mm_unpacklo_epi8(number, zero));
        _mm_storeu_si128((__m128i *)(void *)(leaf + from + 8), _mm_unpackhi_epi8(number, zero));
    }
}
#endif

/* `width` bins may be read as whole vectors: a caller leaves 16 bytes of room behind them. */
LA_FN void la_leaves8(const uint8_t *x, int32_t width, const uint8_t *feature, const uint8_t *bin, int32_t trees,
                      int32_t n, int32_t depth, uint16_t *LA_RESTRICT leaf) {
    (void)width;
#ifdef LA_VECTOR_COLUMNS
    if (n == LA_BLOCK && width <= LA_VECTOR_COLUMNS) {
        la_leaves8_vector(x, width, feature, bin, trees, 16, depth, leaf);
        return;
    }
    if (n >= 16 && width <= LA_VECTOR_COLUMNS) { /* halves that overlap */
        la_leaves8_vector(x, width, feature, bin, trees, n - 16, depth, leaf);
        return;
    }
#endif
    la_leaves8_some(x, feature, bin, trees, n, depth, leaf);
}
/* @end */

/* @part leaves32 needs trees
 * The same for bins above 255, more than 256 columns, or depth up to 16. */
LA_FN void la_leaves32(const int32_t *x, int32_t width, const int32_t *feature, const uint16_t *bin, int32_t trees,
                       int32_t n, int32_t depth, uint16_t *LA_RESTRICT leaf) {
    int32_t level, t;
    (void)width;
    for (t = 0; t < n; t++) {
        uint32_t number = 0;
        for (level = 0; level < depth; level++) {
            number |= (uint32_t)(x[feature[level * trees + t]] > bin[level * trees + t]) << level;
        }
        leaf[t] = (uint16_t)number;
    }
}
/* @end */

/* @part forms needs core
 * What the k numbers of a leaf are added to. */
enum {
    LA_ONE,   /* k = 1: the column `first` */
    LA_ROW,   /* the columns first .. first + k - 1 */
    LA_SPARSE /* number 0 to `first` and the others to columns that each tree names; all to such if `first` < 0 */
};
/* @end */

/* @part add needs forms
 * Adds the leaves of n trees to the sums. `each` is the count of leaf numbers of a tree. */
#define LA_DEFINE_ADD(NAME, LEAF)                                                                                \
    LA_FN void NAME(const LEAF *leaves, const uint16_t *leaf, int32_t n, int32_t each, int32_t form, int32_t k,  \
                    int32_t first, const uint16_t *targets, int32_t *LA_RESTRICT sums) {                         \
        int32_t t, j, total = 0;                                                                                 \
        if (form == LA_ONE) {                                                                                    \
            for (t = 0; t < n; t++, leaves += each) {                                                            \
                total += leaves[leaf[t]];                                                                        \
            }                                                                                                    \
            sums[first] += total;                                                                                \
        } else if (form == LA_ROW) {                                                                             \
            for (t = 0; t < n; t++, leaves += each) {                                                            \
                const LEAF *row = leaves + leaf[t] * k;                                                          \
                for (j = 0; j < k; j++) {                                                                        \
                    sums[first + j] += row[j];                                                                   \
                }                                                                                                \
            }                                                                                                    \
        } else {                                                                                                 \
            for (t = 0; t < n; t++, leaves += each, targets += k - 1) {                                          \
                const LEAF *row = leaves + leaf[t] * k;                                                          \
                total += row[0];                                                                                 \
                for (j = 1; j < k; j++) {                                                                        \
                    sums[targets[j - 1]] += row[j];                                                              \
                }                                                                                                \
            }                                                                                                    \
            sums[first] += total;                                                                                \
        }                                                                                                        \
    }
/* @end */

/* @part oblivious needs add
 * A whole forest. A last block that is not full starts earlier and repeats leaf numbers, but adds only its own. */
#define LA_DEFINE_OBLIVIOUS(NAME, LEAVES, ADD, X, FEATURE, BIN, LEAF)                                            \
    LA_FN void NAME(const X *x, int32_t width, const FEATURE *feature, const BIN *bin, int32_t trees,            \
                    int32_t depth, const LEAF *leaves, int32_t form, int32_t k, int32_t first,                   \
                    const uint16_t *targets, int32_t *LA_RESTRICT sums) {                                        \
        uint16_t leaf[LA_BLOCK];                                                                                 \
        int32_t each = (int32_t)((uint32_t)k << depth), done = 0;                                                \
        while (done < trees) {                                                                                   \
            int32_t n = trees - done < LA_BLOCK ? trees - done : LA_BLOCK;                                       \
            int32_t from = trees < LA_BLOCK ? 0 : done + n - LA_BLOCK;                                           \
            LEAVES(x, width, feature + from, bin + from, trees, trees < LA_BLOCK ? n : LA_BLOCK, depth, leaf);   \
            ADD(leaves + (size_t)done * (size_t)each, leaf + (done - from), n, each, form, k, first,             \
                form == LA_SPARSE ? targets + (size_t)done * (size_t)(k - 1) : targets, sums);                   \
            done += n;                                                                                           \
        }                                                                                                        \
    }
/* @end */
/* @part add_i8 needs add */
LA_DEFINE_ADD(la_add_i8, int8_t)
/* @end */
/* @part add_i16 needs add */
LA_DEFINE_ADD(la_add_i16, int16_t)
/* @end */
/* @part add_i32 needs add */
LA_DEFINE_ADD(la_add_i32, int32_t)
/* @end */
/* @part oblivious8_i8 needs oblivious leaves8 add_i8 */
LA_DEFINE_OBLIVIOUS(la_oblivious8_i8, la_leaves8, la_add_i8, uint8_t, uint8_t, uint8_t, int8_t)
/* @end */
/* @part oblivious8_i16 needs oblivious leaves8 add_i16 */
LA_DEFINE_OBLIVIOUS(la_oblivious8_i16, la_leaves8, la_add_i16, uint8_t, uint8_t, uint8_t, int16_t)
/* @end */
/* @part oblivious8_i32 needs oblivious leaves8 add_i32 */
LA_DEFINE_OBLIVIOUS(la_oblivious8_i32, la_leaves8, la_add_i32, uint8_t, uint8_t, uint8_t, int32_t)
/* @end */
/* @part oblivious32_i8 needs oblivious leaves32 add_i8 */
LA_DEFINE_OBLIVIOUS(la_oblivious32_i8, la_leaves32, la_add_i8, int32_t, int32_t, uint16_t, int8_t)
/* @end */
/* @part oblivious32_i16 needs oblivious leaves32 add_i16 */
LA_DEFINE_OBLIVIOUS(la_oblivious32_i16, la_leaves32, la_add_i16, int32_t, int32_t, uint16_t, int16_t)
/* @end */
/* @part oblivious32_i32 needs oblivious leaves32 add_i32 */
LA_DEFINE_OBLIVIOUS(la_oblivious32_i32, la_leaves32, la_add_i32, int32_t, int32_t, uint16_t, int32_t)
/* @end */

/* @part walk needs core
 * Ragged trees: LA_WALKS trees at once, each a step at a time, so that their loads overlap; no branch depends on a
 * comparison, and a tree that is at a leaf stays there. `feature` is 2 * column + (NaN goes left). Child 2 * i + 1 is
 * the right one of node i; with NEAR, inner children are counted from node i. Eight variables, because compilers keep
 * those in registers, and an array not. */
#define LA_WALKS 8
#ifdef LA_SMALL
#define LA_DEFINE_WALK(NAME, X, RIGHT, FEATURE, CHILD, NEAR)                                                    \
    LA_FN void NAME(const X *x, const FEATURE *feature, const X *threshold, const CHILD *child,                 \
                    const int32_t *roots, int32_t n, int32_t *LA_RESTRICT leaf) {                               \
        int32_t t;                                                                                              \
        for (t = 0; t < n; t++) {                                                                               \
            int32_t at = roots[t];                                                                              \
            while (at >= 0) {                                                                                   \
                const uint32_t what = feature[at];                                                              \
                const int32_t next = child[2 * at + RIGHT(x[what >> 1], threshold[at], what)];                  \
                at = next + (at & -(int32_t)((next >= 0) & NEAR));                                              \
            }                                                                                                   \
            leaf[t] = ~at;                                                                                      \
        }                                                                                                       \
    }
#else
#define LA_DEFINE_WALK(NAME, X, RIGHT, FEATURE, CHILD, NEAR)                                                    \
    LA_FN int32_t NAME##_step(const X *x, const FEATURE *feature, const X *threshold, const CHILD *child,       \
                              int32_t at) {                                                                     \
        const int32_t node = at & -(int32_t)(at >= 0);                                                          \
        const uint32_t what = feature[node];                                                                    \
        const int32_t next = child[2 * node + RIGHT(x[what >> 1], threshold[node], what)];                      \
        return at < 0 ? at : next + (node & -(int32_t)((next >= 0) & NEAR));                                    \
    }                                                                                                           \
                                                                                                                \
    LA_FN void NAME(const X *x, const FEATURE *feature, const X *threshold, const CHILD *child,                 \
                    const int32_t *roots, int32_t n, int32_t *LA_RESTRICT leaf) {                               \
        int32_t a = roots[0], b = n > 1 ? roots[1] : -1, c = n > 2 ? roots[2] : -1;                             \
        int32_t d = n > 3 ? roots[3] : -1, e = n > 4 ? roots[4] : -1, f = n > 5 ? roots[5] : -1;                \
        int32_t g = n > 6 ? roots[6] : -1, h = n > 7 ? roots[7] : -1;                                           \
        while ((a & b & c & d & e & f & g & h) >= 0) { /* one of them is no leaf */                             \
            a = NAME##_step(x, feature, threshold, child, a);                                                   \
            b = NAME##_step(x, feature, threshold, child, b);                                                   \
            c = NAME##_step(x, feature, threshold, child, c);                                                   \
            d = NAME##_step(x, feature, threshold, child, d);                                                   \
            e = NAME##_step(x, feature, threshold, child, e);                                                   \
            f = NAME##_step(x, feature, threshold, child, f);                                                   \
            g = NAME##_step(x, feature, threshold, child, g);                                                   \
            h = NAME##_step(x, feature, threshold, child, h);                                                   \
        }                                                                                                       \
        leaf[0] = ~a, leaf[1] = ~b, leaf[2] = ~c, leaf[3] = ~d;                                                 \
        leaf[4] = ~e, leaf[5] = ~f, leaf[6] = ~g, leaf[7] = ~h;                                                 \
    }
#endif
/* @end */
/* @part right needs core */
LA_FN int32_t la_right(float x, float threshold, uint32_t what) {
    return !(x <= threshold) & !((x != x) & (int32_t)(what & 1u));
}
/* @end */
/* @part walk8 needs walk right */
LA_DEFINE_WALK(la_walk8, float, la_right, uint8_t, int8_t, 1)
/* @end */
/* @part walk16 needs walk right */
LA_DEFINE_WALK(la_walk16, float, la_right, uint16_t, int16_t, 0)
/* @end */
/* @part walk32 needs walk right */
LA_DEFINE_WALK(la_walk32, float, la_right, uint32_t, int32_t, 0)
/* @end */

/* @part ragged needs forms
 * A whole forest of trees with k numbers a leaf; tree t's leaves begin at starts[t]. */
#define LA_DEFINE_RAGGED(NAME, WALK, X, FEATURE, CHILD, LEAF)                                                    \
    LA_FN void NAME(const X *x, const FEATURE *feature, const X *threshold, const CHILD *child,                  \
                    const int32_t *roots, const int32_t *starts, int32_t trees, const LEAF *leaves,              \
                    int32_t form, int32_t k, int32_t first, const uint16_t *targets,                             \
                    int32_t *LA_RESTRICT sums) {                                                                 \
        int32_t leaf[LA_WALKS], from, t, j, common = first >= 0, total = 0;                                      \
        for (from = 0; from < trees; from += LA_WALKS) {                                                         \
            int32_t n = trees - from < LA_WALKS ? trees - from : LA_WALKS;                                       \
            WALK(x, feature, threshold, child, roots + from, n, leaf);                                           \
            for (t = 0; t < n; t++) {                                                                            \
                const LEAF *row = leaves + starts[from + t] + leaf[t] * k;                                       \
                total += common ? row[0] : 0;                                                                    \
                for (j = common; j < k; j++) {                                                                   \
                    sums[form == LA_ROW ? first + j : targets[(from + t) * (k - common) + j - common]] += row[j]; \
                }                                                                                                \
            }                                                                                                    \
        }                                                                                                        \
        if (common) {                                                                                            \
            sums[first] += total;                                                                                \
        }                                                                                                        \
    }
/* @end */
/* @part ragged8_i8 needs ragged walk8 */
LA_DEFINE_RAGGED(la_ragged8_i8, la_walk8, float, uint8_t, int8_t, int8_t)
/* @end */
/* @part ragged8_i16 needs ragged walk8 */
LA_DEFINE_RAGGED(la_ragged8_i16, la_walk8, float, uint8_t, int8_t, int16_t)
/* @end */
/* @part ragged16_i8 needs ragged walk16 */
LA_DEFINE_RAGGED(la_ragged16_i8, la_walk16, float, uint16_t, int16_t, int8_t)
/* @end */
/* @part ragged16_i16 needs ragged walk16 */
LA_DEFINE_RAGGED(la_ragged16_i16, la_walk16, float, uint16_t, int16_t, int16_t)
/* @end */
/* @part ragged16_i32 needs ragged walk16 */
LA_DEFINE_RAGGED(la_ragged16_i32, la_walk16, float, uint16_t, int16_t, int32_t)
/* @end */
/* @part ragged32_i8 needs ragged walk32 */
LA_DEFINE_RAGGED(la_ragged32_i8, la_walk32, float, uint32_t, int32_t, int8_t)
/* @end */
/* @part ragged32_i16 needs ragged walk32 */
LA_DEFINE_RAGGED(la_ragged32_i16, la_walk32, float, uint32_t, int32_t, int16_t)
/* @end */
/* @part ragged32_i32 needs ragged walk32 */
LA_DEFINE_RAGGED(la_ragged32_i32, la_walk32, float, uint32_t, int32_t, int32_t)
/* @end */

/* @part tables needs core
 * An additive model. Term m has four numbers: column a, column b or -1, levels of b, first row of its table. */
#define LA_DEFINE_TABLES(NAME, X, VALUE)                                                                         \
    LA_FN void NAME(const X *x, const int32_t *terms, int32_t n, int32_t width, const VALUE *values,             \
                    int32_t *LA_RESTRICT sums) {                                                                 \
        int32_t m, j, total = 0;                                                                                 \
        for (m = 0; m < n; m++, terms += 4) {                                                                    \
            int32_t second = terms[1] < 0 ? 0 : (int32_t)x[terms[1]];                                            \
            const VALUE *row = values + (size_t)(terms[3] + (int32_t)x[terms[0]] * terms[2] + second) *          \
                                            (size_t)width;                                                       \
            total += row[0];                                                                                     \
            for (j = 1; j < width; j++) {                                                                        \
                sums[j] += row[j];                                                                               \
            }                                                                                                    \
        }                                                                                                        \
        sums[0] += total;                                                                                        \
    }
/* @end */
/* @part tables8_i8 needs tables */
LA_DEFINE_TABLES(la_tables8_i8, uint8_t, int8_t)
/* @end */
/* @part tables8_i16 needs tables */
LA_DEFINE_TABLES(la_tables8_i16, uint8_t, int16_t)
/* @end */
/* @part tables8_i32 needs tables */
LA_DEFINE_TABLES(la_tables8_i32, uint8_t, int32_t)
/* @end */
/* @part tables32_i8 needs tables */
LA_DEFINE_TABLES(la_tables32_i8, int32_t, int8_t)
/* @end */
/* @part tables32_i16 needs tables */
LA_DEFINE_TABLES(la_tables32_i16, int32_t, int16_t)
/* @end */
/* @part tables32_i32 needs tables */
LA_DEFINE_TABLES(la_tables32_i32, int32_t, int32_t)
/* @end */

/* @part score needs core */
LA_EXACT void la_score(const int32_t *sums, int32_t n, const float *scale, const float *bias, float *out) {
    int32_t j;
    for (j = 0; j < n; j++) {
        out[j] = (float)sums[j] * scale[j];
    }
    LA_OPAQUE;
    for (j = 0; j < n; j++) {
        out[j] = out[j] + bias[j];
    }
}
/* @end */

/* @part four needs core
 * Four outputs of a layer at a time: gcc 12 finds that at -O3 and not at -O2, and the code is no longer for it, so
 * LA_SMALL has it too. Where there are eight lanes or products and sums could be fused, it is left to compilers. */
#if defined(__SSE2__) && !defined(__AVX__) && !defined(__FMA__) && !defined(LA_AVX2) && !defined(LA_NO_VECTORS)
#define LA_FOUR 1
#include <emmintrin.h>
#endif
/* @end */

/* @part dense needs four
 * `weight` has a row of k for each of the n inputs; the inputs are added in order. */
LA_EXACT void la_dense(const float *x, int32_t n, const float *weight, const float *bias, int32_t k, int32_t relu,
                       float *LA_RESTRICT out) {
    int32_t i, j;
    memcpy(out, bias, (size_t)k * sizeof *out);
    LA_OPAQUE;
    for (i = 0; i < n; i++, weight += k) {
        const float v = x[i];
        j = 0;
#ifdef LA_FOUR
        for (; j + 4 <= k; j += 4) {
            const __m128 product = _mm_mul_ps(_mm_set1_ps(v), _mm_loadu_ps(weight + j));
            _mm_storeu_ps(out + j, _mm_add_ps(_mm_loadu_ps(out + j), product));
        }
#endif
        for (; j < k; j++) {
            float product = v * weight[j];
            out[j] = out[j] + product;
        }
    }
    for (j = 0; relu && j < k; j++) {
        out[j] = out[j] < 0.0f ? 0.0f : out[j];
    }
}
/* @end */

/* @part dot needs core */
LA_EXACT float la_dot(const float *a, const float *z, int32_t n) {
    float total = a[0];
    int32_t j;
    for (j = 0; j < n; j++) {
        float product = a[j + 1] * z[j];
        total = total + product;
    }
    return total;
}
/* @end */

/* @part blend needs core
 * Adds one weighted member; the first begins with the bias. */
LA_EXACT void la_blend(const float *total, const float *x, float weight, int32_t n, float *out) {
    int32_t j;
    if (total != out) {
        memcpy(out, total, (size_t)n * sizeof *out);
        LA_OPAQUE;
    }
    for (j = 0; j < n; j++) {
        float product = weight * x[j];
        out[j] = out[j] + product;
    }
}
/* @end */

#include "lean_automl_links.h"

#endif
