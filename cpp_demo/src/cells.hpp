// What the text of a cell means. An empty cell is a missing value, and so is one of white space in a column of numbers,
// of truth values or of times. Text of a category is taken as it is.
#pragma once

#include <cctype>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>

inline std::string stripped(const std::string &text) {
    const char *blank = " \t\r\n\f\v";
    const std::size_t first = text.find_first_not_of(blank);
    return first == std::string::npos ? "" : text.substr(first, text.find_last_not_of(blank) - first + 1);
}

inline std::string lower(std::string text) {
    for (char &c : text) {
        c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    }
    return text;
}

// A number. NaN if it is missing.
inline double number_of(const std::string &cell) {
    const std::string text = stripped(cell);
    if (text.empty()) {
        return std::nan("");
    }
    // Digits, signs and exponents; the words for what is no number; not the hexadecimal that strtod would take.
    const std::string word = lower(text[0] == '+' || text[0] == '-' ? text.substr(1) : text);
    const bool known = word == "nan" || word == "inf" || word == "infinity";
    if (known || text.find_first_not_of("0123456789+-.eE") == std::string::npos) {
        char *end = nullptr;
        const double value = std::strtod(text.c_str(), &end);
        if (*end == '\0') {
            return value;
        }
    }
    throw std::runtime_error("'" + cell + "' is not a number");
}

// 1 or 0. NaN if it is missing.
inline float truth_of(const std::string &cell) {
    const std::string word = lower(stripped(cell));
    if (word.empty()) {
        return std::nanf("");
    }
    for (const char *yes : {"true", "yes", "t", "y", "1", "1.0"}) {
        if (word == yes) {
            return 1.0F;
        }
    }
    for (const char *no : {"false", "no", "f", "n", "0", "0.0"}) {
        if (word == no) {
            return 0.0F;
        }
    }
    throw std::runtime_error("'" + cell + "' is neither true nor false");
}

// Days from 1970-01-01 to a date of the Gregorian calendar. Years begin in March, so that a leap day is a last day.
inline int64_t days_of(int64_t year, int64_t month, int64_t day) {
    year -= month <= 2 ? 1 : 0;
    const int64_t month_from_march = (month + 9) % 12;
    const int64_t days_before_month = (153 * month_from_march + 2) / 5;
    return 365 * year + year / 4 - year / 100 + year / 400 + days_before_month + day - 1 - 719468;
}

// Seconds since 1970 in UTC: a whole number of them, or 2024-03-31, 2024-03-31T18:00 or 2024-03-31 18:00:59.
// INT64_MIN if it is missing.
inline int64_t seconds_of(const std::string &cell) {
    const std::string text = stripped(cell);
    if (text.empty()) {
        return INT64_MIN;
    }
    if (text.find_first_not_of("0123456789", text[0] == '-' || text[0] == '+' ? 1 : 0) == std::string::npos &&
        text.size() < 19) {
        return std::strtoll(text.c_str(), nullptr, 10);
    }
    int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
    int date_end = 0, minute_end = 0, second_end = 0;
    char between = ' ';
    std::sscanf(text.c_str(), "%4d-%2d-%2d%n%c%2d:%2d%n:%2d%n", &year, &month, &day, &date_end, &between, &hour, &minute,
                &minute_end, &second, &second_end);
    const int size = static_cast<int>(text.size());
    const bool all = size == date_end || size == minute_end || size == second_end;
    if (!all || (between != ' ' && between != 'T') || month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 ||
        minute > 59 || second > 59) {
        throw std::runtime_error("'" + cell + "' is neither seconds since 1970 nor a date such as 2024-03-31T18:00");
    }
    return days_of(year, month, day) * 86400 + hour * 3600 + minute * 60 + second;
}
