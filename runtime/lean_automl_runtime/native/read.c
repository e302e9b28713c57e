/* read.c: from Python values to raw slots, as values.py defines it.
 *
 * Exact float, int, bool, str and None are read here; any other value, and text that needs thought, goes to Python.
 */
#include "predictor.h"

#define LA_LONGEST_NUMBER 24

static int32_t code_of_number(const Predictor *self, const la_column *column, long long number, int32_t *ints) {
    char text[LA_LONGEST_NUMBER];
    int at = LA_LONGEST_NUMBER;
    unsigned long long rest = number < 0 ? 0ull - (unsigned long long)number : (unsigned long long)number;
    do {
        text[--at] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest != 0);
    if (number < 0) {
        text[--at] = '-';
    }
    return la_read(self->plan, column, text + at, (size_t)(LA_LONGEST_NUMBER - at), ints);
}

int32_t la_code_of(const Predictor *self, const la_column *column, PyObject *text, int32_t *ints) {
    Py_ssize_t length;
    const char *bytes = PyUnicode_AsUTF8AndSize(text, &length);
    PyObject *encoded;
    char *raw;
    int32_t code;
    if (bytes != NULL) {
        return la_read(self->plan, column, bytes, (size_t)length, ints);
    }
    if (!PyErr_ExceptionMatches(PyExc_UnicodeEncodeError)) {
        return -1;
    }
    PyErr_Clear(); /* a lone surrogate: compared by its bytes like any other text */
    encoded = PyUnicode_AsEncodedString(text, "utf-8", "surrogatepass");
    if (encoded == NULL || PyBytes_AsStringAndSize(encoded, &raw, &length) < 0) {
        Py_XDECREF(encoded);
        return -1;
    }
    code = la_read(self->plan, column, raw, (size_t)length, ints);
    Py_DECREF(encoded);
    return code;
}

/* What Python makes of a value: a new reference. */
static PyObject *parsed(const Predictor *self, int32_t column, PyObject *value) {
    return PyObject_CallFunction(self->parse, "iO", (int)column, value);
}

/* Text of a plain decimal number, as Python's float reads it. 0 if Python had better look. */
static int read_number_text(PyObject *value, double *number) {
    Py_ssize_t length, i;
    const char *text = PyUnicode_AsUTF8AndSize(value, &length);
    char *end;
    if (text == NULL || length == 0 || length > 64) {
        PyErr_Clear();
        return 0;
    }
    for (i = 0; i < length; i++) {
        const char c = text[i];
        if (!((c >= '0' && c <= '9') || c == '.' || c == '-' || c == '+' || c == 'e' || c == 'E')) {
            return 0;
        }
    }
    *number = PyOS_string_to_double(text, &end, NULL);
    if (end != text + length || PyErr_Occurred()) {
        PyErr_Clear();
        return 0;
    }
    return 1;
}

static int read_number(const Predictor *self, int32_t column, PyObject *value, double *number) {
    const int boolean = self->columns[column].kind == LA_BOOLEAN;
    PyObject *result;
    if (PyFloat_CheckExact(value)) {
        *number = PyFloat_AsDouble(value);
        if (!boolean || *number == 0.0 || *number == 1.0 || *number != *number) {
            return 0;
        }
    } else if (value == Py_None) {
        *number = Py_NAN;
        return 0;
    } else if (PyBool_Check(value)) {
        *number = value == Py_True ? 1.0 : 0.0;
        return 0;
    } else if (PyLong_CheckExact(value)) {
        *number = PyLong_AsDouble(value);
        if (PyErr_Occurred()) {
            PyErr_Clear();
        } else if (!boolean || *number == 0.0 || *number == 1.0) {
            return 0;
        }
    } else if (!boolean && PyUnicode_CheckExact(value) && read_number_text(value, number)) {
        return 0;
    }
    result = parsed(self, column, value);
    if (result == NULL) {
        return -1;
    }
    *number = PyFloat_AsDouble(result);
    Py_DECREF(result);
    return PyErr_Occurred() ? -1 : 0;
}

int la_read_code(const Predictor *self, int32_t column, PyObject *value, int32_t *code, int32_t *ints) {
    const la_column *c = self->columns + column;
    PyObject *result;
    if (PyUnicode_CheckExact(value)) {
        *code = la_code_of(self, c, value, ints);
        return *code < 0 ? -1 : 0;
    }
    if (value == Py_None) {
        *code = la_read(self->plan, c, "", 0, ints);
        return 0;
    }
    if (PyBool_Check(value)) {
        *code = value == Py_True ? la_read(self->plan, c, "True", 4, ints) : la_read(self->plan, c, "False", 5, ints);
        return 0;
    }
    if (PyLong_CheckExact(value)) {
        int overflow;
        long long number = PyLong_AsLongLongAndOverflow(value, &overflow);
        if (!overflow) {
            *code = code_of_number(self, c, number, ints);
            return 0;
        }
    } else if (PyFloat_CheckExact(value)) {
        double number = PyFloat_AsDouble(value);
        if (number != number) {
            *code = la_read(self->plan, c, "", 0, ints);
            return 0;
        }
        if (number > -1e15 && number < 1e15 && number == (double)(long long)number) {
            *code = code_of_number(self, c, (long long)number, ints);
            return 0;
        }
    }
    result = parsed(self, column, value);
    if (result == NULL) {
        return -1;
    }
    *code = la_code_of(self, c, result, ints);
    Py_DECREF(result);
    return *code < 0 ? -1 : 0;
}

/* `count` digits at `text`, or -1. */
static int digits(const char *text, int count) {
    int number = 0, i;
    for (i = 0; i < count; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return -1;
        }
        number = 10 * number + (text[i] - '0');
    }
    return number;
}

static int64_t days_from_civil(int64_t year, int month, int day) {
    int64_t y = year - (month <= 2), era = y / 400, of_era = y - era * 400; /* year >= 1 */
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

/* A fraction of a second, which is dropped, and a zone, to the end of a text: its seconds east of UTC. 0 if it is
 * something else. */
static int read_zone(const char *at, const char *end, int may_have_fraction, int *east) {
    int hours, minutes = 0;
    char sign;
    *east = 0;
    if (may_have_fraction && at < end && (*at == '.' || *at == ',')) {
        const char *first = ++at;
        while (at < end && *at >= '0' && *at <= '9') {
            at++;
        }
        if (at == first) {
            return 0;
        }
    }
    if (at == end) {
        return 1;
    }
    sign = *at++;
    if (sign == 'Z' || sign == 'z') {
        return at == end;
    }
    if ((sign != '+' && sign != '-') || end - at < 2 || (hours = digits(at, 2)) < 0) {
        return 0;
    }
    at += 2;
    if (at < end) {
        at += *at == ':';
        if (end - at != 2 || (minutes = digits(at, 2)) < 0) {
            return 0;
        }
    }
    *east = (hours * 3600 + minutes * 60) * (sign == '-' ? -1 : 1);
    return 1;
}

/* 2024-03-31 or 2024/03/31, alone or with T18:00 or T18:00:59.25, a space for the T, and a zone after a time.
 * 0 if Python had better look. */
static int read_time_text(PyObject *value, int64_t *seconds) {
    static const int month_days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    Py_ssize_t length;
    const char *text = PyUnicode_AsUTF8AndSize(value, &length);
    int year, month, day, hour = 0, minute = 0, second = 0, east = 0, most;
    if (text == NULL) {
        PyErr_Clear();
        return 0;
    }
    if (length != 10 && length < 16) {
        return 0;
    }
    year = digits(text, 4), month = digits(text + 5, 2), day = digits(text + 8, 2);
    if ((text[4] != '-' && text[4] != '/') || text[7] != text[4] || year < 1 || month < 1 || month > 12 || day < 1) {
        return 0;
    }
    most = month_days[month - 1] + (month == 2 && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0));
    if (length > 10) {
        const int has_seconds = length >= 19 && text[16] == ':';
        hour = digits(text + 11, 2), minute = digits(text + 14, 2);
        second = has_seconds ? digits(text + 17, 2) : 0;
        if ((text[10] != 'T' && text[10] != ' ') || text[13] != ':' ||
            !read_zone(text + (has_seconds ? 19 : 16), text + length, has_seconds, &east)) {
            return 0;
        }
    }
    if (day > most || hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59) {
        return 0;
    }
    *seconds = days_from_civil(year, month, day) * 86400 + hour * 3600 + minute * 60 + second - east;
    return 1;
}

static int read_time(const Predictor *self, int32_t column, PyObject *value, int64_t *seconds) {
    PyObject *result;
    if (value == Py_None) {
        *seconds = LA_MISSING_TIME;
        return 0;
    }
    if (PyLong_CheckExact(value)) {
        int overflow;
        *seconds = PyLong_AsLongLongAndOverflow(value, &overflow);
        if (!overflow && *seconds != LA_MISSING_TIME) {
            return 0;
        }
    } else if (PyFloat_CheckExact(value)) {
        double number = PyFloat_AsDouble(value);
        if (number != number) {
            *seconds = LA_MISSING_TIME;
            return 0;
        }
        if (number > -9e18 && number < 9e18) {
            *seconds = (int64_t)number;
            *seconds -= number < (double)*seconds;
            return 0;
        }
    } else if (PyUnicode_CheckExact(value) && read_time_text(value, seconds)) {
        return 0;
    }
    result = parsed(self, column, value);
    if (result == NULL) {
        return -1;
    }
    *seconds = PyLong_AsLongLong(result);
    Py_DECREF(result);
    return PyErr_Occurred() ? -1 : 0;
}

int la_read_value(const Predictor *self, const la_slots *slots, int32_t column, PyObject *value) {
    const la_column *c = self->columns + column;
    double number;
    switch (c->kind) {
        case LA_NUMERIC:
        case LA_BOOLEAN:
            if (read_number(self, column, value, &number) < 0) {
                return -1;
            }
            if (c->space == LA_DOUBLES) {
                slots->d[c->slot] = number;
            } else {
                slots->f[c->slot] = (float)number;
            }
            return 0;
        case LA_DATETIME:
            return read_time(self, column, value, slots->l + c->slot);
        default:
            return la_read_code(self, column, value, slots->i + c->slot, slots->i + c->first);
    }
}
