// onnxruntime: one float tensor in, tensors made once. ONNX_INPUT, ONNX_OUTPUT, ONNX_WIDTH and ORT_LIBRARY come from the build.
#include "model.h"
#include "engine.h"
#include "encode.inc"
#include "ort_slots.hpp"

#include <cmath>
#include <cstdio>
#include <dlfcn.h>
#include <string>

namespace {
const bench_table *t;
const OrtApi *api;
OrtSession *session;
OrtValue *input, *output;
float in[COLUMNS], out[ONNX_WIDTH];

bool bad(OrtStatus *status) {
    if (status != nullptr) {
        std::fprintf(stderr, "onnxruntime: %s\n", api->GetErrorMessage(status));
    }
    return status != nullptr;
}

double answer(const double *x) {
    const char *inputs[] = {ONNX_INPUT}, *outputs[] = {ONNX_OUTPUT};
    for (int j = 0; j < COLUMNS; j++) {
        in[j] = static_cast<float>(x[j]);
    }
    if (bad(api->Run(session, nullptr, inputs, &input, 1, outputs, 1, &output))) {
        return NAN;
    }
    return out[ONNX_WIDTH - 1];
}
} // namespace

int engine_open(const char *folder, const bench_table *table) {
    t = table;
    void *library = dlopen(ORT_LIBRARY, RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) {
        return 1;
    }
    auto base = reinterpret_cast<const OrtApiBase *(*)()>(dlsym(library, "OrtGetApiBase"))();
    api = base->GetApi(16);
    OrtEnv *env;
    OrtSessionOptions *options;
    OrtMemoryInfo *memory;
    const int64_t shape_in[] = {1, COLUMNS}, shape_out[] = {1, ONNX_WIDTH};
    const std::string path = std::string(folder) + "/lightgbm.onnx";
    return bad(api->CreateEnv(ORT_LOGGING_LEVEL_ERROR, "bench", &env)) || bad(api->CreateSessionOptions(&options)) ||
           bad(api->SetIntraOpNumThreads(options, 1)) || bad(api->SetInterOpNumThreads(options, 1)) ||
           bad(api->CreateSession(env, path.c_str(), options, &session)) ||
           bad(api->CreateCpuMemoryInfo(OrtArenaAllocator, OrtMemTypeDefault, &memory)) ||
           bad(api->CreateTensorWithDataAsOrtValue(memory, in, sizeof in, shape_in, 2,
                                                   ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, &input)) ||
           bad(api->CreateTensorWithDataAsOrtValue(memory, out, sizeof out, shape_out, 2,
                                                   ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, &output));
}

double engine_encoded(int32_t row) { return answer(t->x + static_cast<size_t>(row) * COLUMNS); }

double engine_text(int32_t row) {
    double x[COLUMNS];
    encode(t, row, x);
    return answer(x);
}
