/* The interpreter for x86-64 machines with AVX2; the extension asks the processor before it calls this. */
#if defined(__x86_64__) && defined(__GNUC__)
#define LA_FN static inline __attribute__((target("avx2")))
#define LA_AVX2
#include "predictor.h"

__attribute__((target("avx2"))) void la_run_avx2(const uint8_t *plan, const la_slots *slots) { la_run(plan, slots); }
#else
typedef int la_no_avx2;
#endif
