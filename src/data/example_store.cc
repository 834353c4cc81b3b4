#include "data/example_store.h"

#include <limits>

namespace keel {

ExampleStore::ExampleStore(const fs::path& folder)
    : ids_(folder / "ids"),
      runs_(folder / "runs"),
      examples_(folder / "examples"),
      rows_(folder / "rows"),
      counts_(folder / "counts"),
      places_(folder / "places") {}

ExampleStore ExampleStore::open(const fs::path& folder, const Json& sizes) {
  const auto size = [&](const char* name) { return sizes.at(name).get<size_t>(); };
  ExampleStore store;
  store.ids_ = Column<int32_t>::open(folder / "ids", size("ids"));
  store.runs_ = Column<LabelRun>::open(folder / "runs", size("runs"));
  store.examples_ = Column<StoredExample>::open(folder / "examples", size("examples"));
  store.rows_ = Column<StoredRow>::open(folder / "rows", size("rows"));
  store.counts_ = Column<RowCounts>::open(folder / "counts", size("rows"));
  store.places_ = Column<char>::open(folder / "places", size("places"));
  return store;
}

Json ExampleStore::sizes() const {
  return {{"ids", ids_.size()},
          {"runs", runs_.size()},
          {"examples", examples_.size()},
          {"rows", rows_.size()},
          {"places", places_.size()}};
}

void ExampleStore::add_runs(const Example& e) {
  for (size_t t = 0, begin = 0; t < e.ids.size(); begin = t) {
    const auto alike = [&](size_t u) {
      return e.weight[u] == e.weight[begin] && e.turn[u] == e.turn[begin] &&
             e.end_of_turn[u] == e.end_of_turn[begin];
    };
    while (t < e.ids.size() && alike(t)) ++t;
    runs_.append({.tokens = static_cast<uint32_t>(t - begin),
                  .turn = e.turn[begin],
                  .weight = e.weight[begin],
                  .end_of_turn = e.end_of_turn[begin]});
  }
}

void ExampleStore::add(const EncodedRow& row, uint64_t hash, int32_t source, std::string_view place,
                       double order) {
  constexpr size_t kMost = std::numeric_limits<uint32_t>::max();
  KEEL_CHECK(rows_.size() < kMost && examples_.size() + row.examples.size() < kMost, "rows fit into 32 bits");
  for (const Example& e : row.examples) {
    KEEL_CHECK(e.segments.empty(), "rows are packed behind the store");
    examples_.append({.ids = ids_.size(),
                      .runs = runs_.size(),
                      .conversation_supervised = e.conversation_supervised,
                      .tokens = static_cast<uint32_t>(e.ids.size()),
                      .row = static_cast<uint32_t>(rows_.size())});
    ids_.append(e.ids);
    add_runs(e);
  }
  rows_.append({.hash = hash,
                .place = places_.size(),
                .example = static_cast<uint32_t>(examples_.size() - row.examples.size()),
                .source = source,
                .order = order});
  counts_.append(row_counts(row.stats));
  places_.append(std::span(place.data(), place.size()));
}

void ExampleStore::finish() {
  ids_.finish();
  runs_.finish();
  examples_.finish();
  rows_.finish();
  counts_.finish();
  places_.finish();
}

DataStats ExampleStore::stats(size_t row) const { return row_stats(counts_.values()[row]); }

std::pair<uint32_t, uint32_t> ExampleStore::examples_of(size_t row) const {
  const auto rows = rows_.values();
  const auto last = row + 1 < rows.size() ? rows[row + 1].example : static_cast<uint32_t>(examples());
  return {rows[row].example, last};
}

std::span<const LabelRun> ExampleStore::runs(size_t example) const {
  const auto all = examples_.values();
  const size_t last = example + 1 < all.size() ? all[example + 1].runs : runs_.size();
  return runs_.values().subspan(all[example].runs, last - all[example].runs);
}

Example ExampleStore::example(size_t example) const {
  const StoredExample& stored = examples_.values()[example];
  const auto rows = rows_.values();
  const StoredRow& row = rows[stored.row];
  const size_t place_end = stored.row + 1 < rows.size() ? rows[stored.row + 1].place : places_.size();
  const auto ids = ids_.values().subspan(stored.ids, stored.tokens);
  const auto place = places_.values().subspan(row.place, place_end - row.place);
  Example e{.ids = {ids.begin(), ids.end()},
            .place = {place.begin(), place.end()},
            .source = row.source,
            .conversation_supervised = stored.conversation_supervised};
  for (const LabelRun& run : runs(example)) {
    e.weight.insert(e.weight.end(), run.tokens, run.weight);
    e.turn.insert(e.turn.end(), run.tokens, run.turn);
    e.end_of_turn.insert(e.end_of_turn.end(), run.tokens, static_cast<uint8_t>(run.end_of_turn));
  }
  return e;
}

}  // namespace keel
