#include "app/demo.h"

#include <fmt/format.h>

#include <algorithm>

#include "app/commands.h"
#include "app/demo_report.h"
#include "app/interrupt.h"
#include "app/options_parse.h"
#include "app/replay_text.h"
#include "app/session.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/names.h"
#include "config/dump.h"
#include "eval/nll.h"
#include "loss/registry.h"
#include "report/html.h"
#include "train/trainer.h"

namespace keel {
namespace {

struct DemoInputs {
  std::vector<Probe> domain, general;
  RunData data;
};

// How long the rest takes, from what has been measured so far: an evaluation's time from the last one, a
// training's from the forward speed seen in evaluation until an arm has been trained.
class Countdown {
 public:
  explicit Countdown(size_t arms) : arms_(arms) {}
  void evaluated(double seconds) { eval_s_ = seconds, ++evals_; }
  void trained(double seconds) { train_s_ = seconds, ++trainings_; }
  void guess_training(double seconds) { train_s_ = trainings_ == 0 ? seconds : train_s_; }
  double left() const {
    return eval_s_ * static_cast<double>(arms_ + 1 - evals_) +
           train_s_ * static_cast<double>(arms_ - trainings_);
  }

 private:
  size_t arms_, evals_ = 0, trainings_ = 0;
  double eval_s_ = 0, train_s_ = 0;
};

constexpr int64_t kReplayTokens = 4096;  // as many as the training rows have in a quarter

// A forward pass is about a third of a training step.
constexpr double kStepPerForward = 3.2;

class Demo {
 public:
  explicit Demo(const DemoOptions& options) : options_(options), countdown_(options.arms.size()) {}

  int run() {
    check();
    fs::remove_all(options_.output_dir);
    write_file(fs::path(options_.output_dir) / "config.yaml", dump_config(collect_fields(options_)));
    {
      ChatModel base = load_model(config_for({}), false);
      inputs_ = read_inputs(base);
      measure("base", base, 0, 0);
    }
    for (const std::string& arm : options_.arms) {
      if (!run_arm(arm)) return 130;
    }
    return finish();
  }

 private:
  void check() const {
    if (!fs::exists(options_.examples + "/harbor/train.jsonl"))
      throw UserError({.where = "examples",
                       .found = "no harbor/train.jsonl in " + options_.examples,
                       .hint = "run it from the checkout, or give --examples FOLDER"});
    for (const std::string& arm : options_.arms) find_weighting(arm_of(arm).weighting);
    const fs::path dir = options_.output_dir;
    if (fs::exists(dir) && !fs::is_empty(dir) && !fs::exists(dir / "config.yaml"))
      throw UserError({.where = "output_dir",
                       .found = options_.output_dir + " is not empty and was not made by keel",
                       .hint = "choose another folder"});
  }

  struct Arm {
    std::string weighting = "none";
    bool protect = false;
  };

  static Arm arm_of(const std::string& name) {
    constexpr std::string_view kProtect = "+protect";
    Arm arm{.weighting = name, .protect = name.ends_with(kProtect)};
    if (arm.protect) arm.weighting.resize(name.size() - kProtect.size());
    if (arm.weighting == "plain") arm.weighting = "none";
    return arm;
  }

  RunConfig config_for(const Arm& arm) const {
    RunConfig c;
    c.model.model_name_or_path = options_.model;
    c.model.precision = options_.precision;
    c.data.dataset = {options_.examples + "/harbor/train.jsonl"};
    c.loss.token_weighting = arm.weighting;
    if (arm.protect) c.model.freeze = {kFrozenToProtect};
    c.protection = {.protect = arm.protect,
                    .kl_replay = arm.protect ? kProtectingReplay : 0,
                    .kl_replay_tokens = kReplayTokens};
    c.optim = {.learning_rate = options_.learning_rate,
               .min_lr_ratio = 0.1,
               .warmup_ratio = 0.05,
               .weight_decay = 0.01};
    c.train.num_train_epochs = static_cast<double>(options_.epochs);
    c.train.per_device_train_batch_size = options_.batch_size;
    c.train.seed = options_.seed;
    c.train.threads = options_.threads;
    return c;
  }

  DemoInputs read_inputs(const ChatModel& model) const {
    RunConfig c = config_for({});
    DemoInputs in{.domain = load_probes(options_.examples + "/harbor/heldout.jsonl"),
                  .general = load_probes(options_.examples + "/general/probes.jsonl"),
                  .data = load_run_data(c, model, options_.output_dir)};
    in.data.eval.domain = load_set({options_.examples + "/harbor/heldout.jsonl"}, c.data, Stage::sft, model);
    in.data.eval.general = load_set({options_.examples + "/general/text.jsonl"}, c.data, Stage::cpt, model);
    return in;
  }

  std::vector<ProbeResult> probe(const std::string& name, const char* what, ChatModel& model,
                                 const std::vector<Probe>& probes) const {
    const ProbeRunOptions run{.generate = {.max_new_tokens = options_.max_new_tokens, .generate_batch = 32},
                              .system = {},
                              .on_progress = [&](size_t done, size_t all) {
                                progress_line(fmt::format("[{}] {} {}/{}  {} left in all", name, what, done,
                                                          all, format_duration(countdown_.left())),
                                              done == all);
                              }};
    return run_probes(model, probes, run);
  }

  void measure(const std::string& name, ChatModel& model, double train_seconds, double tokens_per_s) {
    const Stopwatch clock;
    ArmMeasures m{.name = name, .train_seconds = train_seconds, .tokens_per_s = tokens_per_s};
    const Stopwatch forward;
    const NllSum domain = nll_over(*model.lm, inputs_.data.eval.domain),
                 general = nll_over(*model.lm, inputs_.data.eval.general);
    guess_training(forward.seconds());
    m.domain_nll = domain.mean();
    m.general_nll = general.mean();
    m.domain_results = probe(name, "harbour questions", model, inputs_.domain);
    m.general_results = probe(name, "general probes", model, inputs_.general);
    m.domain = summarise(m.domain_results);
    m.general = summarise(m.general_results);
    countdown_.evaluated(clock.seconds());
    info("[{}] harbour {:.0f} % right, general probes {:.0f} % right ({}; {} left in all)", name,
         100 * m.domain.accuracy, 100 * m.general.accuracy, format_duration(clock.seconds()),
         format_duration(countdown_.left()));
    measures_.push_back(std::move(m));
  }

  void guess_training(double forward_seconds) {
    const auto tokens = [](const std::vector<Example>& set) {
      size_t n = 0;
      for (const Example& e : set) n += e.ids.size();
      return static_cast<double>(n);
    };
    const double measured = tokens(inputs_.data.eval.domain) + tokens(inputs_.data.eval.general);
    const double trained =
        static_cast<double>(inputs_.data.train.stats.tokens) * static_cast<double>(options_.epochs);
    countdown_.guess_training(forward_seconds * kStepPerForward * trained / measured);
  }

  bool run_arm(const std::string& name) {
    RunConfig config = config_for(arm_of(name));
    const fs::path dir = fs::path(options_.output_dir) / name;
    make_folders(dir);
    config.train.output_dir = dir.string();
    ChatModel model = load_model(config, true);
    config.protection.kl_replay_path = replay_file_;  // one text for all arms
    const ReplayHalves replay = replay_text(config, model, false);
    if (!replay.trained.empty()) replay_file_ = (dir / kReplayFile).string();
    const EvalSets nothing;
    const TrainSummary s = train({.model = model,
                                  .train_set = inputs_.data.train,
                                  .eval_sets = nothing,
                                  .options = config.train,
                                  .optim = config.optim,
                                  .loss = config.loss,
                                  .protection = config.protection,
                                  .replay = replay.trained.empty() ? nullptr : &replay.trained,
                                  .run_dir = dir,
                                  .progress_name = "[" + name + "] ",
                                  .stop_requested = interrupted,
                                  .save = true});
    if (s.ended == "interrupted") return false;
    countdown_.trained(s.seconds);
    measure(name, model, s.seconds, s.tokens_per_s);
    return true;
  }

  int finish() const {
    const TextTable table = demo_table(measures_);
    const Json samples = side_by_side(inputs_.domain, measures_, 5);
    const Json summary{
        {"title", "Harbour demo: " + options_.model},
        {"verdict", demo_verdict(measures_)},
        {"command", command()},
        {"facts", version_facts()},
        {"tables",
         {{{"title", "Domain and general ability"},
           {"columns", table.columns},
           {"rows", table.rows},
           {"note",
            "Accuracies are over 68 held-out and 156 general probes; nothing here is precomputed."}}}},
        {"samples", samples}};
    write_file(fs::path(options_.output_dir) / "summary.json",
               summary.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
    write_report(options_.output_dir);
    fmt::print("\n{}\n", render_table(table));
    print_samples(samples);
    fmt::print("\n{}\nReport: {}\n", demo_verdict(measures_),
               (fs::path(options_.output_dir) / "report.html").string());
    return check_gain();
  }

  std::string command() const {
    return fmt::format(
        "keel demo --model {} --arms {} --epochs {} --learning_rate {} --batch_size {} --seed {}",
        options_.model, join(options_.arms, ","), options_.epochs, options_.learning_rate,
        options_.batch_size, options_.seed);
  }

  static void print_samples(const Json& samples) {
    for (const Json& s : samples) {
      fmt::print("\nQ: {}\n", s["prompt"].get<std::string>());
      for (const Json& a : s["answers"])
        fmt::print("  {:>6} {} {}\n", a["name"].get<std::string>(), a["right"].get<bool>() ? "✓" : "✗",
                   one_line(a["text"].get<std::string>()));
    }
  }

  static std::string one_line(std::string text) {
    std::ranges::replace(text, '\n', ' ');
    return text;
  }

  int check_gain() const {
    if (options_.min_gain <= 0) return 0;
    const auto plain = std::ranges::find(measures_, "plain", &ArmMeasures::name);
    if (plain == measures_.end())
      throw UserError({.where = "min_gain", .found = "no arm named plain", .hint = "--arms plain"});
    const double gain = 100 * (plain->domain.accuracy - measures_.front().domain.accuracy);
    fmt::print("plain SFT gained {:.1f} points of held-out harbour accuracy; at least {:.0f} wanted\n", gain,
               options_.min_gain);
    return gain >= options_.min_gain ? 0 : kRedLineCode;
  }

  DemoOptions options_;
  std::string replay_file_;  // of the first arm that has one
  Countdown countdown_;
  DemoInputs inputs_;
  std::vector<ArmMeasures> measures_;
};

}  // namespace

int run_demo(Args args) {
  DemoOptions options;
  const auto parsed = parse_command("demo", "[--model DIR]", options, args);
  if (!parsed) return 0;
  catch_interrupts();
  return Demo(options).run();
}

}  // namespace keel
