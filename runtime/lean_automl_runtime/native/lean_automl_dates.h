/* lean_automl_dates.h: parts of a time, as dates.py; a part of lean_automl_kernel.h. */
#ifndef LEAN_AUTOML_DATES_H
#define LEAN_AUTOML_DATES_H

/* @part date_field needs core
 * Fields of seconds since 1970 in the proleptic Gregorian calendar, in integers; as dates.py. */
#define LA_MISSING_TIME INT64_MIN
enum {
    LA_YEAR,
    LA_MONTH,
    LA_DAY,
    LA_WEEKDAY,
    LA_DAY_OF_YEAR,
    LA_HOUR,
    LA_MINUTE,
    LA_SECOND,
    LA_DAYS,
    LA_SECONDS_OF_DAY
};

LA_FN int64_t la_floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0); }

LA_FN int64_t la_civil(int64_t days, int32_t part) {
    int64_t shifted = days + 719468, era = la_floor_div(shifted, 146097), of_era = shifted - era * 146097;
    int64_t year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t march_month = (5 * of_year + 2) / 153;
    int64_t month = march_month < 10 ? march_month + 3 : march_month - 9;
    int64_t year = year_of_era + era * 400 + (month <= 2), before = year - 1;
    switch (part) {
        case LA_YEAR:
            return year;
        case LA_MONTH:
            return month;
        case LA_DAY:
            return of_year - (153 * march_month + 2) / 5 + 1;
        default:
            return days + 1 + 719162 - 365 * before -
                   (la_floor_div(before, 4) - la_floor_div(before, 100) + la_floor_div(before, 400));
    }
}

/* A field of a time that is not missing. */
LA_FN int64_t la_date_field(int64_t seconds, int32_t part) {
    int64_t days = la_floor_div(seconds, 86400), in_day = seconds % 86400;
    in_day += in_day < 0 ? 86400 : 0; /* seconds - days * 86400 can leave int64 */
    switch (part) {
        case LA_WEEKDAY:
            return days + 3 - 7 * la_floor_div(days + 3, 7); /* 1970-01-01 was a Thursday */
        case LA_HOUR:
            return in_day / 3600;
        case LA_MINUTE:
            return in_day / 60 % 60;
        case LA_SECOND:
            return in_day % 60;
        case LA_DAYS:
            return days;
        case LA_SECONDS_OF_DAY:
            return in_day;
        default:
            return la_civil(days, part);
    }
}
/* @end */

/* @part date needs date_field */
LA_FN float la_date(int64_t seconds, int32_t part) {
    const uint32_t bits = UINT32_C(0x7FC00000);
    float missing;
    memcpy(&missing, &bits, sizeof missing);
    return seconds == LA_MISSING_TIME ? missing : (float)la_date_field(seconds, part);
}
/* @end */

#endif
