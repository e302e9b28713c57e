// Predicts the rows of a table with an exported header, and nothing else.
//
//     header_demo rows.csv predictions.csv [expected.csv]

#include "cells.hpp"
#include "serve.hpp"

#include "model.h"

namespace {

// What is done with one cell: `model_columns.inc` has a line for each column of the model.
struct Column {
    const char *name;
    void (*fill)(model_row &row, const std::string &cell);
};

#define MODEL_NUMBER(text, member)                                                                                     \
    {text, [](model_row &row, const std::string &cell) { row.member = static_cast<decltype(row.member)>(number_of(cell)); }},
#define MODEL_TRUTH(text, member)                                                                                      \
    {text, [](model_row &row, const std::string &cell) { row.member = truth_of(cell); }},
#define MODEL_TIME(text, member)                                                                                       \
    {text, [](model_row &row, const std::string &cell) { row.member = seconds_of(cell); }},
#define MODEL_CATEGORY(text, member, find)                                                                             \
    {text, [](model_row &row, const std::string &cell) { row.member = find(cell.data(), cell.size()); }},

const Column COLUMNS[] = {
#include "model_columns.inc"
};

#ifdef MODEL_CLASSES
[[maybe_unused]] std::string text_of(const char *label) { return label; }
[[maybe_unused]] std::string text_of(int64_t label) { return std::to_string(label); }
#endif

class HeaderModel {
public:
    void start(const CsvReader &table) {
        for (const Column &column : COLUMNS) {
            places_.push_back(table.column(column.name));
        }
    }

    void fill(const std::vector<std::string> &cells) {
        std::size_t at = 0;
        for (const Column &column : COLUMNS) {
            try {
                column.fill(row_, cells[places_[at++]]);
            } catch (const std::exception &error) {
                throw std::runtime_error("column '" + std::string(column.name) + "': " + error.what());
            }
        }
    }

    void predict() { model_predict(&row_, &result_); }

    void answer(Answer &to) const {
#ifdef MODEL_CLASSES
        to.label = text_of(model_labels[result_.label]);
        to.numbers.assign(std::begin(result_.probabilities), std::end(result_.probabilities));
#else
        to.numbers.assign(std::begin(result_.prediction), std::end(result_.prediction));
#endif
    }

private:
    std::vector<std::size_t> places_;
    model_row row_{};
    model_result result_{};
};

} // namespace

int main(int count, char **arguments) {
    if (count < 3 || count > 4) {
        std::fprintf(stderr, "usage: header_demo rows.csv predictions.csv [expected.csv]\n");
        return 2;
    }
    try {
        HeaderModel model;
        return serve("header_demo", model, arguments[1], arguments[2], count > 3 ? arguments[3] : "");
    } catch (const std::exception &error) {
        std::fprintf(stderr, "header_demo: %s\n", error.what());
        return 1;
    }
}
