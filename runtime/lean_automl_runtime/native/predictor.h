/* predictor.h: what the parts of the Python extension share. */
#ifndef LEAN_AUTOML_PREDICTOR_H
#define LEAN_AUTOML_PREDICTOR_H

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>

#include "lean_automl_plan.h"

typedef void (*la_runner)(const uint8_t *plan, const la_slots *slots);

/* The runners of this machine's variants, each in a file of its own, compiled for other instructions. */
void la_run_portable(const uint8_t *plan, const la_slots *slots);
#if defined(__x86_64__) && defined(__GNUC__)
#define LA_HAVE_AVX2 1
void la_run_avx2(const uint8_t *plan, const la_slots *slots);
#endif

/* Slots of one row up to this size lie on the C stack. */
#define LA_STACK_BYTES 8192

/* A loaded plan. Nothing here changes after it was made, so threads may share it. */
typedef struct {
    PyObject_HEAD
    uint8_t *plan;           /* checked */
    const la_head *head;
    const la_column *columns;
    la_runner run;
    size_t slot_bytes;
    PyObject *names;         /* tuple of interned column names */
    PyObject **name;         /* the same, borrowed */
    PyObject *classes;       /* tuple of labels */
    PyTypeObject *prediction; /* a subclass of tuple, for (value, probabilities) */
    PyObject *parse;         /* (column number, value) -> float, str or int: for what C does not read itself */
    PyObject *explain;       /* (record) -> prediction, or the error of a record that cannot be read */
} Predictor;

/* Puts a caller's value into the slots of a column: 0, or -1 with an exception. */
int la_read_value(const Predictor *self, const la_slots *slots, int32_t column, PyObject *value);

/* Code of a str, and the numbers of the column's steps: negative with an exception if its bytes cannot be had. */
int32_t la_code_of(const Predictor *self, const la_column *column, PyObject *text, int32_t *ints);

/* The same of any value in a string column: 0, or -1 with an exception. */
int la_read_code(const Predictor *self, int32_t column, PyObject *value, int32_t *code, int32_t *ints);

/* Method `run(inputs, n, label, probabilities, prediction)`. */
PyObject *la_run_batch(PyObject *self, PyObject *args);

/* Methods that fill int32 codes: `encode(column, values, codes)` and
 * `encode_utf8(column, offsets, texts, validity, first, codes)`. */
PyObject *la_encode(PyObject *self, PyObject *args);
PyObject *la_encode_utf8(PyObject *self, PyObject *args);

#endif
