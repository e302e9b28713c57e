/* batch.c: many rows at once, from columns as they lie in memory.
 *
 * A column is any object with a one-dimensional buffer of numbers, strided or not, or of str objects. Texts are
 * turned into codes in blocks of rows; the interpreter lock is held for that and released for the rest.
 */
#include "predictor.h"

#include <stdlib.h>

#define LA_ROWS 256 /* a block of some columns fits in the first cache */
#define LA_SEEN 64 /* texts whose codes are remembered within a block, by address */

/* A column, and the numbers of a block of its rows in the type of its slot: one of the four. */
typedef struct {
    Py_buffer buffer;
    char format;
    int32_t *ints; /* of texts that are read whole: LA_ROWS times the numbers of the column's steps */
    union {
        float f[LA_ROWS];
        double d[LA_ROWS];
        int64_t l[LA_ROWS];
        int32_t i[LA_ROWS];
    } block;
} Source;

/* Numbers of a block, through double: a float slot takes what a double rounds to. */
static void read_numbers(Source *source, const char *at, Py_ssize_t rows, int as_float) {
    const Py_ssize_t step = source->buffer.strides[0];
    Py_ssize_t row;
    switch (source->format) {
#define LA_CASE(LETTER, TYPE)                                    \
    case LETTER:                                                 \
        for (row = 0; row < rows; row++, at += step) {           \
            TYPE number;                                         \
            memcpy(&number, at, sizeof number);                  \
            if (as_float) {                                      \
                source->block.f[row] = (float)(double)number;    \
            } else {                                             \
                source->block.d[row] = (double)number;           \
            }                                                    \
        }                                                        \
        break;
        LA_CASE('f', float)
        LA_CASE('b', signed char)
        LA_CASE('B', unsigned char)
        LA_CASE('?', unsigned char)
        LA_CASE('h', short)
        LA_CASE('H', unsigned short)
        LA_CASE('i', int)
        LA_CASE('I', unsigned int)
        LA_CASE('l', long)
        LA_CASE('L', unsigned long)
        LA_CASE('q', long long)
        LA_CASE('Q', unsigned long long)
        LA_CASE('d', double)
#undef LA_CASE
        default: break; /* `fits` lets no other through */
    }
}

static int64_t whole_at(const Source *source, const char *at) {
    int64_t wide;
    int32_t narrow;
    if (source->buffer.itemsize == 1) {
        return *(const uint8_t *)at;
    }
    if (source->buffer.itemsize == 4) {
        memcpy(&narrow, at, sizeof narrow);
        return narrow;
    }
    memcpy(&wide, at, sizeof wide);
    return wide;
}

static const char *address(const Source *source, Py_ssize_t row) {
    return (const char *)source->buffer.buf + row * source->buffer.strides[0];
}

/* Whether a column of this kind can be read from such a buffer. */
static int fits(const la_column *c, const Source *source) {
    const char format = source->format;
    const Py_ssize_t size = source->buffer.itemsize;
    if (c->kind == LA_CATEGORICAL || c->kind == LA_TEXT) {
        const int is_code = format == 'B' || ((format == 'i' || format == 'l') && size == 4);
        return (format == 'O' && size == (Py_ssize_t)sizeof(PyObject *)) || (is_code && c->steps == 0);
    }
    if (c->kind == LA_DATETIME) {
        return (format == 'l' || format == 'q') && size == 8;
    }
    return format != 'O' && strchr("fdbB?hHiIlLqQ", format) != NULL;
}

static int open_source(const Predictor *self, int32_t column, PyObject *object, Py_ssize_t n, Source *source) {
    const la_column *c = self->columns + column;
    const char *format;
    if (PyObject_GetBuffer(object, &source->buffer, PyBUF_FORMAT | PyBUF_STRIDES) < 0) {
        return -1;
    }
    format = source->buffer.format == NULL ? "B" : source->buffer.format;
    format += *format == '@' || *format == '=' || *format == '<';
    source->format = format[0] == '\0' || format[1] != '\0' ? '\0' : format[0];
    if (source->format == '\0' || source->buffer.ndim != 1 || source->buffer.shape[0] != n || !fits(c, source)) {
        PyBuffer_Release(&source->buffer);
        PyErr_Format(PyExc_TypeError, "column %U: a buffer of format %s does not fit", self->name[column], format);
        return -1;
    }
    if (c->ints > 0) {
        source->ints = (int32_t *)malloc((size_t)c->ints * LA_ROWS * sizeof(int32_t));
        if (source->ints == NULL) {
            PyBuffer_Release(&source->buffer);
            PyErr_NoMemory();
            return -1;
        }
    }
    return 0;
}

/* Codes of the texts of a block. Texts often share objects, so the last few are remembered by address. */
static int encode(const Predictor *self, const la_column *c, Source *source, Py_ssize_t first, Py_ssize_t rows) {
    PyObject *seen[LA_SEEN];
    int32_t code[LA_SEEN];
    Py_ssize_t row, where[LA_SEEN];
    memset(seen, 0, sizeof seen);
    for (row = 0; row < rows; row++) {
        PyObject *text;
        size_t at;
        memcpy(&text, address(source, first + row), sizeof text);
        at = ((uintptr_t)text >> 4) % LA_SEEN;
        if (text == NULL || seen[at] != text) {
            if (text == NULL || !PyUnicode_Check(text)) {
                PyErr_SetString(PyExc_TypeError, "a string column holds something else");
                return -1;
            }
            code[at] = la_code_of(self, c, text, source->ints + row * c->ints);
            if (code[at] < 0) {
                return -1;
            }
            seen[at] = text;
            where[at] = row;
        } else if (c->ints > 0) {
            memcpy(source->ints + row * c->ints, source->ints + where[at] * c->ints,
                   (size_t)c->ints * sizeof(int32_t));
        }
        source->block.i[row] = code[at];
    }
    return 0;
}

/* Numbers and codes of a block of rows, column by column. */
static void read_block(const Predictor *self, Source *sources, Py_ssize_t first, Py_ssize_t rows) {
    Py_ssize_t row;
    int32_t i;
    for (i = 0; i < self->head->columns; i++) {
        const la_column *c = self->columns + i;
        Source *source = sources + i;
        if (source->format == 'O') {
            continue; /* `encode` has read it */
        }
        if (c->space == LA_FLOATS || c->space == LA_DOUBLES) {
            read_numbers(source, address(source, first), rows, c->space == LA_FLOATS);
        } else if (c->space == LA_LONGS) {
            for (row = 0; row < rows; row++) {
                source->block.l[row] = whole_at(source, address(source, first + row));
            }
        } else {
            const uint32_t codes = (uint32_t)c->categories + LA_CODE_FIRST;
            for (row = 0; row < rows; row++) {
                const uint32_t code = (uint32_t)whole_at(source, address(source, first + row));
                source->block.i[row] = code < codes ? (int32_t)code : LA_CODE_UNSEEN;
            }
        }
    }
}

/* Where numbers of a block lie and which slots they go to, by the kind of slot: a row is loaded without a choice. */
typedef struct {
    const void *from;
    int32_t slot;
} Load;

typedef struct {
    Load *loads; /* those of floats, then of codes, of doubles and of longs; last, columns of texts read whole */
    int32_t end[5];
} Loads;

static int open_loads(const Predictor *self, const Source *sources, Loads *loads) {
    static const int32_t spaces[4] = {LA_FLOATS, LA_INTS, LA_DOUBLES, LA_LONGS};
    int32_t kind, i, count = 0;
    loads->loads = (Load *)malloc((2 * (size_t)self->head->columns + 1) * sizeof(Load));
    if (loads->loads == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (kind = 0; kind < 4; kind++) {
        for (i = 0; i < self->head->columns; i++) {
            if (self->columns[i].space == spaces[kind]) {
                loads->loads[count].from = &sources[i].block;
                loads->loads[count++].slot = self->columns[i].slot;
            }
        }
        loads->end[kind] = count;
    }
    for (i = 0; i < self->head->columns; i++) {
        if (self->columns[i].ints > 0) {
            loads->loads[count].from = sources[i].ints;
            loads->loads[count++].slot = i; /* of the column: it says where its numbers go */
        }
    }
    loads->end[4] = count;
    return 0;
}

static void load_row(const Predictor *self, const Loads *loads, const la_slots *slots, Py_ssize_t row) {
    const Load *load = loads->loads;
    for (; load < loads->loads + loads->end[0]; load++) {
        slots->f[load->slot] = ((const float *)load->from)[row];
    }
    for (; load < loads->loads + loads->end[1]; load++) {
        slots->i[load->slot] = ((const int32_t *)load->from)[row];
    }
    for (; load < loads->loads + loads->end[2]; load++) {
        slots->d[load->slot] = ((const double *)load->from)[row];
    }
    for (; load < loads->loads + loads->end[3]; load++) {
        slots->l[load->slot] = ((const int64_t *)load->from)[row];
    }
    for (; load < loads->loads + loads->end[4]; load++) {
        const la_column *c = self->columns + load->slot;
        memcpy(slots->i + c->first, (const int32_t *)load->from + row * c->ints, (size_t)c->ints * sizeof(int32_t));
    }
}

typedef struct {
    Py_buffer label, probabilities, prediction; /* obj is NULL where the caller wants none */
} Targets;

static void store_row(const Predictor *self, const la_slots *slots, const Targets *targets, Py_ssize_t row) {
    const la_head *h = self->head;
    if (targets->label.obj != NULL) {
        ((int32_t *)targets->label.buf)[row] = slots->i[h->label];
    }
    if (targets->probabilities.obj != NULL) {
        memcpy((float *)targets->probabilities.buf + row * h->width, slots->f + h->probabilities,
               (size_t)h->width * sizeof(float));
    }
    if (targets->prediction.obj != NULL) {
        memcpy((float *)targets->prediction.buf + row * h->outputs, slots->f + h->prediction,
               (size_t)h->outputs * sizeof(float));
    }
}

static int run_rows(const Predictor *self, Source *sources, const Targets *targets, Py_ssize_t n) {
    void *memory = malloc(self->slot_bytes);
    Py_ssize_t first, row;
    la_slots slots;
    Loads loads;
    int32_t i;
    if (memory == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    if (open_loads(self, sources, &loads) < 0) {
        free(memory);
        return -1;
    }
    slots = la_cut(self->head, memory);
    for (first = 0; first < n; first += LA_ROWS) {
        Py_ssize_t rows = n - first < LA_ROWS ? n - first : LA_ROWS;
        for (i = 0; i < self->head->columns; i++) {
            if (sources[i].format == 'O' && encode(self, self->columns + i, sources + i, first, rows) < 0) {
                free(loads.loads);
                free(memory);
                return -1;
            }
        }
        Py_BEGIN_ALLOW_THREADS;
        read_block(self, sources, first, rows);
        for (row = 0; row < rows; row++) {
            load_row(self, &loads, &slots, row);
            self->run(self->plan, &slots);
            store_row(self, &slots, targets, first + row);
        }
        Py_END_ALLOW_THREADS;
    }
    free(loads.loads);
    free(memory);
    return 0;
}

/* A writable contiguous buffer of n * width numbers of 4 bytes; None is no buffer. */
static int open_target(PyObject *object, Py_ssize_t n, int32_t slot, int32_t width, Py_buffer *buffer) {
    buffer->obj = NULL;
    if (object == Py_None) {
        return 0;
    }
    if (PyObject_GetBuffer(object, buffer, PyBUF_WRITABLE | PyBUF_C_CONTIGUOUS | PyBUF_FORMAT) < 0) {
        return -1;
    }
    if (slot < 0 || buffer->len != n * width * 4) {
        PyBuffer_Release(buffer);
        PyErr_SetString(PyExc_ValueError, "an output has another size");
        return -1;
    }
    return 0;
}

static void close_all(Source *sources, int32_t opened, Targets *targets) {
    int32_t i;
    for (i = 0; i < opened; i++) {
        PyBuffer_Release(&sources[i].buffer);
        free(sources[i].ints);
    }
    free(sources);
    PyBuffer_Release(&targets->label); /* does nothing where obj is NULL */
    PyBuffer_Release(&targets->probabilities);
    PyBuffer_Release(&targets->prediction);
}

PyObject *la_run_batch(PyObject *object, PyObject *args) {
    const Predictor *self = (const Predictor *)object;
    PyObject *inputs, *label, *probabilities, *prediction;
    Py_ssize_t n;
    Source *sources;
    Targets targets;
    int32_t opened = 0;
    int failed = 0;
    if (!PyArg_ParseTuple(args, "O!nOOO", &PyTuple_Type, &inputs, &n, &label, &probabilities, &prediction)) {
        return NULL;
    }
    if (self->explain == NULL || n < 0 || PyTuple_Size(inputs) != self->head->columns) {
        PyErr_SetString(PyExc_ValueError, "number of columns");
        return NULL;
    }
    memset(&targets, 0, sizeof targets);
    sources = (Source *)calloc((size_t)self->head->columns + 1, sizeof(Source));
    if (sources == NULL) {
        return PyErr_NoMemory();
    }
    for (; !failed && opened < self->head->columns; opened += !failed) {
        failed = open_source(self, opened, PyTuple_GetItem(inputs, opened), n, sources + opened) < 0;
    }
    failed = failed || open_target(label, n, self->head->label, 1, &targets.label) < 0 ||
             open_target(probabilities, n, self->head->probabilities, self->head->width, &targets.probabilities) < 0 ||
             open_target(prediction, n, self->head->prediction, self->head->outputs, &targets.prediction) < 0 ||
             run_rows(self, sources, &targets, n) < 0;
    close_all(sources, opened, &targets);
    if (failed) {
        return NULL;
    }
    Py_RETURN_NONE;
}
