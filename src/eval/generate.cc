#include "eval/generate.h"

#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include <fmt/format.h>

#include "base/error.h"
#include "base/rng.h"

namespace keel {
namespace {

// Of a pass, beside the last prompt: bounds its memory.
constexpr int64_t kMostTokens = 1024;

size_t common_beginning(std::span<const int32_t> a, std::span<const int32_t> b) {
  return static_cast<size_t>(std::ranges::mismatch(a, b).in1 - a.begin());
}

int32_t likeliest(std::span<const float> logits) {
  return static_cast<int32_t>(std::ranges::max_element(logits) - logits.begin());
}

// From the whole vocabulary, which need not be sorted for that.
int32_t draw(std::span<const float> logits, double temperature, double uniform) {
  const double largest = logits[static_cast<size_t>(likeliest(logits))];
  std::vector<double> mass(logits.size());
  double total = 0;
  for (size_t i = 0; i < logits.size(); ++i) total += mass[i] = std::exp((logits[i] - largest) / temperature);
  double target = uniform * total;
  for (size_t i = 0; i < logits.size(); ++i) {
    target -= mass[i];
    if (target < 0) return static_cast<int32_t>(i);
  }
  return likeliest(logits);
}

void check_prompts(const ChatModel& model, std::span<const std::vector<int32_t>> prompts) {
  for (const auto& prompt : prompts) {
    if (prompt.empty())
      throw UserError({.where = "prompt", .found = "an empty prompt", .hint = "give some text"});
    if (static_cast<int64_t>(prompt.size()) >= model.lm->max_positions())
      throw UserError(
          {.where = "prompt",
           .found = fmt::format("{} tokens", prompt.size()),
           .wanted = fmt::format("fewer than the model's {} positions", model.lm->max_positions()),
           .hint = "shorten the text"});
  }
}

}  // namespace

int32_t choose_token(std::span<const float> logits, const GenerateOptions& options, double uniform) {
  if (options.temperature <= 0) return likeliest(logits);
  if (options.top_k <= 0 && options.top_p >= 1) return draw(logits, options.temperature, uniform);
  std::vector<int32_t> order(logits.size());
  std::iota(order.begin(), order.end(), 0);
  size_t keep =
      options.top_k > 0 ? std::min<size_t>(static_cast<size_t>(options.top_k), order.size()) : order.size();
  // A stable order for equal logits makes the draw a function of the logits alone.
  const auto greater = [&](int32_t a, int32_t b) {
    return logits[a] != logits[b] ? logits[a] > logits[b] : a < b;
  };
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(keep), order.end(), greater);
  std::vector<double> mass(keep);
  double total = 0;
  for (size_t i = 0; i < keep; ++i)
    total += mass[i] = std::exp((logits[order[i]] - logits[order[0]]) / options.temperature);
  double kept = 0;
  size_t last = 0;
  for (; last < keep; ++last) {
    kept += mass[last];
    if (kept >= options.top_p * total) break;
  }
  double target = uniform * kept;
  for (size_t i = 0; i < std::min(last + 1, keep); ++i) {
    target -= mass[i];
    if (target < 0) return order[i];
  }
  return order[std::min(last, keep - 1)];
}

Generator::Generator(ChatModel& model, const GenerateOptions& options)
    : model_(model),
      options_(options),
      cache_(model.lm->make_cache(options.generate_batch)),
      places_(static_cast<size_t>(options.generate_batch)) {}

std::vector<Answer> Generator::answer(std::span<const std::vector<int32_t>> prompts,
                                      const GenerateEvents& events, std::span<const int64_t> longest) {
  const at::NoGradGuard no_grad;
  check_prompts(model_, prompts);
  prompts_ = prompts;
  longest_ = longest;
  answers_.assign(prompts.size(), {});
  busy_ = next_ = done_ = 0;
  while (busy_ > 0 || next_ < prompts_.size()) {
    open_places();
    step(events);
  }
  for (Answer& a : answers_) a.text = model_.tokenizer.decode(a.ids, true);
  return std::move(answers_);
}

void Generator::open_places() {
  size_t tokens = busy_;
  while (busy_ < places_.size() && next_ < prompts_.size() && tokens < kMostTokens) {
    open(prompts_[next_]);
    tokens += places_[busy_ - 1].unread().size();
  }
}

// The next place is for this prompt. Either a free place comes there that holds the prompt's beginning, or
// the beginning is copied from a busy one, which the model reads before.
void Generator::open(const std::vector<int32_t>& prompt) {
  const auto all_but_last = std::span(prompt).first(prompt.size() - 1);
  size_t best = busy_, shared = 0;
  for (size_t p = 0; p < places_.size(); ++p) {
    const size_t known = p < busy_ ? places_[p].ids.size() : places_[p].read;
    const size_t common = common_beginning(std::span(places_[p].ids).first(known), all_but_last);
    if (common > shared) best = p, shared = common;
  }
  const bool copied = best < busy_;
  if (!copied) swap(best, busy_);
  cache_->keep(static_cast<int64_t>(busy_), copied ? 0 : static_cast<int64_t>(shared));
  places_[busy_] = {.prompt = next_++, .ids = prompt, .read = shared};
  if (copied) places_[busy_].beginning = {static_cast<int64_t>(best), static_cast<int64_t>(shared)};
  ++busy_;
}

PackedTokens Generator::unread() const {
  PackedTokens out{.ids_T = {}, .offsets = {0}};
  std::vector<int64_t> ids;
  for (const Place& place : std::span(places_).first(busy_)) {
    ids.insert(ids.end(), place.unread().begin(), place.unread().end());
    out.offsets.push_back(static_cast<int64_t>(ids.size()));
    out.beginnings.push_back(place.beginning);
  }
  out.ids_T = at::tensor(ids, at::kLong);
  return out;
}

// One token more for each busy place. From the last one on, as swap() puts it into a gap.
void Generator::step(const GenerateEvents& events) {
  const at::Tensor hidden_BD = model_.lm->decode(unread(), *cache_);
  const at::Tensor logits_BV = model_.lm->logits(hidden_BD).to(at::kCPU).contiguous();
  const auto vocabulary = static_cast<size_t>(logits_BV.size(1));
  for (size_t b = busy_; b-- > 0;) {
    places_[b].read = places_[b].ids.size();
    places_[b].beginning = {};
    if (extend(places_[b], {logits_BV.const_data_ptr<float>() + b * vocabulary, vocabulary}, events))
      continue;
    if (events.on_answer) events.on_answer(++done_);
    swap(b, --busy_);
  }
}

// Whether the answer goes on behind the token that these logits give.
bool Generator::extend(Place& place, std::span<const float> logits, const GenerateEvents& events) {
  Answer& answer = answers_[place.prompt];
  Rng rng(static_cast<uint64_t>(options_.seed), "sample", place.prompt, answer.ids.size());
  const int32_t token = choose_token(logits, options_, rng.uniform());
  answer.stopped = std::ranges::find(model_.stop_ids, token) != model_.stop_ids.end();
  if (answer.stopped) return false;
  answer.ids.push_back(token);
  place.ids.push_back(token);
  if (events.on_token) events.on_token(place.prompt, token);
  const int64_t room = model_.lm->max_positions() - static_cast<int64_t>(prompts_[place.prompt].size());
  const int64_t most = longest_.empty() ? options_.max_new_tokens : longest_[place.prompt];
  return static_cast<int64_t>(answer.ids.size()) < std::min(most, room);
}

void Generator::swap(size_t a, size_t b) {
  std::swap(places_[a], places_[b]);
  cache_->swap(static_cast<int64_t>(a), static_cast<int64_t>(b));
}

std::vector<Answer> generate(ChatModel& model, std::span<const std::vector<int32_t>> prompts,
                             const GenerateOptions& options, const GenerateEvents& events) {
  return Generator(model, options).answer(prompts, events);
}

}  // namespace keel
