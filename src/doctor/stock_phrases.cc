#include "doctor/stock_phrases.h"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <unordered_map>

#include "corpus/dedup/shingles.h"

namespace keel {
namespace {

constexpr size_t kFewestReplies = 20;
constexpr size_t kSample = 2000;

using Grams = std::unordered_map<uint64_t, int64_t>;  // n-gram → replies with it

size_t gram_units(const std::vector<Unit>& units) { return std::min(units.size(), kShingleUnits); }

// N-grams in more than half of `share` of a sample: the real ones are among them but for a vanishing chance.
Grams candidates(std::span<const std::string_view> replies, double share) {
  Grams counts;
  const size_t step = std::max<size_t>(1, replies.size() / kSample);
  size_t picked = 0;
  for (size_t i = 0; i < replies.size(); i += step, ++picked) {
    for (const uint64_t gram : shingle_set(replies[i])) ++counts[gram];
  }
  const double least = 0.5 * share * static_cast<double>(picked);
  std::erase_if(counts, [&](const auto& entry) { return static_cast<double>(entry.second) <= least; });
  return counts;
}

Grams frequent_grams(std::span<const std::string_view> replies, double share) {
  Grams grams = candidates(replies, share);
  for (auto& [gram, count] : grams) count = 0;
  if (grams.empty()) return grams;
  for (const std::string_view reply : replies) {
    for (const uint64_t gram : shingle_set(reply)) {
      if (const auto found = grams.find(gram); found != grams.end()) ++found->second;
    }
  }
  const double least = share * static_cast<double>(replies.size());
  std::erase_if(grams, [&](const auto& entry) { return static_cast<double>(entry.second) <= least; });
  return grams;
}

// The parts of a reply that frequent n-grams cover, as ranges of units. N-grams that follow each other and
// are about equally frequent belong together; a change in frequency is where a phrase goes on in several
// ways.
std::vector<std::pair<size_t, size_t>> runs_of(const std::vector<Unit>& units, const Grams& grams) {
  std::vector<std::pair<size_t, size_t>> runs;
  const size_t n = gram_units(units);
  size_t last_at = 0;
  int64_t last_count = 0;
  for (size_t at = 0; n > 0 && at + n <= units.size(); ++at) {
    const auto found = grams.find(gram_hash(units, at, n));
    if (found == grams.end()) continue;
    const int64_t count = found->second, jump = std::abs(count - last_count);
    const bool goes_on = !runs.empty() && at == last_at + 1 && 10 * jump <= std::max(count, last_count);
    if (goes_on)
      runs.back().second = at + n;
    else
      runs.emplace_back(at, at + n);
    last_at = at;
    last_count = count;
  }
  return runs;
}

std::vector<uint64_t> hashes_of(std::span<const Unit> units) {
  std::vector<uint64_t> hashes;
  for (const Unit& u : units) hashes.push_back(u.hash);
  return hashes;
}

class PhraseCollector {
 public:
  explicit PhraseCollector(const Grams& grams) : grams_(grams) {}

  void add(uint32_t index, std::string_view reply) {
    const std::vector<Unit> units = split_units(reply);
    for (const auto& [from, to] : runs_of(units, grams_)) {
      const size_t begin = units[from].begin, end = units[to - 1].end;
      cover(index, begin, end);
      Seen& seen = phrases_[hashes_of(std::span(units).subspan(from, to - from))];
      if (seen.replies++ == 0) seen.text = reply.substr(begin, end - begin);
    }
  }

  // The most frequent phrases, each with all replies that hold it, also inside a longer run.
  StockPhrases take(std::span<const std::string_view> replies, double share) {
    const double least = share * static_cast<double>(replies.size());
    std::erase_if(phrases_, [&](const auto& p) { return static_cast<double>(p.second.replies) <= least; });
    std::vector<std::pair<const std::vector<uint64_t>*, StockPhrase>> listed;
    for (auto& [hashes, seen] : phrases_) listed.push_back({&hashes, {.text = std::move(seen.text)}});
    for (uint32_t i = 0; i < replies.size() && !listed.empty(); ++i) {
      const std::vector<uint64_t> hashes = hashes_of(split_units(replies[i]));
      for (auto& [phrase, found] : listed) {
        if (!std::ranges::search(hashes, *phrase).empty()) found.replies.push_back(i);
      }
    }
    for (auto& [hashes, phrase] : listed) out_.phrases.push_back(std::move(phrase));
    std::ranges::sort(out_.phrases, [](const StockPhrase& a, const StockPhrase& b) {
      return a.replies.size() != b.replies.size() ? a.replies.size() > b.replies.size() : a.text < b.text;
    });
    return std::move(out_);
  }

 private:
  struct Seen {
    std::string text;
    int64_t replies = 0;  // runs that are this phrase and nothing more
  };

  // Runs may overlap; what they cover must not be counted twice.
  void cover(uint32_t reply, size_t begin, size_t end) {
    if (!out_.covered.empty() && out_.covered.back().reply == reply)
      begin = std::max(begin, out_.covered.back().end);
    if (begin < end) out_.covered.push_back({reply, begin, end});
  }

  const Grams& grams_;
  std::map<std::vector<uint64_t>, Seen> phrases_;
  StockPhrases out_;
};

}  // namespace

StockPhrases find_stock_phrases(std::span<const std::string_view> replies, double share) {
  if (replies.size() < kFewestReplies) return {};
  const Grams grams = frequent_grams(replies, share);
  if (grams.empty()) return {};
  PhraseCollector collector(grams);
  for (uint32_t i = 0; i < replies.size(); ++i) collector.add(i, replies[i]);
  return collector.take(replies, share);
}

}  // namespace keel
