// Whether a rewriting still says what the reply said.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <set>

#include "base/utf8.h"
#include "corpus/dedup/characters.h"
#include "eval/rewriting.h"

namespace keel {
namespace {

constexpr double kShortest = 0.4, kLongest = 2.5;  // times the reply's characters
constexpr size_t kLeastWord = 4;                   // letters of a word that says something

struct Word {
  std::string text;  // as it stands
  size_t letters = 0;
  bool digit = false, capital = false, begins_sentence = false,
       alone = false;  // alone: of a script without blanks
};

bool is_capital(char32_t c) {
  return (c >= U'A' && c <= U'Z') || (c >= 0xC0 && c <= 0xDE && c != 0xD7) || (c >= 0x391 && c <= 0x3A9) ||
         (c >= 0x400 && c <= 0x42F);
}

bool ends_sentence(char32_t c) {
  return c == U'.' || c == U'!' || c == U'?' || c == U':' || c == U'\n' || c == U'。' || c == U'！' ||
         c == U'？' || c == U'：' || c == U'"' || c == U'“' || c == U'-' || c == U'*';
}

bool joins_digits(char32_t c) { return c == U'.' || c == U',' || c == U':' || c == U'/' || c == U'-'; }

// Words of letters and digits; a character of a script without blanks is a word of its own.
class Words {
 public:
  explicit Words(std::string_view text) : text_(text) {
    for (size_t at = 0; at < text.size();) {
      const size_t begin = at;
      const char32_t c = next_character(text, at);
      take(c, begin, at);
    }
    close();
  }

  std::vector<Word> take_all() { return std::move(words_); }

 private:
  void take(char32_t c, size_t begin, size_t end) {
    const bool alone = stands_alone(c), digit = is_digit(c);
    if (!alone && (digit || script_of(c) != Script::none)) return extend(c, digit, begin, end);
    const bool joined = open_ && open_->digit && joins_digits(c) && end < text_.size() && is_digit_at(end);
    if (joined) {
      open_->text += text_.substr(begin, end - begin);
      return;
    }
    close();
    if (alone)
      words_.push_back({.text = std::string(text_.substr(begin, end - begin)), .letters = 1, .alone = true});
    if (alone || ends_sentence(c)) fresh_ = !alone;
  }

  void extend(char32_t c, bool digit, size_t begin, size_t end) {
    if (!open_) open_ = Word{.begins_sentence = fresh_};
    open_->text += text_.substr(begin, end - begin);
    ++open_->letters;
    open_->digit = open_->digit || digit;
    open_->capital = open_->capital || is_capital(c);
    fresh_ = false;
  }

  bool is_digit_at(size_t at) const { return is_digit(next_character(text_, at)); }

  void close() {
    if (open_) words_.push_back(std::move(*open_));
    open_.reset();
  }

  std::string_view text_;
  std::vector<Word> words_;
  std::optional<Word> open_;
  bool fresh_ = true;  // a sentence begins here
};

// "1,234" and "1234" are the same number.
std::string fact_text(const Word& word) {
  std::string text = lower_ascii(word.text);
  if (word.digit) std::erase(text, ',');
  return text;
}

// Number words and negations. "one" and 一 are left out, as they mostly count nothing; "t" ends "don't".
bool changes_the_sense(const Word& w) {
  static const std::set<std::string, std::less<>> kWords{
      "two",    "three",  "four",    "five",     "six",     "seven",   "eight",  "nine",  "ten",
      "eleven", "twelve", "fifteen", "twenty",   "thirty",  "forty",   "fifty",  "sixty", "seventy",
      "eighty", "ninety", "hundred", "thousand", "million", "half",    "twice",  "first", "second",
      "third",  "not",    "no",      "never",    "none",    "without", "cannot", "t",     "两",
      "二",     "三",     "四",      "五",       "六",      "七",      "八",     "九",    "十",
      "百",     "千",     "万",      "半",       "不",      "没",      "未",     "无"};
  return kWords.contains(lower_ascii(w.text));
}

bool is_fact(const Word& w) {
  return w.digit || changes_the_sense(w) || (w.capital && !w.begins_sentence && w.text != "I");
}

struct Content {
  std::set<std::string> facts, all;  // all: every word as a fact would be written
  std::set<std::string> words;       // that say something; of scripts without blanks pairs of neighbours
};

Content content_of(const std::string& text) {
  Content out;
  const std::vector<Word> words = Words(text).take_all();
  for (size_t i = 0; i < words.size(); ++i) {
    const Word& w = words[i];
    out.all.insert(fact_text(w));
    if (is_fact(w)) out.facts.insert(fact_text(w));
    if (w.alone && i > 0 && words[i - 1].alone) out.words.insert(words[i - 1].text + w.text);
    if (!w.alone && (w.letters >= kLeastWord || w.digit)) out.words.insert(lower_ascii(w.text));
  }
  return out;
}

double characters(const std::string& text) {
  double n = 0;
  for (size_t at = 0; at < text.size(); ++n) next_character(text, at);
  return n;
}

// Words of someone who talks about the task.
bool talks_of_rewriting(const std::string& text) {
  static constexpr std::array<std::string_view, 9> kSigns{
      "rewrit",         "rephras", "reworded", "own words", "this question is",
      "this question:", "改写",    "自己的话", "参考答案"};
  const std::string low = lower_ascii(text);
  return std::ranges::any_of(kSigns, [&](std::string_view s) { return low.find(s) != std::string::npos; });
}

double overlap(const Content& reply, const Content& rewriting) {
  if (reply.words.empty()) return 1;
  const auto common =
      std::ranges::count_if(reply.words, [&](const auto& w) { return rewriting.words.contains(w); });
  return static_cast<double>(common) / static_cast<double>(reply.words.size());
}

}  // namespace

std::optional<Objection> wrong_with(const std::string& question, const std::string& reply,
                                    const std::string& rewriting, double min_overlap) {
  const double length = characters(rewriting) / std::max(1.0, characters(reply));
  if (trimmed(rewriting).empty()) return Objection{"it is empty"};
  if (length < kShortest || length > kLongest)
    return Objection{"it is much shorter or longer", fmt::format("{:.1f} times", length)};
  if (talks_of_rewriting(rewriting) && !talks_of_rewriting(reply))
    return Objection{"it talks about the task"};
  const Content asked = content_of(question), had = content_of(reply), has = content_of(rewriting);
  for (const std::string& fact : had.facts)
    if (!has.all.contains(fact) && !asked.all.contains(fact)) return Objection{"a fact is lost", fact};
  for (const std::string& fact : has.facts)
    if (!had.all.contains(fact) && !asked.all.contains(fact)) return Objection{"a fact is new", fact};
  if (const double common = overlap(had, has); common < min_overlap)
    return Objection{"too few words in common", fmt::format("{:.0f} %", 100 * common)};
  return {};
}

}  // namespace keel
