#include "data/example_set.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <numeric>

#include "base/error.h"
#include "data/pack.h"

namespace keel {
namespace {

void append(Example& row, const Example& piece, int32_t number) {
  row.segments.push_back(static_cast<int32_t>(row.ids.size()));
  row.ids.insert(row.ids.end(), piece.ids.begin(), piece.ids.end());
  row.weight.insert(row.weight.end(), piece.weight.begin(), piece.weight.end());
  row.turn.insert(row.turn.end(), piece.ids.size(), number);
  row.end_of_turn.insert(row.end_of_turn.end(), piece.end_of_turn.begin(), piece.end_of_turn.end());
}

Example join_pieces(const ExampleStore& store, std::span<const uint32_t> members) {
  const Example first = store.example(members.front());
  Example row{.place = first.place, .source = first.source};
  if (members.size() > 1) row.place += fmt::format(" and {} more", members.size() - 1);
  append(row, first, 0);
  for (size_t i = 1; i < members.size(); ++i) append(row, store.example(members[i]), static_cast<int32_t>(i));
  return row;
}

bool has_two_turns(std::span<const LabelRun> runs) {
  const auto first = std::ranges::find_if(runs, &LabelRun::labelled);
  return std::any_of(first, runs.end(),
                     [&](const LabelRun& run) { return run.labelled() && run.turn != first->turn; });
}

}  // namespace

ExampleSet::ExampleSet(std::shared_ptr<const ExampleStore> store, std::span<const uint32_t> rows)
    : store_(std::move(store)) {
  for (const uint32_t row : rows) {
    const auto [first, last] = store_->examples_of(row);
    for (uint32_t e = first; e < last; ++e) members_.push_back(e);
  }
  begins_.resize(members_.size() + 1);
  std::iota(begins_.begin(), begins_.end(), size_t{0});
}

ExampleSet ExampleSet::of(const std::vector<Example>& examples) {
  auto store = std::make_shared<ExampleStore>();
  for (const Example& e : examples) store->add({.examples = {e}}, 0, e.source, e.place);
  store->finish();
  std::vector<uint32_t> rows(examples.size());
  std::iota(rows.begin(), rows.end(), 0U);
  return {std::move(store), rows};
}

ExampleSet ExampleSet::packed(int64_t capacity) const {
  std::map<int32_t, std::vector<uint32_t>> by_source;
  for (const uint32_t m : members_) by_source[store_->source(m)].push_back(m);
  ExampleSet out;
  out.store_ = store_;
  out.packed_ = true;
  out.begins_.push_back(0);
  for (const auto& [source, pieces] : by_source) {
    std::vector<int64_t> lengths;
    for (const uint32_t piece : pieces) lengths.push_back(store_->length(piece));
    for (const std::vector<uint32_t>& row : best_fit(lengths, capacity)) {
      for (const uint32_t i : row) out.members_.push_back(pieces[i]);
      out.begins_.push_back(out.members_.size());
    }
  }
  return out;
}

int64_t ExampleSet::length(size_t i) const {
  int64_t tokens = 0;
  for (const uint32_t m : members(i)) tokens += store_->length(m);
  return tokens;
}

Example ExampleSet::operator[](size_t i) const {
  return packed_ ? join_pieces(*store_, members(i)) : store_->example(members_[begins_[i]]);
}

std::vector<int64_t> ExampleSet::lengths() const {
  std::vector<int64_t> out(size());
  for (size_t i = 0; i < out.size(); ++i) out[i] = length(i);
  return out;
}

std::vector<int32_t> ExampleSet::sources() const {
  std::vector<int32_t> out(size());
  for (size_t i = 0; i < out.size(); ++i) out[i] = source(i);
  return out;
}

std::vector<Example> ExampleSet::all() const {
  std::vector<Example> out;
  for (size_t i = 0; i < size(); ++i) out.push_back((*this)[i]);
  return out;
}

std::vector<Example> ExampleSet::spread(int64_t count, int64_t tokens) const {
  const size_t all = size();
  size_t n = std::min(all, static_cast<size_t>(count));
  const auto place = [&](size_t i) { return (2 * i + 1) * all / (2 * n); };
  while (n > 1) {
    int64_t held = 0;
    for (size_t i = 0; i < n; ++i) held += length(place(i));
    if (held <= tokens) break;
    const double fit = static_cast<double>(n) * static_cast<double>(tokens) / static_cast<double>(held);
    n = std::clamp<size_t>(static_cast<size_t>(fit), 1, n - 1);
  }
  std::vector<Example> out;
  for (size_t i = 0; i < n; ++i) out.push_back((*this)[place(i)]);
  return out;
}

bool ExampleSet::has_conversations() const {
  if (packed_) return false;  // texts of a packed row are no turns
  return std::ranges::any_of(members_, [&](uint32_t m) {
    return store_->part_of_conversation(m) || has_two_turns(store_->runs(m));
  });
}

}  // namespace keel
