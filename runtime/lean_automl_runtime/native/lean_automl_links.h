/* lean_automl_links.h: from scores to probabilities, numbers and labels; a part of lean_automl_kernel.h. */
#ifndef LEAN_AUTOML_LINKS_H
#define LEAN_AUTOML_LINKS_H

/* @part exp needs core
 * As exp32.py: range reduction and polynomial of Cephes expf, each step rounded to float. */
LA_EXACT float la_exp(float x) {
    const float round = 12582912.0f; /* 1.5 * 2^23: adding and taking it away leaves a whole number */
    float power, r, series, scale;
    uint32_t bits;
    x = x < -87.0f ? -87.0f : x > 88.0f ? 88.0f : x;
    power = x * 1.44269504f;
    power = (power + round) - round;
    r = power * 0.693359375f;
    r = x - r;
    scale = power * -2.12194440e-4f;
    r = r - scale;
    series = 1.9875691500e-4f * r;
    series = (series + 1.3981999507e-3f) * r;
    series = (series + 8.3334519073e-3f) * r;
    series = (series + 4.1665795894e-2f) * r;
    series = (series + 1.6666665459e-1f) * r;
    series = series + 5.0000001201e-1f;
    scale = r * r;
    series = series * scale;
    series = (series + r) + 1.0f;
    bits = (uint32_t)((x != x ? 0 : (int32_t)power) + 127) << 23;
    memcpy(&scale, &bits, sizeof scale);
    return series * scale;
}
/* @end */

/* @part sigmoid needs exp */
LA_EXACT void la_sigmoid(float x, float *out) {
    float p = 1.0f / (1.0f + la_exp(-x));
    out[0] = 1.0f - p;
    out[1] = p;
}
/* @end */

/* @part softmax needs exp */
LA_EXACT void la_softmax(const float *x, int32_t n, float *out) {
    float top = x[0], total;
    int32_t j;
    for (j = 1; j < n; j++) {
        top = x[j] > top || x[j] != x[j] ? x[j] : top; /* a NaN stays: no comparison with it holds */
    }
    for (j = 0; j < n; j++) {
        out[j] = la_exp(x[j] - top);
    }
    total = out[0];
    for (j = 1; j < n; j++) {
        total = total + out[j];
    }
    for (j = 0; j < n; j++) {
        out[j] = out[j] / total;
    }
}
/* @end */

/* @part exponential needs exp */
LA_EXACT void la_exponential(const float *x, int32_t n, float *out) {
    int32_t j;
    for (j = 0; j < n; j++) {
        out[j] = la_exp(x[j]);
    }
}
/* @end */

/* @part label needs core
 * The first of the greatest; the first NaN is greater than any number, as in NumPy. */
LA_FN int32_t la_label(const float *p, int32_t n) {
    int32_t best = 0, j;
    for (j = 1; j < n; j++) {
        best = p[best] == p[best] && (p[j] > p[best] || p[j] != p[j]) ? j : best;
    }
    return best;
}
/* @end */

#endif
