#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "base/hash.h"
#include "base/rng.h"
#include "base/utf8.h"
#include "corpus/dedup/characters.h"
#include "corpus/dedup/near_index.h"
#include "corpus/dedup/record_text.h"
#include "corpus/dedup/shingles.h"

namespace keel {
namespace {

using Words = std::vector<std::string>;

std::string text_of(const Words& words) {
  std::string out;
  for (const std::string& w : words) out += w + " ";
  return out;
}

Words random_words(Rng& rng, size_t n) {
  Words words;
  for (size_t i = 0; i < n; ++i) words.push_back("w" + std::to_string(rng.below(3000)));
  return words;
}

// 5,000 rows of random words and 500 pairs: a row and a copy of it with k words replaced so far from each
// other that each takes five 5-grams away, so the similarity is (n − 5k) / (n + 5k) of n 5-grams.
std::vector<Words> rows_with_planted_pairs() {
  Rng rng(1, "dedup test");
  std::vector<Words> rows;
  for (int i = 0; i < 5000; ++i) rows.push_back(random_words(rng, 30 + rng.below(90)));
  for (int i = 0; i < 500; ++i) {
    Words base = random_words(rng, 150 + rng.below(150));
    const double wanted = 0.75 + 0.2 * i / 499;
    const double grams = static_cast<double>(base.size()) - 4;
    const auto k = static_cast<size_t>(std::round(grams * (1 - wanted) / (1 + wanted) / 5));
    Words copy = base;
    for (size_t j = 0; j < k; ++j)
      copy[5 + j * (base.size() - 10) / k] = "changed" + std::to_string(i * 100 + j);
    rows.push_back(std::move(base));
    rows.push_back(std::move(copy));
  }
  rng.shuffle(std::span(rows));
  return rows;
}

using Pairs = std::map<std::pair<uint32_t, uint32_t>, double>;

// Every pair of a similarity of at least 0.7, from sets of strings: no hash, no sketch.
Pairs brute_force(const std::vector<Words>& rows) {
  std::vector<size_t> sizes;
  std::map<std::string, std::vector<uint32_t>> rows_of_gram;
  for (uint32_t r = 0; r < rows.size(); ++r) {
    std::set<std::string> grams;
    for (size_t i = 0; i + 5 <= rows[r].size(); ++i)
      grams.insert(
          text_of({rows[r].begin() + static_cast<long>(i), rows[r].begin() + static_cast<long>(i) + 5}));
    for (const std::string& g : grams) rows_of_gram[g].push_back(r);
    sizes.push_back(grams.size());
  }
  std::map<std::pair<uint32_t, uint32_t>, size_t> both;
  for (const auto& [gram, members] : rows_of_gram)
    for (size_t i = 0; i < members.size(); ++i)
      for (size_t j = i + 1; j < members.size(); ++j) ++both[{members[i], members[j]}];
  Pairs pairs;
  for (const auto& [pair, shared] : both) {
    const auto s = static_cast<double>(shared);
    const double j = s / (static_cast<double>(sizes[pair.first] + sizes[pair.second]) - s);
    if (j >= 0.7) pairs[pair] = j;
  }
  return pairs;
}

// Made once: the sets of strings take seconds.
struct Planted {
  std::vector<Words> rows = rows_with_planted_pairs();
  Pairs pairs = brute_force(rows);
};

const Planted& planted() {
  static const Planted kOnce;
  return kOnce;
}

std::vector<std::string> texts_of(const std::vector<Words>& rows) {
  std::vector<std::string> texts;
  for (const Words& row : rows) texts.push_back(text_of(row));
  return texts;
}

TEST(NearPairs, AreThoseOfBruteForce) {
  const std::vector<Sketch> sketches = sketch_texts(texts_of(planted().rows));
  for (const double threshold : {0.75, 0.85, 0.92}) {
    Pairs expected = planted().pairs;
    std::erase_if(expected, [&](const auto& pair) { return pair.second < threshold; });
    ASSERT_GT(expected.size(), 50U);
    const std::vector<NearPair> found = near_pairs(sketches, threshold);
    size_t right = 0;
    for (const NearPair& p : found) {
      const auto known = expected.find({p.first, p.second});
      if (known == expected.end()) continue;
      ++right;
      EXPECT_DOUBLE_EQ(p.jaccard, known->second);
    }
    EXPECT_EQ(right, found.size()) << "precision at " << threshold;
    EXPECT_GE(static_cast<double>(right), 0.98 * static_cast<double>(expected.size()))
        << "recall at " << threshold;
  }
}

TEST(NearPairs, SignaturesEstimateTheSimilarity) {
  // The share of equal places has a deviation of sqrt(j (1 − j) / 128); its mean over 500 pairs of 0.75 to
  // 0.95 lies within 0.0016 of the true mean once in three; five times that is allowed.
  const std::vector<Sketch> sketches = sketch_texts(texts_of(planted().rows));
  double difference = 0;
  const Pairs& pairs = planted().pairs;
  for (const auto& [pair, j] : pairs) {
    size_t equal = 0;
    for (size_t i = 0; i < kPermutations; ++i)
      equal += sketches[pair.first].signature[i] == sketches[pair.second].signature[i];
    difference += static_cast<double>(equal) / kPermutations - j;
  }
  EXPECT_LT(std::abs(difference / static_cast<double>(pairs.size())), 0.008);
}

TEST(NearPairs, DoNotDependOnThreads) {
  const std::vector<std::string> texts = texts_of(planted().rows);
  const std::vector<Sketch> one = sketch_texts(texts, 1), four = sketch_texts(texts, 4);
  ASSERT_EQ(one.size(), four.size());
  for (size_t i = 0; i < one.size(); ++i) {
    EXPECT_EQ(one[i].shingles, four[i].shingles);
    EXPECT_EQ(one[i].signature, four[i].signature);
  }
}

TEST(Banding, MissesFewAtTheThreshold) {
  const Banding b = banding_for(0.85);
  EXPECT_EQ(b.rows, 6U);
  EXPECT_EQ(b.bands, 21U);
  for (const double t : {0.1, 0.3, 0.5, 0.7, 0.95, 1.0}) {
    const Banding any = banding_for(t);
    EXPECT_LE(any.rows * any.bands, kPermutations);
    const double missed = std::pow(1 - std::pow(t, any.rows), any.bands);
    EXPECT_LE(missed, any.rows == 1 ? std::pow(1 - t, kPermutations) : 1e-4) << t;
  }
}

TEST(Duplicates, TheFirstIsKept) {
  const Words base = [] {
    Rng rng(3, "keep");
    return random_words(rng, 100);
  }();
  Words near = base;
  near[50] = "other";
  Words far = base;
  for (size_t i = 0; i < far.size(); i += 5) far[i] = "far" + std::to_string(i);
  const std::vector<std::string> texts{
      text_of(far), text_of(base), text_of(near), text_of(base), "", "", "!?", "!"};
  std::vector<uint64_t> hashes;
  for (const std::string& t : texts) hashes.push_back(hash64(t));
  const std::vector<Duplicate> found = find_duplicates(sketch_texts(texts), hashes);
  ASSERT_EQ(found.size(), 3U);
  EXPECT_EQ(found[0].row, 2U);
  EXPECT_EQ(found[0].of, 1U);
  EXPECT_FALSE(found[0].exact);
  EXPECT_DOUBLE_EQ(found[0].jaccard, 91.0 / 101.0);  // 96 5-grams, of which one replaced word takes five
  EXPECT_EQ(found[1].row, 3U);
  EXPECT_EQ(found[1].of, 1U);
  EXPECT_TRUE(found[1].exact);
  EXPECT_EQ(found[2].row, 5U);  // texts without a word are equal or not, never near
  EXPECT_TRUE(found[2].exact);
}

TEST(Duplicates, ThousandsOfLikeRowsStayQuick) {
  std::vector<std::string> texts;
  std::vector<uint64_t> hashes;
  Rng rng(4, "like");
  const std::string shared = text_of(random_words(rng, 200));
  for (int i = 0; i < 20000; ++i) {
    texts.push_back(shared + "number" + std::to_string(i));
    hashes.push_back(hash64(texts.back()));
  }
  EXPECT_EQ(find_duplicates(sketch_texts(texts), hashes).size(), texts.size() - 1);
}

std::vector<std::string> units_of(std::string_view text) {
  std::vector<std::string> out;
  for (const Unit& u : split_units(text)) out.emplace_back(text.substr(u.begin, u.end - u.begin));
  return out;
}

TEST(Shingles, WordsAndCharacters) {
  EXPECT_EQ(units_of("It's 3.5 mg, naïve!"), (Words{"It", "s", "3", "5", "mg", "naïve"}));
  EXPECT_EQ(units_of("糖尿病(DM)患者。"), (Words{"糖", "尿", "病", "DM", "患", "者"}));
  EXPECT_EQ(units_of("한국어 문장"), (Words{"한국어", "문장"}));
  EXPECT_EQ(units_of(" \n—…🙂"), Words{});
  EXPECT_EQ(shingle_set("One two THREE four five"), shingle_set("one, two three; four five."));
  EXPECT_EQ(shingle_set("a b c d e f").size(), 2U);
  EXPECT_EQ(shingle_set("高血压患者").size(), 1U);
  EXPECT_EQ(shingle_set("a b").size(), 1U);
  EXPECT_TRUE(shingle_set("").empty());
  EXPECT_EQ(jaccard({}, {}), 0);
}

TEST(Shingles, Repetition) {
  EXPECT_EQ(repeated_share(split_units("a b c d e f g"), 4), 0);
  EXPECT_EQ(repeated_share(split_units("a a a a a a a"), 4), 0.75);  // four 4-grams, one distinct
  EXPECT_EQ(repeated_share(split_units("a b c"), 4), 0);
}

TEST(Characters, ScriptsAndDamage) {
  const std::string text = "aЖ漢か한ب\xff";
  std::vector<Script> scripts;
  std::vector<char32_t> characters;
  for (size_t at = 0; at < text.size();) {
    characters.push_back(next_character(text, at));
    scripts.push_back(script_of(characters.back()));
  }
  EXPECT_EQ(scripts, (std::vector<Script>{Script::latin, Script::cyrillic, Script::han, Script::kana,
                                          Script::hangul, Script::arabic, Script::none}));
  EXPECT_EQ(characters.back(), U'\uFFFD');
  EXPECT_EQ(script_of(U'7'), Script::none);
  EXPECT_EQ(script_of(U'×'), Script::none);
  EXPECT_STREQ(script_name(Script::han), "Han");
}

TEST(RecordText, LeavesTheSystemMessageOut) {
  Record chat;
  chat.messages = {{{"role", "system"}, {"content", "be kind"}},
                   {{"role", "user"}, {"content", "hi"}},
                   {{"role", "assistant"}, {"content", "ho"}, {"reasoning_content", "hm"}}};
  EXPECT_EQ(record_text(chat), "hi\nhm\nho\n");
  EXPECT_EQ(record_text({.text = "plain"}), "plain");
}

}  // namespace
}  // namespace keel
