// Replies of a training set in the model's own words: text that is near to what the model says anyway moves
// it less than text that is not (self-distillation of the data, arXiv 2402.13669). What counts as "still
// right" is checked by the text alone, strictly: a rewriting that is refused costs nothing but its time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "eval/chat_model.h"
#include "eval/generate.h"

namespace keel {

struct RewriteOptions {
  int64_t tries = 4;
  double rewrite_temperature = 0.8;
  double min_overlap = 0.3;
  int64_t seed = 42;

  template <class V>
  void fields(V& v) {
    v.group("rewriting");
    v("tries", tries, "rewritings asked of a reply until one is right; the first is the likeliest",
      {.min = 1});
    v("rewrite_temperature", rewrite_temperature, "of the second and later ones", {.min = 0});
    v("min_overlap", min_overlap, "least share of a reply's words that its rewriting has, too",
      {.min = 0, .max = 1});
  }
};

struct RewriteTask {
  Json context;       // messages before the reply, the last one of the user
  std::string reply;  // that is trained now
};

// What speaks against a rewriting: its kind, for counting, and the words and figures of this one.
struct Objection {
  std::string kind, detail = {};
  std::string text() const { return detail.empty() ? kind : kind + ": " + detail; }
};

struct Rewriting {
  std::string text;     // that stands in for the reply; empty: the reply stays
  Objection why;        // it stays: what was wrong with the first try
  double loss = 0;      // of the reply behind its context, nats a token
  double own_loss = 0;  // of the rewriting there
};

// In the order of the tasks. A rewriting is taken when wrong_with() finds nothing, it ended by itself, and
// its loss is below that of the reply.
std::vector<Rewriting> rewrite(ChatModel& model, const std::vector<RewriteTask>& tasks,
                               const RewriteOptions& options);

// The request: reply and last question, in the reply's language (Chinese, else English), behind the messages
// before the question.
Json rewrite_request(const RewriteTask& task);

// A fact that is lost or new, another length (under 0.4 or above 2.5 times), too few words in common, talk of
// the task; nothing where none of it holds. Facts are words with a digit, number words and negations of
// English and Chinese, and of Latin, Cyrillic and Greek letters words with a capital that does not begin a
// sentence. What the question says already need not be said again.
std::optional<Objection> wrong_with(const std::string& question, const std::string& reply,
                                    const std::string& rewriting, double min_overlap);

}  // namespace keel
