// Predicts the rows of a table with an exported ONNX file in onnxruntime: raw columns in, one thread.
//
//     onnx_demo model.onnx rows.csv predictions.csv [expected.csv]
//
// The library is opened when the program runs, so that one binary works with every version of it. It is the one that
// CMake found, or the one that the environment variable ONNXRUNTIME_LIBRARY names.

#include <dlfcn.h>

#include <cstdlib>

#ifdef HAVE_ONNXRUNTIME_HEADER
#include <onnxruntime_c_api.h>
#else
#include "ort_slots.hpp"
#endif

#include "cells.hpp"
#include "serve.hpp"

#ifndef FOUND_ONNXRUNTIME
#define FOUND_ONNXRUNTIME "libonnxruntime.so"
#endif

namespace {

constexpr uint32_t API_VERSION = 1; // the first one has all that is called here, and every library offers it

const OrtApi &open_library() {
    setenv("ORT_DISABLE_TELEMETRY", "1", 0); // some builds start a thread that reports, unless told not to
    const char *chosen = std::getenv("ONNXRUNTIME_LIBRARY");
    const char *path = chosen != nullptr ? chosen : FOUND_ONNXRUNTIME;
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) {
        throw std::runtime_error(std::string("onnxruntime cannot be loaded: ") + dlerror());
    }
    const auto get = reinterpret_cast<const OrtApiBase *(*)()>(dlsym(library, "OrtGetApiBase"));
    const OrtApi *api = get == nullptr ? nullptr : get()->GetApi(API_VERSION);
    if (api == nullptr) {
        throw std::runtime_error(std::string(path) + " is no onnxruntime that this program can use");
    }
    std::printf("onnxruntime %s\n", get()->GetVersionString());
    return *api;
}

class OnnxModel {
public:
    explicit OnnxModel(const char *path) : api_(open_library()) {
        check(api_.CreateEnv(ORT_LOGGING_LEVEL_ERROR, "onnx_demo", &env_));
        check(api_.CreateSessionOptions(&options_));
        check(api_.SetIntraOpNumThreads(options_, 1));
        check(api_.SetInterOpNumThreads(options_, 1));
        check(api_.CreateSession(env_, path, options_, &session_));
        check(api_.GetAllocatorWithDefaultOptions(&allocator_));
        check(api_.CreateCpuMemoryInfo(OrtArenaAllocator, OrtMemTypeDefault, &memory_));
        read_names();
        make_inputs();
    }

    OnnxModel(const OnnxModel &) = delete;
    OnnxModel &operator=(const OnnxModel &) = delete;

    ~OnnxModel() {
        release_outputs();
        for (Input &input : inputs_) {
            api_.ReleaseValue(input.tensor);
        }
        api_.ReleaseMemoryInfo(memory_);
        api_.ReleaseSession(session_);
        api_.ReleaseSessionOptions(options_);
        api_.ReleaseEnv(env_);
    }

    void start(const CsvReader &table) {
        for (Input &input : inputs_) {
            input.place = table.column(input.name);
        }
    }

    void fill(const std::vector<std::string> &cells) {
        for (Input &input : inputs_) {
            try {
                fill_one(input, cells[input.place]);
            } catch (const std::exception &error) {
                throw std::runtime_error("column '" + input.name + "': " + error.what());
            }
        }
    }

    void predict() {
        release_outputs();
        check(api_.Run(session_, nullptr, input_names_.data(), tensors_.data(), tensors_.size(), output_names_.data(),
                       outputs_.size(), outputs_.data()));
    }

    void answer(Answer &to) const {
        to.label.clear();
        to.numbers.clear();
        for (OrtValue *output : outputs_) {
            OrtTensorTypeAndShapeInfo *info = nullptr;
            ONNXTensorElementDataType type{};
            std::size_t count = 0;
            check(api_.GetTensorTypeAndShape(output, &info));
            check(api_.GetTensorElementType(info, &type));
            check(api_.GetTensorShapeElementCount(info, &count));
            api_.ReleaseTensorTypeAndShapeInfo(info);
            if (type == ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT) {
                const auto *numbers = static_cast<const float *>(data_of(output));
                to.numbers.assign(numbers, numbers + count);
            } else {
                to.label = label_of(output, type);
            }
        }
    }

private:
    // A raw column: a tensor of one row and one column, over a number of our own unless it holds text.
    struct Input {
        std::string name;
        ONNXTensorElementDataType type{};
        OrtValue *tensor = nullptr;
        std::size_t place = 0;
        union {
            float f;
            double d;
            int64_t i;
        } cell{};
    };

    void check(OrtStatus *status) const {
        if (status != nullptr) {
            const std::string message = api_.GetErrorMessage(status);
            api_.ReleaseStatus(status);
            throw std::runtime_error(message);
        }
    }

    std::string taken(char *name) const {
        const std::string own = name;
        check(api_.AllocatorFree(allocator_, name));
        return own;
    }

    void read_names() {
        std::size_t count = 0;
        check(api_.SessionGetInputCount(session_, &count));
        inputs_.resize(count);
        for (std::size_t i = 0; i < count; i++) {
            char *name = nullptr;
            check(api_.SessionGetInputName(session_, i, allocator_, &name));
            inputs_[i].name = taken(name);
        }
        check(api_.SessionGetOutputCount(session_, &count));
        names_of_outputs_.resize(count);
        outputs_.resize(count, nullptr);
        for (std::size_t i = 0; i < count; i++) {
            char *name = nullptr;
            check(api_.SessionGetOutputName(session_, i, allocator_, &name));
            names_of_outputs_[i] = taken(name);
        }
        for (const std::string &name : names_of_outputs_) {
            output_names_.push_back(name.c_str());
        }
    }

    void make_inputs() {
        const int64_t shape[] = {1, 1};
        for (std::size_t i = 0; i < inputs_.size(); i++) {
            Input &input = inputs_[i];
            OrtTypeInfo *info = nullptr;
            const OrtTensorTypeAndShapeInfo *tensor = nullptr;
            check(api_.SessionGetInputTypeInfo(session_, i, &info));
            check(api_.CastTypeInfoToTensorInfo(info, &tensor));
            check(api_.GetTensorElementType(tensor, &input.type));
            api_.ReleaseTypeInfo(info);
            if (input.type == ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING) {
                check(api_.CreateTensorAsOrtValue(allocator_, shape, 2, input.type, &input.tensor));
            } else {
                const std::size_t bytes = input.type == ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT ? 4 : 8;
                check(api_.CreateTensorWithDataAsOrtValue(memory_, &input.cell, bytes, shape, 2, input.type,
                                                          &input.tensor));
            }
            input_names_.push_back(input.name.c_str());
            tensors_.push_back(input.tensor);
        }
    }

    void fill_one(Input &input, const std::string &cell) const {
        switch (input.type) {
        case ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT:
            input.cell.f = number_or_truth(cell);
            break;
        case ONNX_TENSOR_ELEMENT_DATA_TYPE_DOUBLE:
            input.cell.d = number_of(cell);
            break;
        case ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64:
            input.cell.i = seconds_of(cell);
            break;
        default: {
            const char *text = cell.c_str();
            check(api_.FillStringTensor(input.tensor, &text, 1));
        }
        }
    }

    // The graph does not tell numbers from truth values.
    static float number_or_truth(const std::string &cell) {
        const char first = cell.empty() ? '0' : cell[0];
        const bool word = std::isalpha(static_cast<unsigned char>(first)) != 0 && first != 'i' && first != 'I' &&
                          lower(cell) != "nan";
        return word ? truth_of(cell) : static_cast<float>(number_of(cell));
    }

    void *data_of(OrtValue *value) const {
        void *data = nullptr;
        check(api_.GetTensorMutableData(value, &data));
        return data;
    }

    std::string label_of(OrtValue *value, ONNXTensorElementDataType type) const {
        if (type == ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64) {
            return std::to_string(*static_cast<const int64_t *>(data_of(value)));
        }
        if (type == ONNX_TENSOR_ELEMENT_DATA_TYPE_BOOL) {
            return *static_cast<const bool *>(data_of(value)) ? "True" : "False";
        }
        std::size_t length = 0;
        std::size_t offset = 0;
        check(api_.GetStringTensorDataLength(value, &length));
        std::string text(length, ' ');
        check(api_.GetStringTensorContent(value, &text[0], length, &offset, 1));
        return text;
    }

    void release_outputs() {
        for (OrtValue *&output : outputs_) {
            if (output != nullptr) {
                api_.ReleaseValue(output);
            }
            output = nullptr;
        }
    }

    const OrtApi &api_;
    OrtEnv *env_ = nullptr;
    OrtSessionOptions *options_ = nullptr;
    OrtSession *session_ = nullptr;
    OrtAllocator *allocator_ = nullptr;
    OrtMemoryInfo *memory_ = nullptr;
    std::vector<Input> inputs_; // never grows after `read_names`: tensors point into it
    std::vector<const char *> input_names_;
    std::vector<const OrtValue *> tensors_;
    std::vector<std::string> names_of_outputs_;
    std::vector<const char *> output_names_;
    std::vector<OrtValue *> outputs_;
};

} // namespace

int main(int count, char **arguments) {
    if (count < 4 || count > 5) {
        std::fprintf(stderr, "usage: onnx_demo model.onnx rows.csv predictions.csv [expected.csv]\n");
        return 2;
    }
    try {
        OnnxModel model(arguments[1]);
        return serve("onnx_demo", model, arguments[2], arguments[3], count > 4 ? arguments[4] : "");
    } catch (const std::exception &error) {
        std::fprintf(stderr, "onnx_demo: %s\n", error.what());
        return 1;
    }
}
