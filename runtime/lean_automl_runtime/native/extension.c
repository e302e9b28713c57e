/* extension.c: the module lean_automl_runtime._native: loads a plan and answers for one record at a time. */
#include "predictor.h"

#include <stdlib.h>

#include "lean_automl_check.h"

/* --- loading ------------------------------------------------------------------------------------------------- */

/* A checked copy of the plan's bytes, or NULL with a ValueError. */
static uint8_t *copy_plan(PyObject *bytes) {
    char *raw;
    Py_ssize_t size;
    uint8_t *plan;
    void *work;
    size_t work_bytes;
    const char *problem;
    int32_t line;
    if (PyBytes_AsStringAndSize(bytes, &raw, &size) < 0) {
        return NULL;
    }
    plan = (uint8_t *)malloc((size_t)size + 8);
    if (plan == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    memcpy(plan, raw, (size_t)size);
    work_bytes = la_check_bytes(plan, (size_t)size);
    if (work_bytes == 0) {
        PyErr_SetString(PyExc_ValueError, "head of the plan");
        free(plan);
        return NULL;
    }
    work = calloc(work_bytes, 1);
    if (work == NULL) {
        PyErr_NoMemory();
        free(plan);
        return NULL;
    }
    problem = la_check(plan, work, &line);
    free(work);
    if (problem != NULL) {
        PyErr_Format(PyExc_ValueError, "%s (line %d of the plan)", problem, (int)line);
        free(plan);
        return NULL;
    }
    return plan;
}

/* What this processor can do; LEAN_AUTOML_NATIVE=portable in the environment asks for plain code. */
static la_runner best_runner(const char **name) {
#ifdef LA_HAVE_AVX2
    const char *wanted = getenv("LEAN_AUTOML_NATIVE");
    if ((wanted == NULL || strcmp(wanted, "portable") != 0) && __builtin_cpu_supports("avx2")) {
        *name = "avx2";
        return la_run_avx2;
    }
#endif
    *name = "portable";
    return la_run_portable;
}

static int intern_names(Predictor *self, PyObject *names) {
    Py_ssize_t n = PyTuple_Size(names), i;
    self->names = PyTuple_New(n);
    self->name = (PyObject **)calloc((size_t)n + 1, sizeof(PyObject *));
    if (self->names == NULL || self->name == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (i = 0; i < n; i++) {
        PyObject *name = PyTuple_GetItem(names, i);
        if (name == NULL || !PyUnicode_Check(name)) {
            PyErr_SetString(PyExc_TypeError, "a column name is not a str");
            return -1;
        }
        Py_INCREF(name);
        PyUnicode_InternInPlace(&name);
        self->name[i] = name;
        PyTuple_SetItem(self->names, i, name);
    }
    return 0;
}

static int predictor_init(PyObject *object, PyObject *args, PyObject *keywords) {
    Predictor *self = (Predictor *)object;
    PyObject *bytes, *names, *classes, *prediction, *parse, *explain;
    const char *variant;
    if (self->plan != NULL || (keywords != NULL && PyDict_Size(keywords) != 0)) {
        PyErr_SetString(PyExc_TypeError, "Predictor takes six positional arguments, once");
        return -1;
    }
    if (!PyArg_ParseTuple(args, "O!O!O!OOO", &PyBytes_Type, &bytes, &PyTuple_Type, &names, &PyTuple_Type, &classes,
                          &prediction, &parse, &explain)) {
        return -1;
    }
    if (!PyType_Check(prediction) || !PyType_IsSubtype((PyTypeObject *)prediction, &PyTuple_Type)) {
        PyErr_SetString(PyExc_TypeError, "prediction is not a subclass of tuple");
        return -1;
    }
    self->plan = copy_plan(bytes);
    if (self->plan == NULL) {
        return -1;
    }
    self->head = (const la_head *)(const void *)self->plan;
    self->columns = (const la_column *)(const void *)(self->plan + self->head->columns_at);
    self->slot_bytes = la_slot_bytes(self->head);
    self->run = best_runner(&variant);
    if (PyTuple_Size(names) != self->head->columns || PyTuple_Size(classes) != self->head->classes) {
        PyErr_SetString(PyExc_ValueError, "number of names or classes");
        return -1;
    }
    Py_INCREF(classes), Py_INCREF(prediction), Py_INCREF(parse), Py_INCREF(explain);
    self->classes = classes;
    self->prediction = (PyTypeObject *)prediction;
    self->parse = parse;
    self->explain = explain;
    return intern_names(self, names);
}

static int predictor_traverse(PyObject *object, visitproc visit, void *arg) {
    Predictor *self = (Predictor *)object;
    Py_VISIT(Py_TYPE(object));
    Py_VISIT(self->names);
    Py_VISIT(self->classes);
    Py_VISIT((PyObject *)self->prediction);
    Py_VISIT(self->parse);
    Py_VISIT(self->explain);
    return 0;
}

/* Breaks cycles, which go through the two callables; all else stays, so that a method never finds it gone. */
static int predictor_clear(PyObject *object) {
    Predictor *self = (Predictor *)object;
    Py_CLEAR(self->parse);
    Py_CLEAR(self->explain);
    return 0;
}

static void predictor_dealloc(PyObject *object) {
    Predictor *self = (Predictor *)object;
    PyTypeObject *type = Py_TYPE(object);
    PyObject_GC_UnTrack(object);
    predictor_clear(object);
    Py_CLEAR(self->names);
    Py_CLEAR(self->classes);
    Py_XDECREF((PyObject *)self->prediction);
    free(self->name);
    free(self->plan);
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(object);
    Py_DECREF(type);
}

/* --- one record ---------------------------------------------------------------------------------------------- */

#define LA_MOST_SKIPPED 2

/* The next value of a dict if its key is `name`; keys that are no columns of ours may lie between. */
static PyObject *next_value(PyObject *record, Py_ssize_t *at, PyObject *name) {
    PyObject *key, *value;
    int skipped;
    for (skipped = 0; *at >= 0 && skipped <= LA_MOST_SKIPPED; skipped++) {
        if (!PyDict_Next(record, at, &key, &value)) {
            break;
        }
        if (key == name || (PyUnicode_CheckExact(key) && PyUnicode_Compare(key, name) == 0)) {
            return value;
        }
    }
    *at = -1; /* another order than ours: look keys up from here on */
    return NULL;
}

static int read_dict(const Predictor *self, const la_slots *slots, PyObject *record) {
    Py_ssize_t at = 0;
    int32_t i;
    for (i = 0; i < self->head->columns; i++) {
        PyObject *value = next_value(record, &at, self->name[i]);
        if (value == NULL) {
            value = PyDict_GetItemWithError(record, self->name[i]);
        }
        if (value == NULL) {
            if (!PyErr_Occurred()) {
                PyErr_SetObject(PyExc_KeyError, self->name[i]);
            }
            return -1;
        }
        if (la_read_value(self, slots, i, value) < 0) {
            return -1;
        }
    }
    return 0;
}

static int read_tuple(const Predictor *self, const la_slots *slots, PyObject *record) {
    int32_t i;
    if (PyTuple_Size(record) != self->head->columns) {
        PyErr_SetString(PyExc_TypeError, "a tuple has a value for each column");
        return -1;
    }
    for (i = 0; i < self->head->columns; i++) {
        if (la_read_value(self, slots, i, PyTuple_GetItem(record, i)) < 0) {
            return -1;
        }
    }
    return 0;
}

static int read_mapping(const Predictor *self, const la_slots *slots, PyObject *record) {
    int32_t i;
    for (i = 0; i < self->head->columns; i++) {
        PyObject *value = PyObject_GetItem(record, self->name[i]);
        int failed = value == NULL || la_read_value(self, slots, i, value) < 0;
        Py_XDECREF(value);
        if (failed) {
            return -1;
        }
    }
    return 0;
}

static PyObject *floats(const float *numbers, int32_t n) {
    PyObject *result = PyTuple_New(n);
    int32_t i;
    for (i = 0; result != NULL && i < n; i++) {
        PyObject *number = PyFloat_FromDouble((double)numbers[i]);
        if (number == NULL) {
            Py_CLEAR(result);
        } else {
            PyTuple_SetItem(result, i, number);
        }
    }
    return result;
}

/* Prediction(value, probabilities), without the two tuples that a call of its type would make on the way. */
static PyObject *answer(const Predictor *self, const la_slots *slots) {
    const la_head *h = self->head;
    PyObject *value, *numbers, *result;
    if (h->label >= 0) {
        value = PyTuple_GetItem(self->classes, slots->i[h->label]);
        Py_XINCREF(value);
        numbers = floats(slots->f + h->probabilities, h->probabilities < 0 ? 0 : h->width);
    } else {
        if (h->prediction >= 0 && h->outputs > 1) {
            value = floats(slots->f + h->prediction, h->outputs);
        } else {
            value = PyFloat_FromDouble(h->prediction < 0 ? Py_NAN : (double)slots->f[h->prediction]);
        }
        numbers = PyTuple_New(0);
    }
    result = value == NULL || numbers == NULL ? NULL : PyType_GenericAlloc(self->prediction, 2);
    if (result == NULL) {
        Py_XDECREF(value);
        Py_XDECREF(numbers);
        return NULL;
    }
    PyTuple_SetItem(result, 0, value);
    PyTuple_SetItem(result, 1, numbers);
    return result;
}

/* The error that Python code gives for a record that could not be read, with the column and the value. */
static PyObject *explained(const Predictor *self, PyObject *record) {
    if (!PyErr_ExceptionMatches(PyExc_KeyError) && !PyErr_ExceptionMatches(PyExc_ValueError) &&
        !PyErr_ExceptionMatches(PyExc_TypeError) && !PyErr_ExceptionMatches(PyExc_AttributeError)) {
        return NULL;
    }
    PyErr_Clear();
    return PyObject_CallFunctionObjArgs(self->explain, record, NULL);
}

static PyObject *predict_one(PyObject *object, PyObject *record) {
    const Predictor *self = (const Predictor *)object;
    uint64_t stack[LA_STACK_BYTES / 8];
    void *memory = stack;
    PyObject *result = NULL;
    la_slots slots;
    int failed;
    if (self->explain == NULL) {
        PyErr_SetString(PyExc_RuntimeError, "the predictor was not made");
        return NULL;
    }
    if (self->slot_bytes > sizeof stack) {
        memory = malloc(self->slot_bytes);
        if (memory == NULL) {
            return PyErr_NoMemory();
        }
    }
    slots = la_cut(self->head, memory);
    if (PyDict_CheckExact(record)) {
        failed = read_dict(self, &slots, record);
    } else if (PyTuple_CheckExact(record)) {
        failed = read_tuple(self, &slots, record);
    } else {
        failed = read_mapping(self, &slots, record);
    }
    if (failed < 0) {
        result = explained(self, record);
    } else {
        self->run(self->plan, &slots);
        result = answer(self, &slots);
    }
    if (memory != stack) {
        free(memory);
    }
    return result;
}

/* --- module -------------------------------------------------------------------------------------------------- */

static PyMethodDef methods[] = {
    {"predict_one", predict_one, METH_O, "The prediction for one record: a mapping, or a tuple in order of columns."},
    {"run", la_run_batch, METH_VARARGS, "Fills output arrays for n rows of typed column arrays."},
    {"encode", la_encode, METH_VARARGS, "Fills the codes of a string column from an array of objects."},
    {"encode_utf8", la_encode_utf8, METH_VARARGS, "Fills the codes of a string column from Arrow's buffers."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot slots_of_type[] = {
    {Py_tp_doc, "Predictor(plan, names, classes, prediction, parse, explain): a loaded plan."},
    {Py_tp_init, predictor_init},
    {Py_tp_new, PyType_GenericNew},
    {Py_tp_traverse, predictor_traverse},
    {Py_tp_clear, predictor_clear},
    {Py_tp_dealloc, predictor_dealloc},
    {Py_tp_methods, methods},
    {0, NULL},
};

static PyType_Spec type_spec = {
    "lean_automl_runtime._native.Predictor",
    (int)sizeof(Predictor),
    0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    slots_of_type,
};

static int fill_module(PyObject *module) {
    const char *variant;
    PyObject *type = PyType_FromModuleAndSpec(module, &type_spec, NULL);
    if (type == NULL || PyModule_AddType(module, (PyTypeObject *)type) < 0) {
        Py_XDECREF(type);
        return -1;
    }
    Py_DECREF(type);
    best_runner(&variant);
    return PyModule_AddStringConstant(module, "variant", variant);
}

static PyModuleDef_Slot module_slots[] = {{Py_mod_exec, fill_module}, {0, NULL}};

static PyModuleDef module_definition = {
    PyModuleDef_HEAD_INIT,
    "_native",
    "Evaluates flat plans of Programs with compiled code.",
    0,
    NULL,
    module_slots,
    NULL,
    NULL,
    NULL,
};

PyMODINIT_FUNC PyInit__native(void) { return PyModuleDef_Init(&module_definition); }
