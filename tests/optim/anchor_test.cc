// What pulls weights to where they began: l2_sp and ewc.
#include <gtest/gtest.h>

#include <limits>

#include "optim/adamw.h"
#include "optim/dither.h"

namespace keel::test {
namespace {

constexpr double kAnchorRate = 0.5;

at::Tensor drawn(int64_t n, uint64_t seed) {
  return at::randn({n}, at::detail::createCPUGenerator(seed), at::kFloat);
}

struct Anchored {
  at::Tensor start, leaf;
  AdamW optimiser;

  Anchored(at::ScalarType type, double l2_sp, double ewc)
      : start(drawn(40, 1).to(type)),
        leaf(start.clone().requires_grad_()),
        optimiser({{.name = "w", .tensor = leaf, .decay = true}}, {}) {
    optimiser.anchor(l2_sp, ewc);
  }

  void set_gradient(const at::Tensor& g) { leaf.mutable_grad() = g.to(at::kFloat).clone(); }

  at::Tensor master() const { return optimiser.masters().at("w").detach(); }

  void move_away() {
    set_gradient(drawn(40, 2));
    optimiser.step(kAnchorRate);
  }
};

// With no gradient ever, the moments are 0 and AdamW itself moves nothing.
TEST(Anchor, L2SpGoesItsShareOfTheWayBack) {
  for (const at::ScalarType type : {at::kFloat, at::kBFloat16}) {
    Anchored a(type, 0.25, 0);
    auto state = a.optimiser.state();
    state["master.w"] = a.start.to(at::kFloat) + drawn(40, 3);
    a.optimiser.load_state(state);
    const at::Tensor away = a.master().to(at::kDouble), start = a.start.to(at::kDouble);
    a.set_gradient(at::zeros(40));
    a.optimiser.step(kAnchorRate);
    const at::Tensor wanted = away - kAnchorRate * 0.25 * (away - start);
    EXPECT_LE((a.master().to(at::kDouble) - wanted).abs().max().item<double>(),
              8 * 4 * std::numeric_limits<float>::epsilon());
    EXPECT_TRUE(at::equal(a.leaf.detach(), type == at::kFloat ? a.master() : dithered(a.master())));
  }
}

TEST(Anchor, EwcAddsItsSpringToTheGradients) {
  for (const at::ScalarType type : {at::kFloat, at::kBFloat16}) {
    Anchored a(type, 0, 3.0);
    const at::Tensor g = drawn(40, 4).to(type), h = drawn(40, 5).to(type);
    a.set_gradient(g);
    a.optimiser.add_to_fisher(0.5);
    a.set_gradient(h);
    a.optimiser.add_to_fisher(0.25);
    a.move_away();
    const at::Tensor moved = a.master().to(at::kDouble) - a.start.to(at::kDouble);
    const at::Tensor fisher = 0.5 * g.to(at::kDouble).square() + 0.25 * h.to(at::kDouble).square();
    const at::Tensor own = drawn(40, 6).to(type);
    a.set_gradient(own);
    a.optimiser.add_anchor_gradients();
    const at::Tensor wanted = own.to(at::kDouble) + 3.0 * fisher * moved;
    // the new first moment is a tenth of the gradient and nine of the one before
    const at::Tensor before = a.optimiser.state().at("exp_avg.w").to(at::kDouble);
    a.optimiser.step(0);
    const at::Tensor got = (a.optimiser.state().at("exp_avg.w").to(at::kDouble) - 0.9 * before) / 0.1;
    EXPECT_LE((got - wanted).abs().max().item<double>(),
              32 * 10 * std::numeric_limits<float>::epsilon() * (1 + wanted.abs().max().item<double>()));
    EXPECT_GT((wanted - own.to(at::kDouble)).abs().max().item<double>(), 0.5) << "or it would say nothing";
  }
}

TEST(Anchor, WhereTheWeightsBeganThereIsNoPull) {
  Anchored a(at::kFloat, 0.5, 2.0);
  a.set_gradient(drawn(40, 4));
  a.optimiser.add_to_fisher(1);
  a.set_gradient(at::zeros(40));
  a.optimiser.add_anchor_gradients();
  a.optimiser.step(kAnchorRate);
  EXPECT_TRUE(at::equal(a.master(), a.start));
}

}  // namespace
}  // namespace keel::test
