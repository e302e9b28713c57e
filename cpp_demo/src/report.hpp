// Writes predictions, compares them with expected ones, and sums up how long the calls took.
#pragma once

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "csv.hpp"

// The answer for one row.
struct Answer {
    std::string label;          // empty for a regression model
    std::vector<float> numbers; // probabilities of the classes in order, or the one predicted number
};

inline std::string quoted(const std::string &text) {
    if (text.find_first_of(",\"\r\n") == std::string::npos) {
        return text;
    }
    std::string safe = "\"";
    for (const char c : text) {
        safe += c == '"' ? "\"\"" : std::string(1, c);
    }
    return safe + "\"";
}

// A file with the columns prediction, probability_0, probability_1, ...
class Predictions {
public:
    explicit Predictions(const std::string &path) : out_(path, std::ios::binary) {
        if (!out_) {
            throw std::runtime_error(path + " cannot be written");
        }
    }

    void add(const Answer &answer) {
        if (first_) {
            out_ << "prediction";
            for (std::size_t j = 0; !answer.label.empty() && j < answer.numbers.size(); j++) {
                out_ << ",probability_" << j;
            }
            out_ << "\n";
            first_ = false;
        }
        out_ << quoted(answer.label);
        for (std::size_t j = 0; j < answer.numbers.size(); j++) {
            char number[32];
            std::snprintf(number, sizeof number, "%.9g", static_cast<double>(answer.numbers[j]));
            out_ << (j > 0 || !answer.label.empty() ? "," : "") << number;
        }
        out_ << "\n";
    }

private:
    std::ofstream out_;
    bool first_ = true;
};

// Expected answers, read beside the rows.
class Expected {
public:
    explicit Expected(const std::string &path) : in_(path, std::ios::binary), reader_(open(path)) {}

    void compare(const Answer &answer) {
        if (!reader_.next(cells_)) {
            throw std::runtime_error("there are fewer expected answers than rows");
        }
        rows_++;
        std::size_t at = 0;
        if (!answer.label.empty()) {
            labels_that_differ_ += cells_[at++] != answer.label ? 1 : 0;
        }
        for (const float number : answer.numbers) {
            const float wanted = number_or_nan(cells_.at(at++));
            const bool same = number == wanted || (std::isnan(number) && std::isnan(wanted));
            const double apart = same ? 0.0 : std::fabs(static_cast<double>(number) - static_cast<double>(wanted));
            largest_ = std::isnan(apart) ? INFINITY : std::max(largest_, apart);
        }
    }

    // Prints what was compared; whether all is as expected.
    bool agrees(double tolerance) {
        const bool rest = reader_.next(cells_);
        std::printf("  %ld rows compared: %ld labels differ, largest difference of a number %.2g\n", rows_,
                    labels_that_differ_, largest_);
        return !rest && labels_that_differ_ == 0 && largest_ <= tolerance;
    }

private:
    std::istream &open(const std::string &path) {
        if (!in_) {
            throw std::runtime_error(path + " cannot be read");
        }
        return in_;
    }

    static float number_or_nan(const std::string &cell) {
        return cell.empty() ? std::nanf("") : std::strtof(cell.c_str(), nullptr);
    }

    std::ifstream in_;
    CsvReader reader_;
    std::vector<std::string> cells_;
    long rows_ = 0;
    long labels_that_differ_ = 0;
    double largest_ = 0.0;
};

// Times of calls. The first tenth of the rows warms caches up and is left out.
class Latencies {
public:
    using Clock = std::chrono::steady_clock;

    void add(Clock::time_point start, Clock::time_point end) {
        us_.push_back(std::chrono::duration<double, std::micro>(end - start).count());
    }

    std::string summary() const {
        std::vector<double> sorted(us_.begin() + static_cast<std::ptrdiff_t>(us_.size() / 10), us_.end());
        if (sorted.empty()) {
            return "no rows";
        }
        std::sort(sorted.begin(), sorted.end());
        char text[64];
        std::snprintf(text, sizeof text, "p50 %.2f us, p99 %.2f us", at(sorted, 0.5), at(sorted, 0.99));
        return text;
    }

private:
    static double at(const std::vector<double> &sorted, double quantile) {
        const auto rank = static_cast<std::size_t>(std::ceil(quantile * static_cast<double>(sorted.size())));
        return sorted[std::max<std::size_t>(rank, 1) - 1];
    }

    std::vector<double> us_;
};
