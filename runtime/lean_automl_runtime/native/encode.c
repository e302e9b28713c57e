/* encode.c: whole columns of texts to codes, from Python objects or from Arrow's buffers. */
#include "predictor.h"

/* The column of a number if it is one of strings of which codes are all that is read, else NULL with an exception. */
static const la_column *string_column(const Predictor *self, int number) {
    if (self->explain == NULL || number < 0 || number >= self->head->columns ||
        self->columns[number].space != LA_INTS || self->columns[number].steps > 0) {
        PyErr_SetString(PyExc_ValueError, "not a string column");
        return NULL;
    }
    return self->columns + number;
}

static int open_codes(PyObject *object, Py_buffer *codes) {
    if (PyObject_GetBuffer(object, codes, PyBUF_WRITABLE | PyBUF_C_CONTIGUOUS) < 0) {
        return -1;
    }
    if (codes->itemsize != sizeof(int32_t)) {
        PyBuffer_Release(codes);
        PyErr_SetString(PyExc_TypeError, "codes are int32");
        return -1;
    }
    return 0;
}

#define LA_KNOWN 512 /* a power of two */

/* Codes of the last few texts, by address: columns often hold one object many times. References are held, because
 * parsing what lies between may run Python code, which may free a text and put another one there. */
typedef struct {
    PyObject *text[LA_KNOWN];
    int32_t code[LA_KNOWN];
} Known;

/* Addresses are multiples of 16, and texts that were made one after the other have near ones: their bits are mixed. */
static size_t place_of(const PyObject *value) {
    return (uint32_t)((uint32_t)((uintptr_t)value >> 4) * 0x9E3779B9u) >> 23; /* 32 - 23 bits: below LA_KNOWN */
}

/* As la_read_code, and remembers it. Only an exact str has a code that cannot change. */
static int read_new(const Predictor *self, int column, PyObject *value, Known *known, int32_t *code) {
    const size_t at = place_of(value);
    int failed;
    Py_INCREF(value); /* parsing may run Python code, which may change the array */
    failed = la_read_code(self, column, value, code, NULL) < 0;
    if (!failed && PyUnicode_CheckExact(value)) {
        PyObject *before = known->text[at];
        known->text[at] = value;
        known->code[at] = *code;
        value = before;
    }
    Py_XDECREF(value);
    return failed ? -1 : 0;
}

PyObject *la_encode(PyObject *object, PyObject *args) {
    const Predictor *self = (const Predictor *)object;
    Known known;
    size_t at;
    PyObject *values, *target;
    Py_buffer from, to;
    Py_ssize_t n, row;
    int32_t *codes;
    int column, failed = 0;
    if (!PyArg_ParseTuple(args, "iOO", &column, &values, &target) || string_column(self, column) == NULL ||
        PyObject_GetBuffer(values, &from, PyBUF_FORMAT | PyBUF_STRIDES) < 0) {
        return NULL;
    }
    if (open_codes(target, &to) < 0) {
        PyBuffer_Release(&from);
        return NULL;
    }
    codes = (int32_t *)to.buf;
    n = to.len / (Py_ssize_t)sizeof(int32_t);
    if (from.ndim != 1 || from.shape[0] != n || from.format == NULL || strcmp(from.format, "O") != 0) {
        PyErr_SetString(PyExc_TypeError, "takes a one-dimensional array of objects, and as many codes");
        failed = 1;
    }
    memset(&known, 0, sizeof known);
    for (row = 0; row < n && !failed; row++) {
        PyObject *value;
        memcpy(&value, (const char *)from.buf + row * from.strides[0], sizeof value);
        value = value == NULL ? Py_None : value;
        at = place_of(value);
        if (known.text[at] == value) { /* what is held already needs no reference, whose count would take most of the time */
            codes[row] = known.code[at];
        } else {
            failed = read_new(self, column, value, &known, codes + row) < 0;
        }
    }
    for (at = 0; at < LA_KNOWN; at++) {
        Py_XDECREF(known.text[at]);
    }
    PyBuffer_Release(&from);
    PyBuffer_Release(&to);
    if (failed) {
        return NULL;
    }
    Py_RETURN_NONE;
}

typedef struct {
    Py_buffer offsets, texts, validity; /* validity.obj is NULL where all are valid */
} Arrow;

static int64_t offset_at(const Arrow *arrow, int wide, Py_ssize_t at) {
    int64_t wide_offset;
    int32_t offset;
    if (wide) {
        memcpy(&wide_offset, (const char *)arrow->offsets.buf + 8 * at, sizeof wide_offset);
        return wide_offset;
    }
    memcpy(&offset, (const char *)arrow->offsets.buf + 4 * at, sizeof offset);
    return offset;
}

/* 0, or -1 where offsets lead out of the buffers. */
static int encode_rows(const Predictor *self, const la_column *c, const Arrow *arrow, int wide, Py_ssize_t first,
                       Py_ssize_t n, int32_t *codes) {
    const uint8_t *valid = arrow->validity.obj == NULL ? NULL : (const uint8_t *)arrow->validity.buf;
    Py_ssize_t row;
    for (row = 0; row < n; row++) {
        Py_ssize_t at = first + row;
        int64_t begin = offset_at(arrow, wide, at), end = offset_at(arrow, wide, at + 1);
        if (begin < 0 || end < begin || end > arrow->texts.len) {
            return -1;
        }
        if (valid != NULL && !(valid[at / 8] >> (at % 8) & 1)) {
            codes[row] = LA_CODE_MISSING;
        } else {
            codes[row] = la_code(self->plan, c, (const char *)arrow->texts.buf + begin, (size_t)(end - begin));
        }
    }
    return 0;
}

static int open_arrow(PyObject *offsets, PyObject *texts, PyObject *validity, Arrow *arrow) {
    memset(arrow, 0, sizeof *arrow);
    return PyObject_GetBuffer(offsets, &arrow->offsets, PyBUF_SIMPLE) < 0 ||
                   PyObject_GetBuffer(texts, &arrow->texts, PyBUF_SIMPLE) < 0 ||
                   (validity != Py_None && PyObject_GetBuffer(validity, &arrow->validity, PyBUF_SIMPLE) < 0)
               ? -1
               : 0;
}

PyObject *la_encode_utf8(PyObject *object, PyObject *args) {
    const Predictor *self = (const Predictor *)object;
    PyObject *offsets, *texts, *validity, *target;
    const la_column *c;
    Py_buffer to;
    Py_ssize_t first, n;
    Arrow arrow;
    int column, wide, failed;
    if (!PyArg_ParseTuple(args, "iOOOnpO", &column, &offsets, &texts, &validity, &first, &wide, &target)) {
        return NULL;
    }
    c = string_column(self, column);
    if (c == NULL || open_codes(target, &to) < 0) {
        return NULL;
    }
    n = to.len / (Py_ssize_t)sizeof(int32_t);
    failed = open_arrow(offsets, texts, validity, &arrow) < 0;
    if (!failed && (first < 0 || first + n + 1 > arrow.offsets.len / (wide ? 8 : 4) ||
                    (arrow.validity.obj != NULL && (first + n + 7) / 8 > arrow.validity.len))) {
        PyErr_SetString(PyExc_ValueError, "Arrow buffers are too short");
        failed = 1;
    }
    if (!failed) {
        int outside;
        Py_BEGIN_ALLOW_THREADS;
        outside = encode_rows(self, c, &arrow, wide, first, n, (int32_t *)to.buf);
        Py_END_ALLOW_THREADS;
        if (outside < 0) {
            PyErr_SetString(PyExc_ValueError, "an Arrow offset lies outside its buffer");
            failed = 1;
        }
    }
    PyBuffer_Release(&arrow.offsets);
    PyBuffer_Release(&arrow.texts);
    PyBuffer_Release(&arrow.validity);
    PyBuffer_Release(&to);
    if (failed) {
        return NULL;
    }
    Py_RETURN_NONE;
}
