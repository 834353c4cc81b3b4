#include "eval/generate.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <fmt/format.h>

#include "base/error.h"
#include "base/rng.h"

namespace keel {
namespace {

PackedTokens pack(std::span<const std::vector<int32_t>> rows) {
  PackedTokens out{.ids_T = {}, .offsets = {0}};
  for (const auto& row : rows) out.offsets.push_back(out.offsets.back() + static_cast<int64_t>(row.size()));
  out.ids_T = at::empty({out.offsets.back()}, at::kLong);
  auto* ids = out.ids_T.mutable_data_ptr<int64_t>();
  for (const auto& row : rows) ids = std::copy(row.begin(), row.end(), ids);
  return out;
}

// The state of one batch of prompts being answered. A finished sequence is fed its last token again until all
// are done: the batch keeps one shape, and batching by length keeps the waste small.
class Decoding {
 public:
  Decoding(ChatModel& model, std::vector<size_t> members, const GenerateOptions& options)
      : model_(model), members_(std::move(members)), options_(options), answers_(members_.size()) {}

  std::vector<Answer> run(std::span<const std::vector<int32_t>> prompts, const TokenCallback& on_token) {
    std::vector<std::vector<int32_t>> fresh;
    size_t longest = 0;
    for (const size_t m : members_) {
      fresh.push_back(prompts[m]);
      longest = std::max(longest, prompts[m].size());
    }
    const int64_t room = model_.lm->max_positions() - static_cast<int64_t>(longest);
    const int64_t budget = std::min(options_.max_new_tokens, room);
    auto cache =
        model_.lm->make_cache(static_cast<int64_t>(members_.size()), static_cast<int64_t>(longest) + budget);
    for (int64_t n = 0; n < budget && !all_stopped(); ++n) {
      const at::Tensor hidden_BD = model_.lm->decode(pack(fresh), *cache);
      const at::Tensor logits_BV = at::linear(hidden_BD, model_.lm->head_VD()).to(at::kFloat).contiguous();
      for (size_t b = 0; b < members_.size(); ++b) fresh[b] = {extend(b, n, logits_BV, on_token)};
    }
    for (Answer& a : answers_) a.text = model_.tokenizer.decode(a.ids, true);
    return std::move(answers_);
  }

 private:
  bool all_stopped() const { return std::ranges::all_of(answers_, &Answer::stopped); }

  int32_t extend(size_t b, int64_t position, const at::Tensor& logits_BV, const TokenCallback& on_token) {
    Answer& answer = answers_[b];
    const auto vocabulary = static_cast<size_t>(logits_BV.size(1));
    const float* row = logits_BV.const_data_ptr<float>() + b * vocabulary;
    if (answer.stopped) return model_.stop_ids.front();
    Rng rng(static_cast<uint64_t>(options_.seed), "sample", members_[b], static_cast<uint64_t>(position));
    const int32_t token = choose_token({row, vocabulary}, options_, rng.uniform());
    if (std::ranges::find(model_.stop_ids, token) != model_.stop_ids.end()) {
      answer.stopped = true;
    } else {
      answer.ids.push_back(token);
      if (on_token) on_token(members_[b], token);
    }
    return token;
  }

  ChatModel& model_;
  std::vector<size_t> members_;
  const GenerateOptions& options_;
  std::vector<Answer> answers_;
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
                             const GenerateOptions& options, const TokenCallback& on_token) {
  const at::NoGradGuard no_grad;
  check_prompts(model, prompts);
  std::vector<size_t> order(prompts.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::stable_sort(order, {}, [&](size_t i) { return prompts[i].size(); });
  std::vector<Answer> answers(prompts.size());
  const auto batch = static_cast<size_t>(options.generate_batch);
  for (size_t begin = 0; begin < order.size(); begin += batch) {
    const size_t end = std::min(order.size(), begin + batch);
    const std::vector<size_t> members(order.begin() + static_cast<std::ptrdiff_t>(begin),
                                      order.begin() + static_cast<std::ptrdiff_t>(end));
    std::vector<Answer> done = Decoding(model, members, options).run(prompts, on_token);
    for (size_t i = 0; i < members.size(); ++i) answers[members[i]] = std::move(done[i]);
  }
  return answers;
}

}  // namespace keel
