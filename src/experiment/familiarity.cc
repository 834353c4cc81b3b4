#include "experiment/familiarity.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "loss/loss.h"

namespace keel {
namespace {

double median_of(std::vector<float> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>((values.size() - 1) / 2);
  std::ranges::nth_element(values, middle);
  return *middle;
}

double probability_of(float nll) { return std::exp(-static_cast<double>(nll)); }

}  // namespace

void FamiliarityMeter::add(const RowSignals& row) {
  const Example& e = *row.example;
  ++rows_;
  int32_t turn = -1;
  for (size_t i = 1; i < e.ids.size(); ++i) {
    if (e.weight[i] == 0) continue;
    const float nll = row.nll[i - 1];  // the label is the next token
    nll_.push_back(nll);
    entropy_.add(row.entropy[i - 1]);
    const bool first = e.turn[i] != turn;  // a turn may have context in its middle
    turn = e.turn[i];
    replies_ += first;
    if (e.end_of_turn[i] != 0) {
      end_.add(nll);
      end_half_.add(probability_of(nll) >= 0.5);
    } else {
      (first ? first_ : rest_).add(nll);
    }
  }
}

Familiarity FamiliarityMeter::result() const {
  Familiarity f{.rows = rows_, .tokens = static_cast<int64_t>(nll_.size()), .entropy = entropy_.value()};
  f.replies = replies_;
  f.first_loss = first_.value(), f.rest_loss = rest_.value();
  f.ends = end_.n, f.end_loss = end_.value(), f.end_half = end_half_.value();
  if (nll_.empty()) return f;
  Mean loss, probability, half, sure;
  for (const float nll : nll_) {
    const double p = probability_of(nll);
    loss.add(nll), probability.add(p), half.add(p >= 0.5), sure.add(p >= 0.9);
  }
  f.loss = loss.value(), f.probability = probability.value();
  f.half = half.value(), f.sure = sure.value();
  if (!std::isfinite(f.loss)) return f;
  f.median_loss = median_of(nll_);
  const at::Tensor nll_N = at::tensor(nll_);
  std::ranges::copy(loss_zones(nll_N, at::ones_like(nll_N)).tokens, f.zones.begin());
  return f;
}

Json to_json(const Familiarity& f) {
  Json out{{"rows", f.rows},       {"tokens", f.tokens},
           {"loss", f.loss},       {"median_loss", f.median_loss},
           {"entropy", f.entropy}, {"mean_probability", f.probability},
           {"zones", f.zones},     {"share_p_0.5", f.half},
           {"share_p_0.9", f.sure}};
  out.update(Json{{"replies", f.replies},
                  {"tokens_per_reply", f.tokens_per_reply()},
                  {"first_token_loss", f.first_loss},
                  {"other_tokens_loss", f.rest_loss},
                  {"ends", f.ends},
                  {"end_loss", f.end_loss},
                  {"share_ends_p_0.5", f.end_half}});
  return out;
}

}  // namespace keel
