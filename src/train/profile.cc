#include "train/profile.h"

#include <ATen/record_function.h>
#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <string_view>

#include "base/error.h"

namespace keel {
namespace {

thread_local StepProfile* counting = nullptr;  // libtorch's callbacks are plain functions

std::unique_ptr<at::ObserverContext> entered(const at::RecordFunction& function) {
  if (counting) counting->enter(function.name());
  return nullptr;
}

void left(const at::RecordFunction& /*function*/, at::ObserverContext* /*context*/) {
  if (counting) counting->leave();
}

bool is_product(std::string_view name) {
  constexpr std::array products{"aten::mm",  "aten::addmm",   "aten::addmm_",
                                "aten::bmm", "aten::baddbmm", "keel::product"};
  return std::ranges::find(products, name) != products.end();
}

Work kind_of(std::string_view name, Work around) {
  if (is_product(name)) return around == Work::kElementwise ? Work::kProducts : around;
  if (name.starts_with("keel::")) {
    const std::string_view scope = name.substr(6);
    if (scope == "model") return Work::kElementwise;
    const auto* const it = std::ranges::find(kWorkNames, scope);
    return it == kWorkNames.end() ? around : static_cast<Work>(it - kWorkNames.begin());
  }
  return around;
}

int64_t pairs_of(int64_t tokens) { return tokens * (tokens + 1) / 2; }

}  // namespace

StepProfile::StepProfile() {
  KEEL_CHECK(!counting, "one profile at a time");
  counting = this;
  handle_ =
      at::addThreadLocalCallback(at::RecordFunctionCallback(entered, left)
                                     .scopes({at::RecordScope::FUNCTION, at::RecordScope::BACKWARD_FUNCTION,
                                              at::RecordScope::USER_SCOPE}));
}

StepProfile::~StepProfile() {
  at::removeCallback(handle_);
  counting = nullptr;
}

void StepProfile::count() {
  const double now = clock_.seconds();
  const Work kind = stack_.empty() ? Work::kRest : stack_.back();
  totals_.seconds[static_cast<size_t>(kind)] += now - counted_;
  counted_ = now;
}

void StepProfile::enter(const char* name) {
  count();
  stack_.push_back(kind_of(name, stack_.empty() ? Work::kRest : stack_.back()));
}

void StepProfile::leave() {
  count();
  if (!stack_.empty()) stack_.pop_back();  // empty: it began before this profile did
}

void StepProfile::begin_step(std::span<const Batch> micro) {
  count();
  if (begun_++ == kWarmUp) totals_ = {};
  ++totals_.steps;
  for (const Batch& batch : micro) {
    const int64_t before = batch.cached.value_or(0);
    totals_.tokens += batch.tokens() - before;
    totals_.supervised += batch.supervised();
    totals_.pairs -= pairs_of(before);
    for (size_t s = 0; s + 1 < batch.offsets.size(); ++s)
      totals_.pairs += pairs_of(batch.offsets[s + 1] - batch.offsets[s]);
  }
}

StepProfile::Totals StepProfile::totals() const {
  StepProfile::Totals out = totals_;
  const Work kind = stack_.empty() ? Work::kRest : stack_.back();
  out.seconds[static_cast<size_t>(kind)] += clock_.seconds() - counted_;
  return out;
}

double StepProfile::Totals::all_seconds() const {
  return std::accumulate(seconds.begin(), seconds.end(), 0.0) - seconds[static_cast<size_t>(Work::kAside)];
}

Json to_json(const StepProfile::Totals& totals) {
  const double all = totals.all_seconds();
  const auto a_second = [&](int64_t n) { return all > 0 ? static_cast<double>(n) / all : 0; };
  Json out{{"steps", totals.steps},
           {"tokens", totals.tokens},
           {"supervised_tokens", totals.supervised},
           {"attention_pairs", totals.pairs},
           {"seconds", all},
           {"tokens_per_s", a_second(totals.tokens)},
           {"supervised_tokens_per_s", a_second(totals.supervised)},
           {"seconds_by_work", Json::object()}};
  for (size_t i = 0; i < kWorkNames.size(); ++i) out["seconds_by_work"][kWorkNames[i]] = totals.seconds[i];
  return out;
}

std::string in_words(const StepProfile::Totals& totals) {
  std::vector<size_t> kinds(kWorkNames.size() - 1);  // without `aside`
  std::iota(kinds.begin(), kinds.end(), size_t{0});
  std::ranges::stable_sort(kinds, std::greater(), [&](size_t i) { return totals.seconds[i]; });
  const double all = std::max(totals.all_seconds(), 1e-9);
  std::string out;
  for (const size_t i : kinds)
    out +=
        fmt::format("{}{} {:.1f} %", out.empty() ? "" : ", ", kWorkNames[i], 100 * totals.seconds[i] / all);
  return out;
}

}  // namespace keel
