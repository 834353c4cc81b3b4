#include "experiment/advice.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/log.h"
#include "doctor/wording.h"

namespace keel {
namespace {

Known known_of(const Familiarity& f) {
  if (f.probability >= kKnownWell) return Known::well;
  return f.probability >= kKnownHardly ? Known::partly : Known::hardly;
}

void say_known(const Familiarity& f, const RunShape& run, Advice& a) {
  a.known = known_of(f);
  a.known_why = fmt::format(
      "It gives the trained tokens a probability of {} on average ({} or more counts as known, less than {} "
      "as new), and {} of them 0.5 or more.",
      percent(f.probability), percent(kKnownWell), percent(kKnownHardly), percent(f.half));
  if (!run.texts && f.first_loss >= 2 && f.first_loss >= 2 * f.rest_loss)
    a.known_why += fmt::format(
        " How replies begin surprises it more than how they go on (loss {:.2f} against {:.2f}): that much is "
        "style, which is learned soon.",
        f.first_loss, f.rest_loss);
}

void say_weighting(const RunShape& run, Advice& a) {
  a.token_weighting = "none";
  if (run.texts) {
    a.weighting_why =
        "On plain text every token is trained, and what was published about weightings is of replies: train "
        "plainly.";
  } else if (a.known == Known::well) {
    a.token_weighting = "dft";
    a.also_try = {"none", "eaft", "infosft"};
    a.weighting_why =
        "A base that is strong on the data was found to gain by losses that trust it and give tokens it "
        "doubts less weight (arXiv 2510.00526): dft, and eaft and infosft in their own ways.";
  } else if (a.known == Known::partly) {
    a.also_try = {"eaft"};
    a.weighting_why =
        "Between strong and weak bases no loss was found to win everywhere (arXiv 2510.00526), so plain is "
        "where to begin; eaft, which gives little weight where the base is sure of a word of its own, is "
        "worth an arm.";
  } else {
    a.weighting_why =
        "On data that are new to a base, plain cross-entropy was found to win (arXiv 2510.00526). dft and "
        "infosft would give least weight to the tokens that the base does not expect, and here these are "
        "what is to be learned.";
  }
  a.weighting_why +=
      " nlirg, which is the default when nothing is said, has no published comparison that shows it better "
      "than plain at plain's best learning rate: take it when a comparison of yours does.";
}

// Full tuning of data that are partly known; larger models want smaller steps.
double middle_rate(int64_t parameters) {
  if (parameters < 500'000'000) return 1e-4;
  if (parameters < 2'000'000'000) return 5e-5;
  return parameters < 10'000'000'000 ? 2e-5 : 1e-5;
}

// Halves go up, whichever way the division was rounded.
double one_digit(double rate) {
  const double unit = std::pow(10, std::floor(std::log10(rate)));
  return std::stod(fmt::format("{:.0e}", std::round(rate / unit + 1e-9) * unit));
}

void say_rates(const RunShape& run, Advice& a) {
  double middle = middle_rate(run.parameters);
  std::string why = fmt::format("Begun from {} for full tuning of a model of {:.3g} M parameters",
                                rate_text(middle), static_cast<double>(run.parameters) / 1e6);
  if (a.known != Known::partly) {
    middle *= a.known == Known::hardly ? 2 : 0.5;
    why += a.known == Known::hardly ? ", twice that because the data are new"
                                    : ", half of that because there is little to change";
  }
  if (run.lora) {
    middle *= 10;
    why += ", ten times that for LoRA";
  }
  if (run.token_batch > 0) {
    middle /= 10;
    why += ", a tenth because each step has only the tokens of a token_batch";
  }
  const double most = run.lora ? 2e-3 : 5e-4;
  for (const double factor : {1.0 / 3, 1.0, 3.0}) {
    const double rate = one_digit(std::min(most, middle * factor));
    if (a.rates.empty() || a.rates.back() < rate) a.rates.push_back(rate);
  }
  a.rates_why = why +
                ", and a third and three times of it. It is a range to compare, not an optimum: a rate at "
                "the edge that comes out best asks for one beyond it.";
}

void say_epochs(const RunShape& run, Advice& a) {
  if (run.texts) {
    a.epochs = a.known == Known::well ? 1 : 2;
    a.epochs_why =
        "Text is mostly read once or twice. Facts that must be known by heart take more, better in other "
        "words than again in the same.";
  } else if (a.known == Known::well) {
    a.epochs = 1;
    a.epochs_why = "One pass: style and form are picked up in it, and more mostly costs other abilities.";
  } else if (a.known == Known::partly) {
    a.epochs = 2;
    a.epochs_why =
        "Two passes to begin with. If the replies hold facts that must be known by heart, several more.";
  } else {
    a.epochs = 4;
    a.epochs_why =
        "Facts that must be known by heart have to be seen several times. If it is only the manner of the "
        "replies that is new, one or two passes do.";
  }
}

void say_protection(const RunShape& run, Advice& a) {
  const bool deep = a.known == Known::hardly || run.epochs >= kDeepEpochs;
  a.protect = deep;
  if (a.known == Known::hardly)
    a.protect_why = "New data take a run that goes deep, and such a run forgets.";
  else if (deep)
    a.protect_why = fmt::format("{:g} passes go deep, and a run that goes deep forgets.", run.epochs);
  else
    a.protect_why =
        "A gentle rate and few passes may do: a rate tuned down takes away a good part of the forgetting by "
        "itself (arXiv 2605.26097). Where the general loss rises all the same, set protect: true.";
  if (run.protects)
    a.protect_why += " The configuration has kl_replay already.";
  else if (deep)
    a.protect_why +=
        " protect: true holds the model to what it said before, for about a quarter more tokens.";
  if (!run.watches)
    a.watch_why =
        "Name a general_dataset (text or chats that must stay as they are): without one nothing tells what "
        "was forgotten, and stop_on_forgetting has nothing to look at.";
  else
    a.watch_why = "general_dataset is there; stop_on_forgetting stops the run when its loss rises too far.";
}

class Cautions {
 public:
  Cautions(const Familiarity& f, const RunShape& run, std::vector<Caution>& out)
      : f_(f), run_(run), out_(out) {}

  void find() {
    base();
    if (!run_.texts) ends();
    amount();
  }

 private:
  template <class... Args>
  void say(const char* code, fmt::format_string<Args...> format, Args&&... args) {
    out_.push_back({code, fmt::format(format, std::forward<Args>(args)...)});
  }

  void base() {
    const double guessing = std::log(static_cast<double>(std::max<int64_t>(run_.vocabulary, 2)));
    if (f_.loss >= 0.95 * guessing)
      say("guessing",
          "A loss of {:.2f} is hardly better than guessing among {} tokens ({:.2f}): is the model untrained, "
          "or are tokenizer and weights of two models?",
          f_.loss, format_count(run_.vocabulary), guessing);
    if (f_.zones[3] >= kHopelessShare)
      say("hopeless_tokens",
          "{} of the tokens have a loss of 15 or more. So many are seldom hard words: look for a chat "
          "template or a tokenizer that is not the model's, and for replies that are cut off (keel data "
          "preview shows what is trained).",
          percent(f_.zones[3]));
    if (f_.sure >= kNothingLeft)
      say("nothing_to_learn",
          "{} of the tokens have a probability of 0.9 or more: there is next to nothing left to learn here.",
          percent(f_.sure));
  }

  void ends() {
    if (f_.ends == 0)
      say("no_end", "No end of turn is trained in the rows read: the model does not learn here to stop.");
    else if (f_.end_half < kNeverEnds)
      say("never_ends",
          "The base ends {} of the replies where they end (probability 0.5 or more; mean loss {:.2f}): it "
          "does not stop by itself yet. Keep weight_eos at 1, and look at the share of answers that stop "
          "after training.",
          percent(f_.end_half), f_.end_loss);
  }

  void amount() {
    if (run_.rows < kFewRows)
      say("few_rows",
          "{} to train are few: they are soon known word for word, so look at the validation loss and stop "
          "early.",
          counted(run_.rows, "row"));
    if (run_.steps < kFewSteps)
      say("few_steps", "{}: too few for a learning rate to matter much. Smaller batches give more.",
          counted(run_.steps, "step"));
    if (!run_.validates)
      say("no_validation", "Nothing is held out (val_size, eval_dataset): overfitting would not be seen.");
    if (f_.tokens < kFewTokens)
      say("small_sample", "Only {} were measured; the figures are rough.",
          counted(f_.tokens, "trained token"));
  }

  const Familiarity& f_;
  const RunShape& run_;
  std::vector<Caution>& out_;
};

}  // namespace

const char* known_name(Known known) {
  switch (known) {
    case Known::well:
      return "knows it";
    case Known::partly:
      return "knows it partly";
    case Known::hardly:
      return "new to it";
  }
  return "";
}

std::string rate_text(double rate) {
  std::string out = fmt::format("{:.0e}", rate);
  return out.replace(out.find('e'), 3, "e-");
}

Advice advise(const Familiarity& f, const RunShape& run) {
  Advice a;
  say_known(f, run, a);
  say_weighting(run, a);
  say_rates(run, a);
  say_epochs(run, a);
  say_protection(run, a);
  Cautions(f, run, a.cautions).find();
  return a;
}

Json to_json(const Advice& a) {
  Json cautions = Json::array();
  for (const Caution& c : a.cautions) cautions.push_back({{"code", c.code}, {"text", c.text}});
  return {{"known", known_name(a.known)},
          {"known_why", a.known_why},
          {"token_weighting", a.token_weighting},
          {"also_try", a.also_try},
          {"weighting_why", a.weighting_why},
          {"learning_rates", a.rates},
          {"learning_rates_why", a.rates_why},
          {"epochs", a.epochs},
          {"epochs_why", a.epochs_why},
          {"protect", a.protect},
          {"protect_why", a.protect_why},
          {"watch_why", a.watch_why},
          {"cautions", cautions}};
}

}  // namespace keel
