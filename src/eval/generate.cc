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

// Answers many prompts a few at a time: when one is answered the next takes its place, and when none is left
// its place goes, so no step computes a token that nobody reads.
class Decoding {
 public:
  Decoding(ChatModel& model, std::span<const std::vector<int32_t>> prompts, const GenerateOptions& options)
      : model_(model), prompts_(prompts), options_(options), answers_(prompts.size()) {
    for (size_t p = 0; p < prompts.size(); ++p) budgets_.push_back(budget_of(prompts[p]));
  }

  std::vector<Answer> run(const GenerateEvents& events) {
    const size_t places = std::min(prompts_.size(), static_cast<size_t>(options_.generate_batch));
    int64_t longest = 0;
    for (size_t p = 0; p < prompts_.size(); ++p)
      longest = std::max(longest, static_cast<int64_t>(prompts_[p].size()) + budgets_[p]);
    cache_ = model_.lm->make_cache(static_cast<int64_t>(places), longest);
    while (next_ < places) places_.push_back(open_next());
    while (!places_.empty()) step(events);
    for (Answer& a : answers_) a.text = model_.tokenizer.decode(a.ids, true);
    return std::move(answers_);
  }

 private:
  struct Place {
    size_t prompt;
    std::vector<int32_t> fresh;  // tokens that the model has not seen yet
  };

  int64_t budget_of(const std::vector<int32_t>& prompt) const {
    return std::min(options_.max_new_tokens,
                    model_.lm->max_positions() - static_cast<int64_t>(prompt.size()));
  }

  Place open_next() {
    const size_t prompt = next_++;
    return {.prompt = prompt, .fresh = prompts_[prompt]};
  }

  PackedTokens pack() const {
    PackedTokens out{.ids_T = {}, .offsets = {0}};
    for (const Place& place : places_)
      out.offsets.push_back(out.offsets.back() + static_cast<int64_t>(place.fresh.size()));
    out.ids_T = at::empty({out.offsets.back()}, at::kLong);
    auto* ids = out.ids_T.mutable_data_ptr<int64_t>();
    for (const Place& place : places_) ids = std::copy(place.fresh.begin(), place.fresh.end(), ids);
    return out;
  }

  // One token more for each place. From the last place on, as remove() puts the last one into a gap.
  void step(const GenerateEvents& events) {
    const at::Tensor hidden_BD = model_.lm->decode(pack(), *cache_);
    const at::Tensor logits_BV =
        at::linear(hidden_BD, model_.lm->head_VD()).to(at::kCPU, at::kFloat).contiguous();
    const auto vocabulary = static_cast<size_t>(logits_BV.size(1));
    for (size_t b = places_.size(); b-- > 0;) {
      if (extend(places_[b], {logits_BV.const_data_ptr<float>() + b * vocabulary, vocabulary}, events))
        continue;
      if (events.on_answer) events.on_answer(++done_);
      if (next_ < prompts_.size()) {
        cache_->restart(static_cast<int64_t>(b));
        places_[b] = open_next();
      } else {
        cache_->remove(static_cast<int64_t>(b));
        if (b + 1 < places_.size()) places_[b] = std::move(places_.back());
        places_.pop_back();
      }
    }
  }

  // Whether the answer goes on behind the token that these logits give.
  bool extend(Place& place, std::span<const float> logits, const GenerateEvents& events) {
    Answer& answer = answers_[place.prompt];
    Rng rng(static_cast<uint64_t>(options_.seed), "sample", place.prompt, answer.ids.size());
    const int32_t token = choose_token(logits, options_, rng.uniform());
    answer.stopped = std::ranges::find(model_.stop_ids, token) != model_.stop_ids.end();
    if (answer.stopped) return false;
    answer.ids.push_back(token);
    if (events.on_token) events.on_token(place.prompt, token);
    place.fresh = {token};
    return static_cast<int64_t>(answer.ids.size()) < budgets_[place.prompt];
  }

  ChatModel& model_;
  std::span<const std::vector<int32_t>> prompts_;
  const GenerateOptions& options_;
  std::vector<int64_t> budgets_;  // most tokens of each answer
  std::vector<Answer> answers_;
  std::unique_ptr<KvCache> cache_;
  std::vector<Place> places_;  // place b is sequence b of the cache
  size_t next_ = 0;            // first prompt that has no place yet
  size_t done_ = 0;
};

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
  if (options.temperature <= 0)
    return static_cast<int32_t>(std::max_element(logits.begin(), logits.end()) - logits.begin());
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

std::vector<Answer> generate(ChatModel& model, std::span<const std::vector<int32_t>> prompts,
                             const GenerateOptions& options, const GenerateEvents& events) {
  const at::NoGradGuard no_grad;
  check_prompts(model, prompts);
  if (prompts.empty()) return {};
  return Decoding(model, prompts, options).run(events);
}

}  // namespace keel
