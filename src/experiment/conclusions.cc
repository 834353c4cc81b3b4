#include "experiment/conclusions.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "base/names.h"
#include "eval/compare.h"
#include "experiment/compute.h"

namespace keel {
namespace {

constexpr double kStepOfFlops = 0.05;  // that a budget of flops may be missed by
constexpr size_t kManySeeds = 5;       // with fewer, drawing seeds says little of how seeds differ

std::string value_text(const Scale& scale, double value) {
  if (!std::isfinite(value)) return "–";
  return scale.more_is_better() ? fmt::format("{:.1f} %", 100 * value) : fmt::format("{:.4f}", value);
}

std::string p_text(double p) { return p < 0.001 ? "p (Holm) < 0.001" : fmt::format("p (Holm) = {:.2g}", p); }

double mean_value(const Scale& scale, const RatePoint& point) {
  double sum = 0;
  for (const RunOutcome* run : point.runs) sum += run->sick() ? std::nan("") : value_of(scale, run->results);
  return sum / static_cast<double>(point.runs.size());
}

class Conclusion {
 public:
  Conclusion(const Plan& plan, const Scales& scales, std::span<const ProbeResult> base,
             std::span<const RunOutcome> runs)
      : plan_(plan), scales_(scales), base_(base), points_(rate_points(scales, base, runs)) {
    std::optional<double> wanted;
    if (plan.target) wanted = scales.domain.better_by(*plan.target - value_of(scales.domain, base));
    match_ = match_arms(points_, wanted);
    if (match_) differences_ = compare_arms(plan.contrasts, scales, points_, *match_);
  }

  Findings make() {
    say_match();
    for (const ArmDifference& d : differences_) out_.sentences.push_back(sentence(d));
    if (match_) say_limits();
    say_rows_of_its_own();
    say_budget();
    say_sick();
    out_.tables = Json::array();
    if (match_) out_.tables.push_back(best_table());
    if (!differences_.empty()) out_.tables.push_back(difference_table());
    out_.tables.push_back(point_table());
    out_.frontier = frontier();
    return std::move(out_);
  }

 private:
  template <class... Args>
  void say(fmt::format_string<Args...> format, Args&&... args) {
    out_.sentences.push_back(fmt::format(format, std::forward<Args>(args)...));
  }

  void say_match() {
    const double before = value_of(scales_.domain, base_);
    if (!match_)
      return say("Nothing is shown: no arm got better than the base model ({} {}) at any learning rate.",
                 scales_.domain.name, value_text(scales_.domain, before));
    const double score = before + scales_.domain.better_by(match_->gain);
    say("Arms are compared at {} {} (base: {}), {}.", scales_.domain.name, value_text(scales_.domain, score),
        value_text(scales_.domain, before),
        plan_.target ? "as the plan wants it" : "the best that all arms that learn can reach");
    for (const std::string& arm : plan_.arms)
      if (!match_->best.contains(arm))
        say("{} does not reach it at any of its learning rates and is not compared.", arm);
  }

  std::string domain_scores(const ArmPair& arms) const {
    return fmt::format("{} {} and {}", scales_.domain.name,
                       value_text(scales_.domain, mean_value(scales_.domain, best(arms.arm))),
                       value_text(scales_.domain, mean_value(scales_.domain, best(arms.against))));
  }

  std::string sentence(const ArmDifference& d) const {
    const std::string figures = fmt::format("{}, {}", change_text(d), p_text(d.p_holm));
    const bool equal = std::abs(best(d.arms.arm).learned - best(d.arms.against).learned) <=
                       kSameScore * std::abs(match_->gain);
    const std::string where = fmt::format(
        "{} ({})", equal ? "at equal domain score" : "where both reach the domain score, but not equally",
        domain_scores(d.arms));
    if (!d.is_shown())
      return fmt::format("Not shown: that {} and {} differ in {} {}: {}.{}", d.arms.arm, d.arms.against,
                         d.scale->name, where, figures, items_that_would_do(d));
    const bool better = d.scale->better_by(d.change.difference) > 0;
    if (d.scale->more_is_better())
      return fmt::format("{} keeps {} {} than {} {}: {}.", d.arms.arm, better ? "more" : "less",
                         d.scale->name, d.arms.against, where, figures);
    return fmt::format("{} forgets {} than {} {}: {} {}.", d.arms.arm, better ? "less" : "more",
                       d.arms.against, where, d.scale->name, figures);
  }

  // Of one seed: how items vary is all that its interval holds.
  static std::string items_that_would_do(const ArmDifference& d) {
    const double half = (d.change.interval.high - d.change.interval.low) / 2;
    if (d.seeds > 1 || half == 0) return {};
    const double worth = d.scale->more_is_better() ? kWorthKnowingPoints : kWorthKnowingNll * d.against;
    const int64_t enough = items_for_mean(static_cast<int64_t>(d.items), half, worth);
    if (enough <= static_cast<int64_t>(d.items)) return {};
    return fmt::format(" {} items are not enough: about {} would show a change of {}.", d.items, enough,
                       d.scale->more_is_better() ? "5 points" : "2 %");
  }

  void say_limits() {
    std::set<std::string> controls;
    for (const ArmDifference& d : differences_)
      if (controls.insert(d.arms.against).second) say_what_was_forgotten(best(d.arms.against));
    for (const auto& [arm, place] : match_->best)
      if (const int edge = edge_of(points_, place); edge != 0)
        say("The best learning rate of {} ({}) is the {} of its list: one beyond it may be better.", arm,
            points_[place].rate, edge > 0 ? "largest" : "least");
    const size_t seeds = points_.front().runs.size();
    if (seeds == 1)
      say("One seed: seeds were not resampled, so nothing is said of how another order of the data would "
          "come out.");
    else if (seeds < kManySeeds)
      say("{} seeds are few: the intervals are somewhat too narrow.", seeds);
  }

  // Protection can only be shown where there is something to lose.
  void say_what_was_forgotten(const RatePoint& control) {
    for (const Scale& scale : scales_.general) {
      const ArmDifference d = against_base(control, scale, base_);
      const bool lost = scale.better_by(d.change.difference) < 0 && !d.change.interval.holds(0);
      if (lost)
        say("{} itself has changed against the base: {} {}.", control.arm, scale.name, change_text(d));
      else
        say("{} has lost no {} that could be shown ({}): there was little to protect, and nothing of "
            "protection is shown by it.",
            control.arm, scale.name, change_text(d));
    }
  }

  // What a run has used up of the plan's budget.
  double spent(const RunOutcome& run) const {
    if (plan_.budget == "steps") return static_cast<double>(run.steps);
    const auto tokens = static_cast<double>(run.tokens);
    if (plan_.budget == "tokens") return tokens;
    return tokens * passes_per_token(std::ranges::find(plan_.runs, run.arm, &PlannedRun::arm)->config);
  }

  // Arms may differ in what they planned to train alike: one that stopped early, or left rows out.
  void say_budget() {
    const RunOutcome *least = nullptr, *most = nullptr;
    for (const RatePoint& p : points_)
      for (const RunOutcome* run : p.runs) {
        if (run->sick()) continue;
        if (!least || spent(*run) < spent(*least)) least = run;
        if (!most || spent(*run) > spent(*most)) most = run;
      }
    static const std::map<std::string, std::string> kUnits{
        {"steps", "steps"}, {"tokens", "supervised tokens"}, {"flops", "supervised tokens times passes"}};
    const double slack = plan_.budget == "flops" ? kStepOfFlops : 0;  // shared out in whole steps
    if (!least || spent(*most) <= spent(*least) * (1 + slack)) return;
    say("The budget was not the same: {} trained {:.0f} {}, {} {:.0f}.",
        run_name(least->arm, least->rate, least->seed), spent(*least), kUnits.at(plan_.budget),
        run_name(most->arm, most->rate, most->seed), spent(*most));
  }

  void say_rows_of_its_own() {
    std::set<std::string> told;
    for (const PlannedRun& run : plan_.runs) {
      const auto& rows = run.config.data.dataset;
      if (rows != plan_.runs.front().config.data.dataset && told.insert(run.arm).second)
        say("{} trained on rows of its own ({}): what differs is the data, too.", run.arm, join(rows));
    }
  }

  void say_sick() {
    std::vector<std::string> names;
    for (const RatePoint& p : points_)
      for (const RunOutcome* run : p.runs)
        if (run->sick()) names.push_back(run_name(run->arm, run->rate, run->seed));
    if (!names.empty()) say("Ended sick, without a model: {}.", join(names));
  }

  const RatePoint& best(const std::string& arm) const { return points_[match_->best.at(arm)]; }

  Json best_table() const {
    Json columns{"arm", "learning rate", scales_.domain.name};
    for (const Scale& scale : scales_.general) columns.push_back(scale.name + ", change from base [95 %]");
    Json rows = Json::array();
    for (const std::string& arm : plan_.arms) {
      if (!match_->best.contains(arm)) continue;
      const RatePoint& point = best(arm);
      Json row{arm, fmt::format("{}", point.rate),
               value_text(scales_.domain, mean_value(scales_.domain, point))};
      for (const Scale& scale : scales_.general)
        row.push_back(change_text(against_base(point, scale, base_)));
      rows.push_back(std::move(row));
    }
    return {{"title", "Each arm's best at the matched domain score"}, {"columns", columns}, {"rows", rows}};
  }

  Json difference_table() const {
    Json rows = Json::array();
    for (const ArmDifference& d : differences_)
      rows.push_back({d.arms.arm + " − " + d.arms.against, d.scale->name, value_text(*d.scale, d.against),
                      value_text(*d.scale, d.value()), change_text(d), fmt::format("{:.4f}", d.change.p),
                      fmt::format("{:.4f}", d.p_holm), std::to_string(d.items), std::to_string(d.seeds)});
    return {{"title", "Differences at the matched domain score"},
            {"columns",
             {"contrast", "of", "second", "first", "difference [95 %]", "p", "p (Holm)", "items", "seeds"}},
            {"rows", rows},
            {"note", fmt::format("Bootstrap of {} draws: seeds first where there are several, then items; "
                                 "Holm over these {} lines. Learning rates were chosen on the same items.",
                                 BootstrapOptions().resamples, differences_.size())}};
  }

  Json point_table() const {
    Json columns{"arm", "learning rate", scales_.domain.name};
    for (const Scale& scale : scales_.general) columns.push_back(scale.name);
    Json rows = Json::array();
    const auto add = [&](const std::string& arm, const std::string& rate, auto&& value) {
      Json row{arm, rate, value_text(scales_.domain, value(scales_.domain))};
      for (const Scale& scale : scales_.general) row.push_back(value_text(scale, value(scale)));
      rows.push_back(std::move(row));
    };
    add("base", "", [&](const Scale& scale) { return value_of(scale, base_); });
    for (const RatePoint& p : points_)
      add(p.arm, fmt::format("{}", p.rate), [&](const Scale& scale) { return mean_value(scale, p); });
    return {{"title", "All points, mean over seeds"}, {"columns", columns}, {"rows", rows}};
  }

  Json frontier() const {
    Json points = Json::array();
    for (const RatePoint& p : points_)
      if (std::isfinite(p.learned) && std::isfinite(p.forgot))
        points.push_back(
            {{"arm", p.arm}, {"label", fmt::format("{}", p.rate)}, {"x", p.learned}, {"y", p.forgot}});
    return {{"title", "Learning and forgetting"},
            {"x_label", "learned: " + scales_.domain.name + " better by"},
            {"y_label", "forgotten: " + scales_.general.front().name + " worse by"},
            {"points", points}};
  }

  const Plan& plan_;
  const Scales& scales_;
  std::span<const ProbeResult> base_;
  std::vector<RatePoint> points_;
  std::optional<ArmMatch> match_;
  std::vector<ArmDifference> differences_;
  Findings out_;
};

}  // namespace

std::string change_text(const ArmDifference& d) {
  const Interval& i = d.change.interval;
  if (d.scale->more_is_better())
    return fmt::format("{:+.1f} points [{:.1f}, {:.1f}]", 100 * d.change.difference, 100 * i.low,
                       100 * i.high);
  return fmt::format("{:+.4f} [{:.4f}, {:.4f}]", d.change.difference, i.low, i.high);
}

Findings conclude(const Plan& plan, const Scales& scales, std::span<const ProbeResult> base,
                  std::span<const RunOutcome> runs) {
  return Conclusion(plan, scales, base, runs).make();
}

}  // namespace keel
