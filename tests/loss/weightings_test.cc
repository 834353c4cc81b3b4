// One table for all weightings: a row gives the tests of its values, its limits, its jumps and its gradient.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/json.h"
#include "loss/gem.h"
#include "loss/registry.h"
#include "loss/row.h"
#include "loss_reference.h"
#include "support/paths.h"

namespace keel::test {
namespace {

struct Row {
  std::string name;
  double at_zero, at_forty;  // weight at loss 0 and 40
  double largest_jump;       // 0: continuous
};

const std::vector<Row>& table() {
  static const std::vector<Row> rows = {
      {.name = "none", .at_zero = 1, .at_forty = 1, .largest_jump = 0},
      {.name = "nlirg", .at_zero = 0.1150667, .at_forty = 0, .largest_jump = 0.005597},
      {.name = "nlirg-article", .at_zero = 0.8849333, .at_forty = 5e-8, .largest_jump = 0.5},
      {.name = "nlirg-smooth", .at_zero = 0.1149105, .at_forty = 0, .largest_jump = 0},
      {.name = "focal", .at_zero = 0, .at_forty = 1, .largest_jump = 0},
      {.name = "dft", .at_zero = 1, .at_forty = 0.1, .largest_jump = 0},
      // signals without a distribution: entropy 0, Σp² 0
      {.name = "eaft", .at_zero = 0, .at_forty = 0, .largest_jump = 0},
      {.name = "deft", .at_zero = 1, .at_forty = 1, .largest_jump = 0},
      {.name = "infosft",
       .at_zero = 0,
       .at_forty = 0,
       .largest_jump = 0.0051},  // no jump, but 5.1 a nat at P
      // a reference model that was sure of every token
      {.name = "stm", .at_zero = 1, .at_forty = 1, .largest_jump = 0},
      {.name = "psft", .at_zero = 1, .at_forty = 0, .largest_jump = 0},
      {.name = "entropy-gate", .at_zero = 0.0997975, .at_forty = 0, .largest_jump = 0},
  };
  return rows;
}

double weight_at(const std::string& name, double nll, const LossOptions& options = {},
                 TokenSignals signals = {}) {
  signals.nll = static_cast<float>(nll);
  signals.p = std::exp(-signals.nll);
  return find_weighting(name).of(signals, options);
}

class EveryWeighting : public testing::TestWithParam<Row> {};

TEST_P(EveryWeighting, HasItsLimits) {
  EXPECT_NEAR(weight_at(GetParam().name, 0), GetParam().at_zero, 5e-7);
  EXPECT_NEAR(weight_at(GetParam().name, 40), GetParam().at_forty, 1e-12 + 1e-7 * GetParam().at_forty);
}

TEST_P(EveryWeighting, StaysInRangeAndJumpsNoMoreThanStated) {
  constexpr double kStep = 1e-3;  // no curve is steeper than 1, so a step without a jump is at most this
  double largest = 0;
  for (int i = 0; i < 20000; ++i) {
    const double here = weight_at(GetParam().name, i * kStep);
    ASSERT_GE(here, 0);
    ASSERT_LE(here, 1);
    largest = std::max(largest, std::abs(weight_at(GetParam().name, (i + 1) * kStep) - here));
  }
  EXPECT_NEAR(largest, GetParam().largest_jump, 1.01 * kStep);
}

TEST_P(EveryWeighting, IsANumberForHostileSignals) {
  for (const float nll : {0.0f, 1e-30f, 1e30f}) {
    EXPECT_TRUE(std::isfinite(weight_at(GetParam().name, nll))) << nll;
  }
}

// Gradients of Σ coefficient·weight·nll by central differences in double, the weights held still.
TEST_P(EveryWeighting, GradientAgreesWithFiniteDifferences) {
  const Problem p = random_problem(7, 5, 11);
  const LossOptions options{.token_weighting = GetParam().name, .loss_chunk = 3};
  const LossResult result = weighted_cross_entropy(p.input(), options);
  result.sum.backward();

  constexpr double kStep = 1e-4;  // error of the difference below 1e-7 of the third derivative's size
  const double bound = gradient_error(p, result.weight_N) + 1e-7;
  const at::Tensor fixed = result.weight_N.to(at::kDouble) * p.coefficient_N;
  at::Tensor hidden = p.hidden_ND.detach().to(at::kDouble), head = p.head_VD.detach().to(at::kDouble);
  const auto loss = [&] {
    const at::Tensor log_p = at::log_softmax(hidden.mm(head.t()), 1);
    return -(fixed * log_p.gather(1, p.labels_N.unsqueeze(1)).squeeze(1)).sum().item<double>();
  };
  const auto check = [&](at::Tensor& values, const at::Tensor& gradient, const char* what) {
    double* v = values.data_ptr<double>();
    for (int64_t i = 0; i < values.numel(); ++i) {
      const double before = v[i];
      v[i] = before + kStep;
      const double up = loss();
      v[i] = before - kStep;
      const double down = loss();
      v[i] = before;
      ASSERT_NEAR(gradient.data_ptr<float>()[i], (up - down) / (2 * kStep), bound) << what << " entry " << i;
    }
  };
  check(hidden, p.hidden_ND.grad(), "hidden");
  check(head, p.head_VD.grad(), "head");
}

TEST_P(EveryWeighting, AgreesWithAutogradInDouble) {
  const Problem p = random_problem(37, 24, 301);
  const LossResult result =
      weighted_cross_entropy(p.input(), {.token_weighting = GetParam().name, .loss_chunk = 8});
  result.sum.backward();
  const Reference wanted = reference(p, result.weight_N);
  const double signal_bound = 2 * logit_error(p) + 16 * kEps;
  EXPECT_LE(max_difference(result.nll_N, wanted.nll_N), signal_bound);
  EXPECT_LE(max_difference(result.entropy_N, wanted.entropy_N), signal_bound * std::log(301));
  EXPECT_NEAR(result.sum.item<double>(), wanted.sum, 37 * 1.5 * signal_bound + kEps * std::abs(wanted.sum));
  const double bound = gradient_error(p, result.weight_N);
  EXPECT_LE(max_difference(p.hidden_ND.grad(), wanted.hidden_grad_ND), bound);
  EXPECT_LE(max_difference(p.head_VD.grad(), wanted.head_grad_VD), bound);
}

std::string test_name(std::string name) {
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Table, EveryWeighting, testing::ValuesIn(table()),
                         [](const auto& info) { return test_name(info.param.name); });

TEST(Weightings, TableRegistryAndOptionChoicesAreOneList) {
  std::vector<std::string> in_table;
  for (const Row& row : table()) in_table.push_back(row.name);
  EXPECT_EQ(in_table, weighting_names());
  LossOptions options;
  for (const FieldRef& field : collect_fields(options)) {
    if (field.name != "token_weighting") continue;
    std::vector<std::string> choices = weighting_names();
    choices.push_back(kGem);  // no weight times nll
    EXPECT_EQ(field.extra.choices, choices);
  }
}

TEST(Weightings, UnknownNameIsAUserErrorThatKnowsBetter) {
  try {
    find_weighting("nlrig");
    FAIL() << "no error";
  } catch (const UserError& error) {
    EXPECT_EQ(error.text().where, "token_weighting");
    EXPECT_EQ(error.text().found, "\"nlrig\"");
    EXPECT_EQ(error.text().wanted,
              "one of none, nlirg, nlirg-article, nlirg-smooth, focal, dft, eaft, deft, infosft, stm, psft, "
              "entropy-gate");
    EXPECT_EQ(error.text().hint, "did you mean \"nlirg\"?");
  }
}

// The table as the method's description prints it, to its four digits.
TEST(Weightings, NlirgAsPrinted) {
  const std::vector<std::pair<double, double>> printed = {
      {0, .1151},    {.05, .1240}, {.5, .2333}, {.69, .2959}, {1.2, .5},  {2, .7958},  {3, .9552},
      {3.15, .9548}, {4, .9002},   {5, .7685},  {6.2, .5},    {8, .1419}, {10, .0219}, {15, 0}};
  for (const auto& [loss, weight] : printed) EXPECT_NEAR(weight_at("nlirg", loss), weight, .5e-4) << loss;
  EXPECT_NEAR(weight_at("nlirg-article", 0), .885, .5e-3);
  EXPECT_EQ(weight_at("nlirg-article", 15), 5e-8);
}

TEST(Weightings, FloorHoldsBelowTheDeadlineOnly) {
  const LossOptions options{.nlirg_min_lr = 0.3};
  EXPECT_EQ(weight_at("nlirg", 0, options), 0.3);
  EXPECT_EQ(weight_at("nlirg", 14.9, options), 0.3);
  EXPECT_EQ(weight_at("nlirg", 15, options), 0);
  EXPECT_DOUBLE_EQ(weight_at("nlirg", 1.2f, {.nlirg_max_lr = 0.5}), 0.5 * weight_at("nlirg", 1.2f));
}

// The worked row of the method's description: z = (2, 1, 0, −1), label 1.
TEST(Weightings, WorkedRowAsPrinted) {
  const float logits[] = {2, 1, 0, -1};
  float exps[4];
  const RowSums sums = sum_row(logits, exps, 4);
  EXPECT_NEAR(exps[1] / sums.e, .2369, .5e-4);
  EXPECT_NEAR(sums.e2 / (sums.e * sums.e), .4794, .5e-4);
  EXPECT_NEAR(std::log(sums.e) + 1, 1.4402, .5e-4);
  const double loss = std::log(sums.e) + 1;
  EXPECT_NEAR(weight_at("focal", loss), .5823, .5e-4);
  const TokenSignals signals{.sum_p2 = static_cast<float>(sums.e2 / (sums.e * sums.e)),
                             .top_entropy = static_cast<float>(top_entropy(exps, 4, 4))};
  EXPECT_NEAR(weight_at("eaft", loss, {}, signals), .3158, .5e-4);
  EXPECT_NEAR(weight_at("infosft", loss, {}, signals), .3440, .5e-4);
  EXPECT_NEAR(-weight_at("deft", loss, {}, signals) * (1 - exps[1] / sums.e), -.3826,
              .5e-4);  // on the label's logit
}

TEST(Weightings, TopEntropyIsThatOfTheLargestEntries) {
  for (const int64_t V : {1, 19, 20, 21, 64, 65, 5000}) {
    const at::Tensor exps = (at::randn({V}, at::detail::createCPUGenerator(3), at::kFloat) * 4).exp();
    const at::Tensor top = std::get<0>(exps.to(at::kDouble).topk(std::min<int64_t>(V, kTopEntropy)));
    const at::Tensor share = top / top.sum();
    const double wanted = -(share * share.log()).sum().item<double>();
    EXPECT_NEAR(top_entropy(exps.const_data_ptr<float>(), V, std::min<int64_t>(V, kTopEntropy)), wanted,
                1e-12)
        << V;
  }
}

LossOptions options_of(const Json& golden_case) {
  LossOptions options{.token_weighting = golden_case.at("weighting").get<std::string>()};
  for (FieldRef& field : collect_fields(options)) {
    if (!golden_case.at("options").contains(field.name)) continue;
    *std::get<double*>(field.value) = golden_case.at("options").at(field.name).get<double>();
  }
  return options;
}

TEST(Weightings, ValuesOfTheGoldenGrid) {
  const Json golden = read_json(golden_dir() / "weightings.json");
  const TokenSignals signals{.sum_p2 = golden.at("grid_signals").at("sum_p2").get<float>(),
                             .top_entropy = golden.at("grid_signals").at("top_entropy").get<float>(),
                             .reference_nll = golden.at("grid_signals").at("reference_nll").get<float>()};
  for (const Json& one : golden.at("cases")) {
    const LossOptions options = options_of(one);
    for (size_t i = 0; i < golden.at("grid_L").size(); ++i) {
      const double loss = golden.at("grid_L")[i].get<double>(), wanted = one.at("grid")[i].get<double>();
      // p = exp(-loss) is a float here, and that is all the rounding there is
      EXPECT_NEAR(weight_at(options.token_weighting, loss, options, signals), wanted, kEps * wanted)
          << options.token_weighting << " at " << loss;
    }
  }
}

at::Tensor tensor_of(const Json& values) {
  return at::tensor(values.get<std::vector<double>>(), at::kDouble);
}

at::Tensor matrix_of(const Json& rows) {
  std::vector<at::Tensor> all;
  for (const Json& row : rows) all.push_back(tensor_of(row));
  return at::stack(all);
}

// With the identity as head the logits are the hidden states, bit for bit, and so are their gradients.
TEST(Weightings, GoldenRowsThroughTheKernel) {
  const Json golden = read_json(golden_dir() / "weightings.json");
  const at::Tensor logits_NV = matrix_of(golden.at("logits"));
  const at::Tensor p_NV = at::softmax(logits_NV, 1);
  const at::Tensor label_N = at::tensor(golden.at("labels").get<std::vector<int64_t>>());
  const at::Tensor distance_NV = (p_NV - at::one_hot(label_N, 40)).abs();
  const at::Tensor nll_N = tensor_of(golden.at("nll"));
  const at::Tensor signal_bound_N = 4 * kEps * (1 + nll_N);
  for (const Json& one : golden.at("cases")) {
    SCOPED_TRACE(one.at("weighting").get<std::string>() + one.at("options").dump());
    Problem p{.hidden_ND = logits_NV.to(at::kFloat).requires_grad_(),
              .head_VD = at::eye(40),
              .labels_N = label_N,
              .coefficient_N = at::ones(6),
              .end_of_turn_N = at::zeros(6, at::kBool),
              .reference_nll_N = tensor_of(golden.at("reference_nll")).to(at::kFloat)};
    const LossResult result = weighted_cross_entropy(p.input(), options_of(one));
    result.sum.backward();
    const auto within = [](const at::Tensor& got, const at::Tensor& wanted, const at::Tensor& bound) {
      return ((got.to(at::kDouble) - wanted).abs() <= bound).all().item<bool>();
    };
    const at::Tensor wanted_NV = matrix_of(one.at("grad_logits"));
    EXPECT_TRUE(within(result.nll_N, nll_N, signal_bound_N));
    EXPECT_TRUE(within(result.entropy_N, tensor_of(golden.at("entropy")), signal_bound_N));
    EXPECT_TRUE(
        within(result.weight_N, tensor_of(one.at("weight")), signal_bound_N));  // w is no steeper than 1.2
    // relative: exp of a logit up to 25 below the largest; absolute: what the weight may be off
    EXPECT_TRUE(within(p.hidden_ND.grad(), wanted_NV,
                       16 * kEps * wanted_NV.abs() + signal_bound_N.unsqueeze(1) * distance_NV));
  }
}

}  // namespace
}  // namespace keel::test
