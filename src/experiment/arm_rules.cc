#include "experiment/arm_rules.h"

#include <algorithm>
#include <span>
#include <string_view>

namespace keel {
namespace {

struct Rule {
  std::string_view name, why;
};

constexpr Rule kShared[] = {
    {"model_name_or_path", "the base model"},
    {"adapter_name_or_path", "the base model"},
    {"stage", "data"},
    {"eval_steps", "evaluation"},
    {"load_best_model_at_end", "evaluation"},
    {"metric_for_best_model", "evaluation"},
    {"frontier_weight", "evaluation"},
    {"early_stopping_patience", "evaluation"},
    {"num_train_epochs", "the budget"},
    {"max_steps", "the budget"},
    {"learning_rate", "swept for all: learning_rates, in the plan or in the arm"},
    {"seed", "swept for all: seeds"},
};

// In the group "data", but about the loss and the machine.
constexpr std::string_view kNotOfTheData[] = {"loss_reduction", "max_turn_tokens",
                                              "preprocessing_num_workers", "dataset_prepared_path"};

constexpr std::string_view kStepSizes[] = {"per_device_train_batch_size", "gradient_accumulation_steps",
                                           "token_batch", "dynamic_token_batch", "ytrainer_compat"};

constexpr Rule kOwn[] = {
    {"grid", "a plan has arms instead"},
    {"max_time", "keel compare has a --max_time for all runs"},
    {"allow_change", "a run of a comparison stays as it began"},
};

// Overridden in base without a word, as a file that is used as base has them from an earlier run.
constexpr std::string_view kOverridden[] = {"output_dir", "overwrite_output_dir", "resume_from_checkpoint"};

template <size_t n>
bool holds(const std::string_view (&names)[n], std::string_view name) {
  return std::ranges::find(names, name) != std::end(names);
}

std::string why(std::span<const Rule> rules, std::string_view name) {
  const auto found = std::ranges::find(rules, name, &Rule::name);
  return found == rules.end() ? "" : std::string(found->why);
}

}  // namespace

std::string set_by_compare(const std::string& name) { return why(kOwn, name); }

std::string shared_by_all(const FieldRef& field, const ArmBounds& bounds) {
  if (holds(kOverridden, field.name)) return "where the run lies";
  if (const std::string own = set_by_compare(field.name); !own.empty()) return own;
  if (const std::string shared = why(kShared, field.name); !shared.empty()) return shared;
  if (field.group == "generation") return "evaluation";
  if (field.name == "dataset" && bounds.own_rows()) return "";
  if (field.group == "data" && !holds(kNotOfTheData, field.name)) return "data";
  // So many steps of another size train other tokens; the same rows in steps of another size are other steps.
  const bool same = bounds.has_max_steps == (bounds.budget == "steps");
  return holds(kStepSizes, field.name) && !same ? "the budget (" + bounds.budget + ")" : "";
}

}  // namespace keel
