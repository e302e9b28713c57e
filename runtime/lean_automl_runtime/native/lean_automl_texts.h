/* lean_automl_texts.h: counts and tokens of texts, as ir/texts.py; a part of lean_automl_kernel.h. */
#ifndef LEAN_AUTOML_TEXTS_H
#define LEAN_AUTOML_TEXTS_H

/* @part count_text needs core */
enum { LA_LENGTH, LA_WORDS, LA_DIGITS, LA_CAPITALS };

LA_FN int la_is_digit(uint8_t byte) { return (uint8_t)(byte - '0') < 10; }

LA_FN int la_in_word(uint8_t byte) {
    return (byte >= 0x80) | ((uint8_t)((byte | 0x20) - 'a') < 26) | la_is_digit(byte);
}

/* A loop for each field, which compilers make vectors of. */
LA_FN int32_t la_count_text(int32_t field, const char *text, size_t length) {
    const uint8_t *bytes = (const uint8_t *)text;
    size_t at;
    uint64_t count = 0;
    if (field == LA_LENGTH) {
        for (at = 0; at < length; at++) {
            count += (uint64_t)((bytes[at] & 0xC0) != 0x80); /* the first byte of each code point */
        }
    } else if (field == LA_WORDS) {
        count = length > 0 && la_in_word(bytes[0]);
        for (at = 1; at < length; at++) {
            count += (uint64_t)(la_in_word(bytes[at]) & !la_in_word(bytes[at - 1]));
        }
    } else if (field == LA_DIGITS) {
        for (at = 0; at < length; at++) {
            count += (uint64_t)la_is_digit(bytes[at]);
        }
    } else {
        for (at = 0; at < length; at++) {
            count += (uint64_t)((uint8_t)(bytes[at] - 'A') < 26);
        }
    }
    return count < INT32_MAX ? (int32_t)count : INT32_MAX;
}
/* @end */

/* @part tokens needs count_text find
 * Adds up the weights of a text's tokens. A buffer holds the last word, if it is short enough for a token, a space and
 * the next word, so that a pair of words is a text like any other. */
#define LA_LONGEST_TOKEN 64
#define LA_DEFINE_TOKENS(NAME, FIND, CODE, START, WEIGHT)                                                          \
    LA_FN void NAME(const char *text, size_t length, const uint8_t *texts, const START *starts, const CODE *slots, \
                    uint32_t mask, const WEIGHT *weights, int32_t width, int32_t limit, int32_t *sums) {          \
        char buffer[2 * LA_LONGEST_TOKEN + 1];                                                                     \
        size_t at = 0, before = 0;                                                                                 \
        int32_t words, j, pair, code;                                                                              \
        memset(buffer, 0, sizeof buffer); /* compilers do not see that it is written before it is read */         \
        for (j = 0; j < width; j++) {                                                                              \
            sums[j] = 0;                                                                                           \
        }                                                                                                          \
        for (words = 0; words < limit; words++) {                                                                  \
            size_t size = 0;                                                                                       \
            char *const word = buffer + before + 1;                                                                \
            while (at < length && !la_in_word((uint8_t)text[at])) {                                                \
                at++;                                                                                              \
            }                                                                                                      \
            if (at == length) {                                                                                    \
                return;                                                                                            \
            }                                                                                                      \
            for (; at < length && la_in_word((uint8_t)text[at]); at++, size++) {                                   \
                if (size < LA_LONGEST_TOKEN) {                                                                     \
                    const char byte = text[at];                                                                    \
                    word[size] = (char)(byte >= 'A' && byte <= 'Z' ? byte + 32 : byte);                            \
                }                                                                                                  \
            }                                                                                                      \
            if (size > LA_LONGEST_TOKEN) {                                                                         \
                before = 0;                                                                                        \
                continue;                                                                                          \
            }                                                                                                      \
            buffer[before] = ' ';                                                                                  \
            for (pair = 0; pair <= (before > 0); pair++) {                                                         \
                const size_t whole = pair ? before + 1 + size : size;                                              \
                if (whole > LA_LONGEST_TOKEN) {                                                                    \
                    break;                                                                                         \
                }                                                                                                  \
                code = FIND(pair ? buffer : word, whole, texts, starts, slots, mask);                              \
                if (code >= LA_CODE_FIRST) {                                                                       \
                    for (j = 0; j < width; j++) {                                                                  \
                        sums[j] += weights[(int64_t)(code - LA_CODE_FIRST) * width + j];                           \
                    }                                                                                              \
                }                                                                                                  \
            }                                                                                                      \
            for (before = 0; before < size; before++) {                                                            \
                buffer[before] = word[before];                                                                     \
            }                                                                                                      \
        }                                                                                                          \
    }
/* @end */
/* @part tokens16_i8 needs tokens find16 */
LA_DEFINE_TOKENS(la_tokens16_i8, la_find16, uint16_t, uint32_t, int8_t)
/* @end */
/* @part tokens16_i16 needs tokens find16 */
LA_DEFINE_TOKENS(la_tokens16_i16, la_find16, uint16_t, uint32_t, int16_t)
/* @end */

#endif
