// NLIRG as an article about it lists the curve. It differs from the reference trainer: easy tokens weigh
// *more* (0.885 at loss 0), the zones meet in jumps, and the clamp to min_lr also holds behind the deadline.
#include <algorithm>

#include "loss/registry.h"
#include "loss/weights/sigmoid.h"

namespace keel {

namespace {

constexpr double kEasy = 1.45;  // ends of the article's zones
constexpr double kHard = 6.6;

double curve(double loss, const LossOptions& o) {
  if (loss <= kEasy) return sigmoid(-o.nlirg_k * (loss - o.nlirg_x0));
  if (loss < kHard) return sigmoid(o.nlirg_k * (loss - o.nlirg_loss_threshold));
  if (loss < o.nlirg_loss_deadline) return sigmoid(-o.nlirg_k * (loss - o.nlirg_loss_deadline));
  return 0;
}

}  // namespace

double nlirg_article_weight(const TokenSignals& token, const LossOptions& o) {
  return std::min(std::max(curve(token.nll, o), o.nlirg_min_lr), o.nlirg_max_lr);
}

}  // namespace keel
