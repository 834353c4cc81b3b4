// What the doctor looks for (torch-free).
#pragma once

#include <cstdint>

#include "base/fields.h"

namespace keel {

struct DoctorOptions {
  double near_threshold = 0.85;
  int64_t short_reply = 3;
  double repetition_limit = 0.3;
  double phrase_share = 0.2;

  template <class V>
  void fields(V& v) {
    v.group("checks");
    v("near_threshold", near_threshold,
      "similarity (Jaccard of 5-grams of words, or characters where words have no blanks) from which two "
      "rows "
      "count as nearly the same",
      {.min = 0.3, .max = 1});
    v("short_reply", short_reply,
      "a reply of fewer words (Chinese, Japanese, Thai: characters) is very short", {.min = 0});
    v("repetition_limit", repetition_limit,
      "share of a reply's 4-grams that repeat an earlier one above which it is repetitive",
      {.min = 0, .max = 1});
    v("phrase_share", phrase_share, "an n-gram in more than this share of the replies is a stock phrase",
      {.min = 0.01, .max = 1});
  }
};

}  // namespace keel
