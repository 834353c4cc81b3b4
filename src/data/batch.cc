#include "data/batch.h"

#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "base/error.h"

namespace keel {
namespace {

enum class Reduction { token, turn, sample, sqrt };

Reduction parse_reduction(const std::string& name) {
  if (name == "token") return Reduction::token;
  if (name == "turn") return Reduction::turn;
  if (name == "sample") return Reduction::sample;
  KEEL_CHECK(name == "sqrt", "reduction is token, turn, sample or sqrt");
  return Reduction::sqrt;
}

// What a label of this example counts before user weights: one over the labels it shares its unit with.
class Share {
 public:
  Share(const Example& example, Reduction reduction) : example_(example), reduction_(reduction) {
    const int64_t all =
        example.conversation_supervised > 0 ? example.conversation_supervised : example.supervised();
    if (reduction == Reduction::sample) of_all_ = 1.0 / static_cast<double>(all);
    if (reduction == Reduction::sqrt) of_all_ = 1.0 / std::sqrt(static_cast<double>(all));
    if (reduction != Reduction::turn) return;
    for (size_t t = 0; t < example.ids.size(); ++t) {
      if (example.weight[t] != 0) ++labels_of_turn_[example.turn[t]];
    }
  }

  double of(size_t t) const {
    if (reduction_ != Reduction::turn) return of_all_;
    return 1.0 / static_cast<double>(labels_of_turn_.at(example_.turn[t]));
  }

 private:
  const Example& example_;
  Reduction reduction_;
  double of_all_ = 1.0;
  std::unordered_map<int32_t, int64_t> labels_of_turn_;
};

void check_example(const Example& e) {
  KEEL_CHECK(!e.ids.empty() && e.weight.size() == e.ids.size() && e.turn.size() == e.ids.size() &&
                 e.end_of_turn.size() == e.ids.size(),
             "an example has a weight, a turn and an end-of-turn flag for each of its tokens: " + e.place);
  KEEL_CHECK(e.weight.front() == 0, "the first token of an example has nothing before it: " + e.place);
  for (const int32_t begin : e.segments)
    KEEL_CHECK(e.weight[static_cast<size_t>(begin)] == 0, "a segment begins with context: " + e.place);
}

template <class T>
at::Tensor tensor_of(const std::vector<T>& values, at::ScalarType type) {
  return at::from_blob(const_cast<T*>(values.data()), {static_cast<int64_t>(values.size())},
                       at::TensorOptions(type))
      .clone();
}

class BatchBuilder {
 public:
  explicit BatchBuilder(Reduction reduction) : reduction_(reduction) {}

  void add(const Example& e) {
    check_example(e);
    const auto base = static_cast<int64_t>(ids_.size());
    if (e.segments.empty()) batch_.offsets.push_back(base);
    for (const int32_t begin : e.segments) batch_.offsets.push_back(base + begin);
    ids_.insert(ids_.end(), e.ids.begin(), e.ids.end());
    const Share share(e, reduction_);
    std::unordered_map<int32_t, int64_t> turns;  // of the example → of the batch
    for (size_t t = 1; t < e.ids.size(); ++t) {
      if (e.weight[t] == 0) continue;
      const double coefficient = static_cast<double>(e.weight[t]) * share.of(t);
      rows_.push_back(base + static_cast<int64_t>(t) - 1);
      labels_.push_back(e.ids[t]);
      coefficients_.push_back(static_cast<float>(coefficient));
      ends_.push_back(e.end_of_turn[t]);
      const auto [turn, first] = turns.try_emplace(e.turn[t], n_turns_);
      if (first) ++n_turns_;
      turns_.push_back(turn->second);
      batch_.source_N.push_back(e.source);
      batch_.denominator += coefficient;
    }
    batch_.examples.push_back(&e);
  }

  Batch take() {
    batch_.offsets.push_back(static_cast<int64_t>(ids_.size()));
    batch_.ids_T = tensor_of(ids_, at::kLong);
    batch_.rows_N = tensor_of(rows_, at::kLong);
    batch_.labels_N = tensor_of(labels_, at::kLong);
    batch_.turn_N = tensor_of(turns_, at::kLong);
    batch_.coefficient_N = tensor_of(coefficients_, at::kFloat);
    batch_.end_of_turn_N = tensor_of(ends_, at::kByte).to(at::kBool);
    return std::move(batch_);
  }

 private:
  Reduction reduction_;
  Batch batch_;
  std::vector<int64_t> ids_, rows_, labels_, turns_;
  int64_t n_turns_ = 0;
  std::vector<float> coefficients_;
  std::vector<uint8_t> ends_;
};

}  // namespace

std::string settle_reduction(const std::string& name, const ExampleSet& examples) {
  if (name != "auto") return name;
  return examples.has_conversations() ? "turn" : "token";
}

Batch make_batch(std::span<const Example* const> examples, const std::string& reduction) {
  BatchBuilder builder(parse_reduction(reduction));
  for (const Example* example : examples) builder.add(*example);
  return builder.take();
}

}  // namespace keel
