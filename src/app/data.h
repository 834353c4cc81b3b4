// keel data: what is done with rows before they are trained. A sub-sub-command costs a function and a line in
// data.cc.
#pragma once

#include "app/commands.h"

namespace keel {

int run_data_check(Args args);
int run_data_clean(Args args);
int run_data_preview(Args args);
int run_data_rewrite(Args args);

}  // namespace keel
