// Reads a table of text, one row at a time: commas, quotes with "" inside, line breaks in quotes, LF or CRLF, a BOM.
#pragma once

#include <istream>
#include <stdexcept>
#include <string>
#include <vector>

class CsvReader {
public:
    // The first line has the names of the columns.
    explicit CsvReader(std::istream &in) : in_(in) {
        if (!record(names_)) {
            throw std::runtime_error("the table is empty");
        }
        if (names_[0].compare(0, 3, "\xEF\xBB\xBF") == 0) {
            names_[0].erase(0, 3);
        }
    }

    const std::vector<std::string> &names() const { return names_; }

    // Number of the row that was read last, from 0.
    long row() const { return row_; }

    // The cells of the next row; false at the end. Cells that a short row lacks are empty, which means missing.
    bool next(std::vector<std::string> &cells) {
        do {
            if (!record(cells)) {
                return false;
            }
        } while (names_.size() > 1 && cells.size() == 1 && cells[0].empty()); // an empty line
        row_++;
        if (cells.size() > names_.size()) {
            throw std::runtime_error("row " + std::to_string(row_) + " has more cells than there are columns");
        }
        cells.resize(names_.size());
        return true;
    }

    // Position of a column.
    std::size_t column(const std::string &name) const {
        for (std::size_t i = 0; i < names_.size(); i++) {
            if (names_[i] == name) {
                return i;
            }
        }
        throw std::runtime_error("the table has no column '" + name + "'");
    }

private:
    // One record into `cells`, whose strings keep their memory from row to row.
    bool record(std::vector<std::string> &cells) {
        std::size_t count = 0;
        bool quoted = false;
        bool any = false;
        cells.resize(1);
        cells[0].clear();
        for (int c = in_.get(); c != std::char_traits<char>::eof(); c = in_.get()) {
            std::string &cell = cells[count];
            any = true;
            if (quoted) {
                if (c != '"') {
                    cell.push_back(static_cast<char>(c));
                } else if (in_.peek() == '"') {
                    cell.push_back(static_cast<char>(in_.get()));
                } else {
                    quoted = false;
                }
            } else if (c == '"' && cell.empty()) {
                quoted = true;
            } else if (c == ',') {
                count++;
                cells.resize(count + 1);
                cells[count].clear();
            } else if (c == '\n') {
                return true;
            } else if (c != '\r' || in_.peek() != '\n') {
                cell.push_back(static_cast<char>(c));
            }
        }
        if (quoted) {
            throw std::runtime_error("a quote is not closed at the end of the table");
        }
        return any;
    }

    std::istream &in_;
    std::vector<std::string> names_;
    long row_ = -1;
};
