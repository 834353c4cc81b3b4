// keel generate: answers to prompts, one JSON object a line. keel chat: the same by hand.
#include <fmt/format.h>

#include <cstdio>
#include <iostream>
#include <sstream>

#include "app/commands.h"
#include "app/interrupt.h"
#include "app/model_args.h"
#include "app/options_parse.h"
#include "app/session.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/utf8.h"
#include "eval/generate.h"

namespace keel {
namespace {

struct TalkOptions {
  ModelArgs model;
  std::string template_name, chat_template, system, prompts, output;
  std::vector<std::string> prompt;
  GenerateOptions generate;

  template <class V>
  void fields(V& v) {
    model.fields(v);
    v("template", template_name, "named built-in chat template, for a model without one");
    v("chat_template", chat_template, "file with a Jinja chat template that replaces the model's own");
    v("default_system", system, "system message", {.aliases = {"system", "system_prompt"}});
    v.group("prompts");
    v("prompt", prompt, "a prompt; a list gives several");
    v("prompts", prompts, "JSONL file with \"prompt\" or \"messages\" in each row");
    v("output", output, "file for the answers; empty: standard output");
    generate.fields(v);
    v.group("generation");
    v("seed", generate.seed, "key of the random draws");
  }
};

ChatModel load(const TalkOptions& o) {
  set_threads(o.model.threads);
  ChatModel model = load_chat_model(
      {.model = o.model.options(), .template_name = o.template_name, .chat_template_file = o.chat_template});
  info("{}: {}", o.model.model_name_or_path, model.precision_reason);
  return model;
}

std::vector<Json> conversations(const TalkOptions& o) {
  std::vector<Json> out;
  for (const std::string& text : o.prompt) out.push_back(user_message(text, o.system));
  if (o.prompts.empty()) return out;
  std::istringstream in(read_text(o.prompts));
  size_t number = 0;
  for (std::string line; std::getline(in, line);) {
    ++number;
    if (line.empty()) continue;
    const std::string place = fmt::format("{}:{}", o.prompts, number);
    const Json row = parse_json(line, place);
    if (row.is_object() && row.contains("messages") && row["messages"].is_array()) {
      out.push_back(row["messages"]);
    } else if (row.is_object() && row.contains("prompt") && row["prompt"].is_string()) {
      out.push_back(user_message(row["prompt"].get<std::string>(), o.system));
    } else {
      throw UserError({.where = place,
                       .found = "a row without a prompt",
                       .wanted = "\"prompt\" (text) or \"messages\" (list)"});
    }
  }
  return out;
}

}  // namespace

int run_generate(Args args) {
  TalkOptions options;
  const auto parsed =
      parse_command("generate", "--model_name_or_path DIR --prompt TEXT | --prompts FILE", options, args);
  if (!parsed) return 0;
  const std::vector<Json> chats = conversations(options);
  if (chats.empty())
    throw UserError(
        {.where = "keel generate", .found = "no prompt", .hint = "--prompt TEXT or --prompts FILE"});
  ChatModel model = load(options);
  std::vector<std::vector<int32_t>> prompts;
  for (const Json& chat : chats) prompts.push_back(prompt_ids(model, chat));
  const Stopwatch clock;
  const std::vector<Answer> answers = generate(model, prompts, options.generate);
  const double seconds = clock.seconds();
  size_t tokens = 0;
  std::string lines;
  for (size_t i = 0; i < answers.size(); ++i) {
    tokens += answers[i].ids.size();
    lines += to_line({{"messages", chats[i]},
                      {"answer", answers[i].text},
                      {"ids", answers[i].ids},
                      {"stopped", answers[i].stopped}}) +
             "\n";
  }
  info("{} answers, {} tokens in {:.2f} s: {:.1f} tokens/s", answers.size(), tokens, seconds,
       static_cast<double>(tokens) / seconds);
  if (options.output.empty())
    fmt::print("{}", lines);
  else
    write_file(options.output, lines);
  return 0;
}

int run_chat(Args args) {
  TalkOptions options;
  const auto parsed = parse_command("chat", "--model_name_or_path DIR", options, args);
  if (!parsed) return 0;
  ChatModel model = load(options);
  catch_interrupts();
  fmt::print("An empty line or Ctrl-D ends the chat; /new starts over.\n");
  Json messages = Json::array();
  for (std::string line; fmt::print("\n> "), std::fflush(stdout),
                         std::getline(std::cin, line) && !line.empty() && !interrupted();) {
    if (messages.empty() || line == "/new") messages = user_message("", options.system);
    if (line == "/new") continue;
    if (messages.back()["role"] == "user" && messages.back()["content"] == "")
      messages.erase(messages.size() - 1);
    messages.push_back({{"role", "user"}, {"content", line}});
    std::vector<int32_t> said;
    std::string shown;
    const auto print_token =
        [&](size_t, int32_t token) {  // a token may end inside a character: print whole text only
          said.push_back(token);
          const std::string text = model.tokenizer.decode(said, true);
          if (text.ends_with("\xEF\xBF\xBD")) return;
          fmt::print("{}", for_terminal(text.substr(shown.size())));
          std::fflush(stdout);
          shown = text;
        };
    const std::vector<std::vector<int32_t>> prompt{prompt_ids(model, messages)};
    const Answer answer = generate(model, prompt, options.generate, {.on_token = print_token}).front();
    fmt::print("{}\n", answer.stopped ? "" : " […]");
    messages.push_back({{"role", "assistant"}, {"content", answer.text}});
  }
  return 0;
}

}  // namespace keel
