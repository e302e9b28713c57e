// The loop that both programs share: read a row, time the answer, write it.
#pragma once

#include <cstdio>
#include <exception>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "csv.hpp"
#include "report.hpp"

// A model reads cells into its own form (`fill`), answers (`predict`), and hands the answer over (`answer`).
//
//     void start(const CsvReader &table);
//     void fill(const std::vector<std::string> &cells);
//     void predict();
//     void answer(Answer &to);
template <typename Model>
int serve(const char *name, Model &model, const std::string &rows, const std::string &out, const std::string &expect) {
    constexpr double tolerance = 1e-5;
    std::ifstream in(rows, std::ios::binary);
    if (!in) {
        throw std::runtime_error(rows + " cannot be read");
    }
    CsvReader table(in);
    model.start(table);
    Predictions predictions(out);
    const std::unique_ptr<Expected> expected(expect.empty() ? nullptr : new Expected(expect));
    Latencies whole, alone;
    std::vector<std::string> cells;
    Answer answer;
    while (table.next(cells)) {
        const auto begin = Latencies::Clock::now();
        try {
            model.fill(cells);
        } catch (const std::exception &error) {
            throw std::runtime_error("row " + std::to_string(table.row()) + ", " + error.what());
        }
        const auto filled = Latencies::Clock::now();
        model.predict();
        const auto end = Latencies::Clock::now();
        whole.add(begin, end);
        alone.add(filled, end);
        model.answer(answer);
        predictions.add(answer);
        if (expected) {
            expected->compare(answer);
        }
    }
    std::printf("%s: %ld rows, one at a time\n", name, table.row() + 1);
    std::printf("  text of the cells to the answer: %s\n", whole.summary().c_str());
    std::printf("  the model alone:                 %s\n", alone.summary().c_str());
    return !expected || expected->agrees(tolerance) ? 0 : 1;
}
