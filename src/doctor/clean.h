// A cleaned copy of a training set: what the checks propose, applied, with a reason for every change.
#pragma once

#include <string>
#include <vector>

#include "base/fields.h"
#include "doctor/subject.h"

namespace keel {

struct CleanOptions {
  std::string dedup = "near";
  bool drop_empty = true;
  bool drop_leaks = true;
  double phrase_cap = 0;
  bool mask_personal_data = false;

  template <class V>
  void fields(V& v) {
    v.group("cleaning");
    v("dedup", dedup, "which repeats are left out; the first of like rows is kept",
      {.choices = {"near", "exact", "none"}});
    v("drop_empty", drop_empty, "leave rows out whose trained reply is empty");
    v("drop_leaks", drop_leaks,
      "leave training rows out that also stand, word for word or nearly, in eval_dataset");
    v("phrase_cap", phrase_cap,
      "leave rows out until no stock phrase stands in more than this share of the replies; 0: off",
      {.min = 0, .max = 1});
    v("mask_personal_data", mask_personal_data,
      "replace phone numbers, e-mail addresses, Chinese identity numbers and card numbers by [phone], "
      "[email], [id], "
      "[card]");
  }
};

struct Change {
  std::string place, what, why;  // what: "left out", "masked"
};

struct Cleaned {
  std::vector<Json> rows;       // {"messages", "tools"?, "weight"?} or {"text", "weight"?}
  std::vector<Change> changes;  // in the order of the rows, bad rows first
  int64_t masked = 0;           // items
};

Cleaned clean(const Subject& subject, const CleanOptions& options);

// A row as a reader takes it back to an equal record.
Json row_of(const Record& record);

}  // namespace keel
