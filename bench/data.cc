// Timings of the data path on rows of our own making: reading, tokenising, packing, finding near duplicates.
//   ./dev bench --benchmark_filter=Data
// KEEL_BENCH_DATA names a file of yours to read instead.
// Tokenising needs a tokenizer: KEEL_BENCH_MODEL, else models/smollm2-135m (./dev model smollm2-135m).
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>

#include "base/fs.h"
#include "base/parallel.h"
#include "base/rng.h"
#include "corpus/corpus.h"
#include "corpus/dedup/near_index.h"
#include "corpus/dedup/record_text.h"
#include "data/pack.h"
#include "text/tokenizer.h"

namespace keel {
namespace {

std::string words(Rng& rng, int64_t n) {
  constexpr std::array kWords{"harbour", "pilot",  "the",  "berth", "of",  "a",        "fee",   "is",
                              "paid",    "before", "tide", "and",   "in",  "manifest", "crane", "storm",
                              "signal",  "港口",   "quay", "to",    "for", "vessel",   "must",  "moor"};
  std::string out;
  for (int64_t i = 0; i < n; ++i) {
    out += kWords[rng.below(kWords.size())];
    out += i % 12 == 11 ? ". " : " ";
  }
  return out;
}

// The file named, or about 64 MB of chats of two turns, 1 to 3 kB each.
const fs::path& chat_file() {
  static const fs::path path = [] {
    if (const char* named = std::getenv("KEEL_BENCH_DATA"); named != nullptr) return fs::path(named);
    const fs::path file = fs::temp_directory_path() / "keel-bench-chats.jsonl";
    Rng rng(1, "bench");
    PartFile out(file);
    for (size_t bytes = 0; bytes < (size_t{64} << 20);) {
      Json messages = Json::array();
      for (int turn = 0; turn < 2; ++turn) {
        messages.push_back({{"role", "user"}, {"content", words(rng, 20)}});
        messages.push_back(
            {{"role", "assistant"}, {"content", words(rng, 50 + static_cast<int64_t>(rng.below(200)))}});
      }
      const std::string line = to_line({{"messages", messages}}) + "\n";
      out.write(line);
      bytes += line.size();
    }
    out.commit();
    return file;
  }();
  return path;
}

std::vector<std::string> texts() {
  std::vector<std::string> out;
  for (const Record& record : read_corpus(chat_file(), {.max_rows = 10'000}).records)
    out.push_back(record_text(record));
  return out;
}

int64_t bytes_of(const std::vector<std::string>& texts) {
  int64_t bytes = 0;
  for (const std::string& text : texts) bytes += static_cast<int64_t>(text.size());
  return bytes;
}

void DataRead(benchmark::State& state) {
  const auto bytes = static_cast<int64_t>(fs::file_size(chat_file()));
  CorpusOptions stream;  // as training reads: a block at a time, nothing is kept
  stream.on_records = [](std::vector<Record> records) { benchmark::DoNotOptimize(records.size()); };
  for (auto _ : state) benchmark::DoNotOptimize(read_corpus(chat_file(), stream).hash);
  state.SetBytesProcessed(bytes * state.iterations());
}

void DataTokenise(benchmark::State& state) {
  const char* named = std::getenv("KEEL_BENCH_MODEL");
  const fs::path model = named != nullptr ? named : "models/smollm2-135m";
  if (!fs::exists(model / "tokenizer.json")) return state.SkipWithError("no tokenizer: set KEEL_BENCH_MODEL");
  const Tokenizer tokenizer = Tokenizer::from_folder(model);
  const std::vector<std::string> rows = texts();
  for (auto _ : state) {
    std::vector<size_t> lengths(rows.size());
    for_each_row(rows.size(), 0, [&](size_t i) { lengths[i] = tokenizer.encode(rows[i], false).size(); });
    benchmark::DoNotOptimize(lengths);
  }
  state.SetBytesProcessed(bytes_of(rows) * state.iterations());
  state.SetItemsProcessed(static_cast<int64_t>(rows.size()) * state.iterations());
}

void DataPack(benchmark::State& state) {
  Rng rng(2, "bench");
  std::vector<int64_t> lengths(1'000'000);
  for (int64_t& length : lengths) length = 16 + static_cast<int64_t>(rng.below(1000));
  for (auto _ : state) benchmark::DoNotOptimize(best_fit(lengths, 2048).size());
  state.SetItemsProcessed(static_cast<int64_t>(lengths.size()) * state.iterations());
}

void DataDedup(benchmark::State& state) {
  const std::vector<std::string> rows = texts();
  for (auto _ : state) {
    const std::vector<Sketch> sketches = sketch_texts(rows, 0);
    benchmark::DoNotOptimize(near_pairs(sketches, 0.85).size());
  }
  state.SetBytesProcessed(bytes_of(rows) * state.iterations());
  state.SetItemsProcessed(static_cast<int64_t>(rows.size()) * state.iterations());
}

BENCHMARK(DataRead)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(DataTokenise)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(DataPack)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(DataDedup)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
}  // namespace keel
