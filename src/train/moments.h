// Mean and variance of numbers that come one by one.
#pragma once

#include "train/run_memory.h"

namespace keel {

// Takes x in. The first `fade` numbers count the same; behind them a new one counts 1/fade and the old ones
// fade exponentially. 0: none fades. (Population variance; Welford, 1962, with a weight that stops falling.)
void add(Moments& moments, double x, int64_t fade = 0);

// How many standard deviations x lies above the mean; `least` is the smallest deviation believed in.
double z_of(const Moments& moments, double x, double least);

}  // namespace keel
