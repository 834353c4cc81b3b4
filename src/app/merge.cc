// keel merge: base + adapter to one folder, in fp32, with the proof that it says the same.
#include <ATen/core/grad_mode.h>

#include <fmt/format.h>

#include <algorithm>

#include "app/commands.h"
#include "app/options_parse.h"
#include "app/session.h"
#include "base/error.h"
#include "base/fs.h"
#include "base/log.h"
#include "checkpoint/adapter_folder.h"
#include "model/lora.h"

namespace keel {
namespace {

struct MergeOptions {
  std::string model, adapter, output_dir, template_name, chat_template;
  int64_t threads = 0;

  template <class V>
  void fields(V& v) {
    v.group("merge");
    v("model_name_or_path", model, "the base model's folder", {.aliases = {"model", "base_model"}});
    v("adapter_name_or_path", adapter, "the PEFT adapter folder", {.aliases = {"adapter", "lora_path"}});
    v("output_dir", output_dir, "new folder for the merged model", {.aliases = {"export_dir"}});
    v("template", template_name, "named built-in chat template, for a model without one");
    v("chat_template", chat_template, "file with a Jinja chat template that replaces the model's own");
    v("threads", threads, "compute threads; 0: all cores", {.min = 0});
  }
};

void check(const MergeOptions& o) {
  std::vector<ErrorText> problems;
  if (o.model.empty())
    problems.push_back(
        {.where = "model_name_or_path", .found = "not given", .wanted = "the base model's folder"});
  if (o.adapter.empty())
    problems.push_back(
        {.where = "adapter_name_or_path", .found = "not given", .wanted = "an adapter folder"});
  if (o.output_dir.empty())
    problems.push_back({.where = "output_dir", .found = "not given", .wanted = "a new folder"});
  throw_problems(problems);
}

// Logits of all tokens of a few fixed prompts, fp32.
std::vector<at::Tensor> probe_logits(const ChatModelOptions& options) {
  static const std::vector<std::string> kPrompts{"What is the capital of France?",
                                                 "Write one sentence about the sea.", "What is 12 plus 30?",
                                                 "用一句话介绍北京。"};
  const at::NoGradGuard no_grad;
  const ChatModel model = load_chat_model(options);
  std::vector<at::Tensor> out;
  for (const std::string& prompt : kPrompts) {
    const std::vector<int32_t> ids = prompt_ids(model, user_message(prompt));
    const at::Tensor ids_T = at::tensor(std::vector<int64_t>(ids.begin(), ids.end()), at::kLong);
    const at::Tensor hidden_TD = model.lm->forward({.ids_T = ids_T, .offsets = {0, ids_T.numel()}}, {});
    out.push_back(at::linear(hidden_TD, model.lm->head_VD()).to(at::kFloat));
  }
  return out;
}

void report_agreement(const std::vector<at::Tensor>& apart, const std::vector<at::Tensor>& merged) {
  double largest = 0;
  int64_t same = 0, all = 0;
  for (size_t i = 0; i < apart.size(); ++i) {
    largest = std::max(largest, (apart[i] - merged[i]).abs().max().item<double>());
    same += apart[i].argmax(-1).eq(merged[i].argmax(-1)).sum().item<int64_t>();
    all += apart[i].size(0);
  }
  fmt::print(
      "largest logit difference {:.2e}; the likeliest token is the same at {} of {} places of the probe "
      "prompts\n",
      largest, same, all);
}

}  // namespace

int run_merge(Args args) {
  MergeOptions o;
  const auto parsed = parse_command(
      "merge", "--model_name_or_path BASE --adapter_name_or_path ADAPTER --output_dir NEW", o, args);
  if (!parsed) return 0;
  check(o);
  set_threads(o.threads);
  const HfFolder base = HfFolder::open(resolve_model(o.model));
  const AdapterFolder adapter = AdapterFolder::open(o.adapter);
  {
    PartFolder out(o.output_dir);
    save_hf_folder(base, merge_lora(base.tensors(), {.config = adapter.config, .tensors = adapter.tensors()}),
                   base.config, out.dir());
    out.commit();
  }
  info("merged into {}", o.output_dir);
  ChatModelOptions options{.model = {.model_name_or_path = o.model,
                                     .adapter_name_or_path = o.adapter,
                                     .device = "cpu",
                                     .precision = "fp32"},
                           .template_name = o.template_name,
                           .chat_template_file = o.chat_template};
  const std::vector<at::Tensor> apart = probe_logits(options);
  options.model.model_name_or_path = o.output_dir;
  options.model.adapter_name_or_path.clear();
  report_agreement(apart, probe_logits(options));
  return 0;
}

}  // namespace keel
