#include <cstdio>

#include "model.h"

int main() {
    model_row row{39.0f, model_job_code("clerk", 5)}; // age, job; model_missing() for a number that is not known
    model_result result;
    model_predict(&row, &result);
    std::printf("%s %.3f\n", model_labels[result.label], result.probabilities[1]);
}
