#include "eval/rewriting.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "base/log.h"
#include "base/rng.h"
#include "base/utf8.h"
#include "corpus/dedup/script_count.h"
#include "eval/choice.h"
#include "eval/nll.h"

namespace keel {
namespace {

constexpr int64_t kAtATime = 16;

std::string question_of(const RewriteTask& task) { return task.context.back().value("content", ""); }

// Most of its letters are Han; Japanese, which mixes them with others, mostly is not.
bool is_chinese(const std::string& text) {
  ScriptCount count{};
  count_scripts(text, count);
  const int64_t letters = std::accumulate(count.begin() + 1, count.end(), int64_t{0});
  return 2 * count[static_cast<size_t>(Script::han)] > letters;
}

class Rewriter {
 public:
  Rewriter(ChatModel& model, const std::vector<RewriteTask>& tasks, const RewriteOptions& options)
      : model_(model), tasks_(tasks), options_(options), out_(tasks.size()) {}

  std::vector<Rewriting> run() {
    measure_replies();
    for (int64_t round = 0; round < options_.tries && !open_.empty(); ++round) try_all(round);
    return std::move(out_);
  }

 private:
  Example row(size_t task, const std::string& reply) const {
    return reply_row(model_, tasks_[task].context, reply);
  }

  std::vector<double> losses_of(const std::vector<Example>& rows) const {
    std::vector<double> out;
    nll_over(*model_.lm, rows, {.on_row = [&](const RowSignals& r) {
      out.push_back(r.nll_sum() / static_cast<double>(std::max<int64_t>(1, r.example->supervised())));
    }});
    return out;
  }

  // Those that the model can be asked about become open.
  void measure_replies() {
    std::vector<Example> rows;
    for (size_t i = 0; i < tasks_.size(); ++i) {
      Example own = row(i, tasks_[i].reply);
      prompts_.push_back(prompt_ids(model_, rewrite_request(tasks_[i])));
      longest_.push_back(2 * own.supervised() + 16);
      const int64_t needed = static_cast<int64_t>(prompts_[i].size()) + longest_[i];
      if (std::max(needed, own.size()) > model_.lm->max_positions()) {
        out_[i].why = {"too long for the model"};
        continue;
      }
      open_.push_back(i);
      rows.push_back(std::move(own));
    }
    const std::vector<double> losses = losses_of(rows);
    for (size_t k = 0; k < open_.size(); ++k) out_[open_[k]].loss = losses[k];
  }

  void try_all(int64_t round) {
    info("rewriting: try {} of {}, {} replies", round + 1, options_.tries, open_.size());
    std::vector<std::vector<int32_t>> prompts;
    std::vector<int64_t> longest;
    for (const size_t i : open_) {
      prompts.push_back(prompts_[i]);
      longest.push_back(longest_[i]);
    }
    Rng seeds(static_cast<uint64_t>(options_.seed), "rewrite", static_cast<uint64_t>(round));
    Generator generator(model_, {.temperature = round == 0 ? 0 : options_.rewrite_temperature,
                                 .generate_batch = kAtATime,
                                 .seed = static_cast<int64_t>(seeds.next() >> 1)});
    weigh(generator.answer(prompts, {}, longest));
  }

  // Takes what is right; the others stay open.
  void weigh(const std::vector<Answer>& answers) {
    std::vector<std::string> texts(answers.size());  // those that are right, as far as text tells
    std::vector<Example> rows;
    for (size_t a = 0; a < answers.size(); ++a) {
      const size_t i = open_[a];
      std::string text(trimmed(answers[a].text));
      if (const auto objection = wrong(tasks_[i], text, answers[a].stopped)) {
        refuse(i, *objection);
        continue;
      }
      rows.push_back(row(i, text));
      texts[a] = std::move(text);
    }
    const std::vector<double> losses = losses_of(rows);
    std::vector<size_t> still;
    for (size_t a = 0, next = 0; a < answers.size(); ++a)
      if (texts[a].empty() || !take(open_[a], texts[a], losses[next++])) still.push_back(open_[a]);
    open_ = std::move(still);
  }

  std::optional<Objection> wrong(const RewriteTask& task, const std::string& text, bool stopped) const {
    if (!stopped) return Objection{"it does not end"};
    if (text == task.reply) return Objection{"it is the reply itself"};
    return wrong_with(question_of(task), task.reply, text, options_.min_overlap);
  }

  void refuse(size_t i, const Objection& why) {
    if (out_[i].why.kind.empty()) out_[i].why = why;
  }

  bool take(size_t i, std::string& text, double loss) {
    if (!(loss < out_[i].loss)) {
      refuse(i, {"the model finds it no likelier than the reply"});
      return false;
    }
    out_[i] = {.text = std::move(text), .why = {}, .loss = out_[i].loss, .own_loss = loss};
    return true;
  }

  ChatModel& model_;
  const std::vector<RewriteTask>& tasks_;
  const RewriteOptions& options_;
  std::vector<Rewriting> out_;
  std::vector<std::vector<int32_t>> prompts_;
  std::vector<int64_t> longest_;
  std::vector<size_t> open_;  // tasks without a rewriting yet
};

}  // namespace

Json rewrite_request(const RewriteTask& task) {
  const std::string question = question_of(task);
  const std::string request =
      is_chinese(task.reply)
          ? fmt::format(
                "问题：{}\n\n回答：{}\n\n请换一种说法写出这个回答，保留所有事实、名称和数字。只写回答本身。",
                question, task.reply)
          : fmt::format(
                "Question: {}\n\nAnswer: {}\n\nSay this answer as you would say it yourself. Keep every "
                "fact, "
                "name and number. Write nothing but the answer.",
                question, task.reply);
  Json messages = task.context;
  messages.back()["content"] = request;
  return messages;
}

std::vector<Rewriting> rewrite(ChatModel& model, const std::vector<RewriteTask>& tasks,
                               const RewriteOptions& options) {
  return Rewriter(model, tasks, options).run();
}

}  // namespace keel
