#include "app/samples.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/fs.h"
#include "base/json.h"
#include "eval/generate.h"
#include "eval/nll.h"
#include "loss/gem.h"
#include "loss/registry.h"

namespace keel {
namespace {

Json rounded(const std::vector<double>& values) {
  Json out = Json::array();
  for (const double v : values) out.push_back(std::round(v * 1e4) / 1e4);  // what is not finite becomes null
  return out;
}

std::vector<double> numbers_of(const Json& reading, const char* key) {
  std::vector<double> out;
  for (const Json& v : reading.value(key, Json::array()))
    out.push_back(v.is_number() ? v.get<double>() : NAN);
  return out;
}

Json tokens_json(const SampleSet::Sample& s) {
  Json text = Json::array(), readings = Json::array();
  for (const TokenPiece& piece : s.pieces) text.push_back(visible(piece.text));
  for (const auto& [name, r] : s.readings)
    readings.push_back({{"name", name},
                        {"nll", rounded(r.nll)},
                        {"entropy", rounded(r.entropy)},
                        {"weight", rounded(r.weight)}});
  return {{"text", text}, {"readings", readings}};
}

// The first reply alone: what comes behind it is cut off, what came before is context.
Example up_to_reply(const Example& e, int64_t end) {
  const auto first = [&](const auto& all) {
    return std::decay_t<decltype(all)>(all.begin(), all.begin() + end);
  };
  return {.ids = first(e.ids),
          .weight = first(e.weight),
          .turn = first(e.turn),
          .end_of_turn = first(e.end_of_turn),
          .place = e.place};
}

// The pieces behind `begin` tokens.
std::vector<TokenPiece> reply_pieces(const Example& row, int64_t begin, const Tokenizer& tokenizer) {
  std::vector<TokenPiece> out;
  int64_t token = 0;
  for (TokenPiece& piece : token_pieces(row, tokenizer)) {
    if (token >= begin && out.size() < kMostPieces) out.push_back(std::move(piece));
    token += static_cast<int64_t>(piece.ids.size());
  }
  return out;
}

ReplyReading reading_of(const SampleSet::Sample& s, const RowSignals& signals, bool weighted) {
  ReplyReading out;
  auto place = static_cast<size_t>(s.row.prompt_size());
  for (const TokenPiece& piece : s.pieces) {
    const size_t n = piece.ids.size(), from = place - 1;  // a token is predicted at the place before it
    const auto sum = [&](const std::vector<float>& values) {
      return std::accumulate(values.begin() + static_cast<ptrdiff_t>(from),
                             values.begin() + static_cast<ptrdiff_t>(from + n), 0.0);
    };
    out.nll.push_back(sum(signals.nll));
    out.entropy.push_back(sum(signals.entropy) / static_cast<double>(n));
    if (weighted) out.weight.push_back(sum(signals.weight) / static_cast<double>(n));
    place += n;
  }
  return out;
}

}  // namespace

Json SampleSet::to_json() const {
  Json out = Json::array();
  for (const Sample& s : samples) {
    Json answers = Json::array();
    for (const auto& [name, text] : s.answers) answers.push_back({{"name", name}, {"text", text}});
    out.push_back(
        {{"prompt", s.prompt}, {"reference", s.reference}, {"answers", answers}, {"tokens", tokens_json(s)}});
  }
  return out;
}

bool SampleSet::read(const std::filesystem::path& file) {
  if (!fs::exists(file)) return false;
  const Json saved = read_json(file);
  if (!saved.is_array() || saved.size() != samples.size()) return false;
  std::vector<Sample> filled = samples;
  for (size_t i = 0; i < filled.size(); ++i) {
    const Json& sample = saved[i];
    if (sample.value("prompt", "") != filled[i].prompt || !sample.contains("answers")) return false;
    for (const Json& r : sample.value("/tokens/readings"_json_pointer, Json::array()))
      filled[i].readings.emplace_back(
          r.value("name", ""),
          ReplyReading{numbers_of(r, "nll"), numbers_of(r, "entropy"), numbers_of(r, "weight")});
    for (const Json& a : sample["answers"])
      filled[i].answers.emplace_back(a.value("name", ""), a.value("text", ""));
  }
  samples = std::move(filled);
  return true;
}

SampleSet pick_samples(const ChatModel& model, const ExampleSet& set, int64_t count) {
  SampleSet out;
  const size_t n = std::min(set.size(), static_cast<size_t>(count));
  for (size_t i = 0; i < n; ++i) {
    const Example e = set[i * set.size() / n];
    const auto trained = [](float w) { return w != 0; };
    const int64_t begin = e.prompt_size();
    if (begin < 2 || begin == e.size()) continue;  // plain text has no prompt
    const auto end = std::find_if_not(e.weight.begin() + begin, e.weight.end(), trained) - e.weight.begin();
    const auto ids = std::span(e.ids);
    SampleSet::Sample s{.row = up_to_reply(e, end),
                        .prompt = model.tokenizer.decode(ids.first(static_cast<size_t>(begin)), true),
                        .reference = model.tokenizer.decode(
                            ids.subspan(static_cast<size_t>(begin), static_cast<size_t>(end - begin)), true)};
    s.pieces = reply_pieces(s.row, begin, model.tokenizer);
    out.samples.push_back(std::move(s));
  }
  return out;
}

void answer_samples(SampleSet& set, ChatModel& model, const std::string& name,
                    const GenerateOptions& options) {
  std::vector<std::vector<int32_t>> prompts;
  for (const auto& s : set.samples) prompts.push_back(s.prompt_ids());
  const std::vector<Answer> answers = generate(model, prompts, options);
  for (size_t i = 0; i < answers.size(); ++i) set.samples[i].answers.emplace_back(name, answers[i].text);
}

void read_replies(SampleSet& set, ChatModel& model, const std::string& name, const LossOptions& loss) {
  const bool by_token = loss.token_weighting != "none" && loss.token_weighting != kGem &&
                        loss.weighting_control == "none" && loss.weighting_by_dataset.empty() &&
                        reference_asked(loss, {}) == ReferenceModel::none;
  const LossOptions own = by_token ? loss : LossOptions{.token_weighting = "none"};
  std::vector<Example> rows;
  for (const auto& s : set.samples) rows.push_back(s.row);
  size_t next = 0;
  nll_over(*model.lm, rows, {.loss = own, .on_row = [&](const RowSignals& signals) {
                               auto& sample = set.samples[next++];
                               sample.readings.emplace_back(name, reading_of(sample, signals, by_token));
                             }});
}

}  // namespace keel
