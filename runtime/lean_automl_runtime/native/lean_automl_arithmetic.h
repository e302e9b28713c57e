/* lean_automl_arithmetic.h: what Arithmetic and WithConstant do, of two floats at a time; a part of lean_automl_kernel.h.
 *
 * Each kind has one right answer in float32, but for the bits of a NaN.
 */
#ifndef LEAN_AUTOML_ARITHMETIC_H
#define LEAN_AUTOML_ARITHMETIC_H

/* @part arithmetic needs core */
enum {
    LA_ADD,
    LA_SUBTRACT,
    LA_MULTIPLY,
    LA_DIVIDE,
    LA_FLOOR_DIVIDE,
    LA_MINIMUM,
    LA_MAXIMUM,
    LA_LESS,
    LA_LESS_EQUAL,
    LA_EQUAL
};

LA_FN float la_floor(float x) {
    float whole;
    if (!(x > -8388608.0f && x < 8388608.0f)) {
        return x; /* whole, infinite or NaN */
    }
    whole = (float)(int32_t)x;
    return whole > x ? whole - 1.0f : whole < x ? whole : x; /* x itself keeps the sign of zero */
}

/* The kinds that do more than IEEE 754 has an operation for. */
LA_EXACT float la_choose(int32_t kind, float a, float b) {
    if (kind == LA_FLOOR_DIVIDE) {
        return la_floor(a / b);
    }
    if (kind == LA_MINIMUM || kind == LA_MAXIMUM) {
        return a != a || (kind == LA_MINIMUM ? a < b : a > b) ? a : b;
    }
    if (a != a || b != b) {
        return a + b;
    }
    return (kind == LA_LESS ? a < b : kind == LA_LESS_EQUAL ? a <= b : a == b) ? 1.0f : 0.0f;
}

LA_EXACT void la_arithmetic(int32_t kind, const float *a, const float *b, int32_t n, float *out) {
    int32_t j;
    if (kind > LA_DIVIDE) {
        for (j = 0; j < n; j++) {
            out[j] = la_choose(kind, a[j], b[j]);
        }
        return;
    }
    for (j = 0; j < n; j++) {
        out[j] = kind == LA_ADD        ? a[j] + b[j]
                 : kind == LA_SUBTRACT ? a[j] - b[j]
                 : kind == LA_MULTIPLY ? a[j] * b[j]
                                       : a[j] / b[j];
    }
    LA_OPAQUE;
}
/* @end */

#endif
