// keel data rewrite: a new file in which the model says the replies in its own words, where they are still
// right.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "app/data.h"
#include "app/data_output.h"
#include "app/data_subject.h"
#include "app/session.h"
#include "base/log.h"
#include "doctor/clean.h"
#include "doctor/wording.h"
#include "eval/rewriting.h"

namespace keel {
namespace {

struct RewriteArgs {
  NewRowsOptions rows;
  RewriteOptions rewrite;

  template <class V>
  void fields(V& v) {
    rows.fields(v);
    rewrite.fields(v);
  }
};

struct Place {
  size_t record, message;
};

// Replies that are trained and that a user's message asks for; calls of tools and thinking stay as they are.
bool is_rewritten(const Json& messages, size_t m) {
  const Json& message = messages[m];
  return m > 0 && message.value("role", "") == "assistant" && messages[m - 1].value("role", "") == "user" &&
         message.value("weight", 1.0) != 0 && !message.contains("tool_calls") &&
         !message.contains("reasoning_content") && !message.value("content", "").empty();
}

Json without_weights(const Json& messages, size_t count) {
  Json out = Json::array();
  for (size_t m = 0; m < count; ++m) {
    out.push_back(messages[m]);
    out.back().erase("weight");
  }
  return out;
}

std::vector<RewriteTask> tasks_of(const std::vector<Record>& records, std::vector<Place>& places) {
  std::vector<RewriteTask> out;
  for (size_t r = 0; r < records.size(); ++r) {
    const Json& messages = records[r].messages;
    for (size_t m = 0; m < messages.size(); ++m) {
      if (!is_rewritten(messages, m)) continue;
      places.push_back({r, m});
      out.push_back({.context = without_weights(messages, m), .reply = messages[m]["content"]});
    }
  }
  return out;
}

Json log_line_of(const Record& record, const Place& place, const RewriteTask& task, const Rewriting& r) {
  Json line{{"place", record.place}, {"message", place.message}, {"reply", task.reply}};
  if (r.text.empty()) {
    line["kept_because"] = r.why.text();
  } else {
    line["rewriting"] = r.text;
    line["loss"] = r.loss;
    line["own_loss"] = r.own_loss;
  }
  return line;
}

void print_rewritten(const std::vector<Rewriting>& all, const std::string& output) {
  std::map<std::string, int64_t> why;
  int64_t taken = 0;
  double loss = 0, own = 0;
  for (const Rewriting& r : all) {
    if (r.text.empty()) {
      ++why[r.why.kind];
      continue;
    }
    ++taken;
    loss += r.loss;
    own += r.own_loss;
  }
  std::vector<std::pair<int64_t, std::string>> reasons;
  for (const auto& [text, count] : why) reasons.emplace_back(count, text);
  std::ranges::sort(reasons, std::ranges::greater{});
  fmt::print("{}: {} of {} are the model's own words now", output, format_count(taken),
             counted(static_cast<int64_t>(all.size()), "reply", "replies"));
  if (taken > 0)
    fmt::print("; it finds them likelier: loss per token {:.2f} instead of {:.2f}",
               own / static_cast<double>(taken), loss / static_cast<double>(taken));
  fmt::print("\n");
  for (const auto& [count, text] : reasons)
    fmt::print("  kept as they were: {} ({})\n", format_count(count), text);
}

}  // namespace

int run_data_rewrite(Args args) {
  RunConfig config;
  RewriteArgs options;
  if (!parse_data_options("data rewrite",
                          "[CONFIG.yaml] --model_name_or_path DIR --dataset FILE --output NEW.jsonl", config,
                          collect_fields(options), args))
    return 0;
  check_new_rows(options.rows);
  check_model_given(config);
  std::vector<Json> log, out;
  RowSet rows = read_rows(training_specs(config.data), config.data, [&](const Rejection& r) {
    log.push_back({{"place", r.place}, {"left_out", "a bad row: " + sentence(r)}});
  });
  if (!log.empty()) warn("{} cannot be used, and left out", counted(static_cast<int64_t>(log.size()), "row"));
  check_not_read(options.rows.output, rows);
  ChatModel model = load_model(config, false);
  std::vector<Place> places;
  const std::vector<RewriteTask> tasks = tasks_of(rows.records, places);
  options.rewrite.seed = config.train.seed;
  const std::vector<Rewriting> rewritings = rewrite(model, tasks, options.rewrite);
  for (size_t i = 0; i < tasks.size(); ++i) {
    Record& record = rows.records[places[i].record];
    log.push_back(log_line_of(record, places[i], tasks[i], rewritings[i]));
    if (!rewritings[i].text.empty()) record.messages[places[i].message]["content"] = rewritings[i].text;
  }
  for (const Record& record : rows.records) out.push_back(row_of(record));
  write_lines(log_of_rows(options.rows.output), log);
  write_lines(options.rows.output, out);
  print_rewritten(rewritings, options.rows.output);
  return 0;
}

}  // namespace keel
