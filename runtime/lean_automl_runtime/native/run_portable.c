/* The interpreter for any machine. */
#include "predictor.h"

void la_run_portable(const uint8_t *plan, const la_slots *slots) { la_run(plan, slots); }
