#include "loss/loss.h"

namespace keel {
namespace {

int zone_of(float nll) {
  if (nll <= 1.45f) return 0;
  if (nll < 6.6f) return 1;
  return nll < 15.0f ? 2 : 3;
}

void to_shares(double (&values)[4]) {
  const double total = values[0] + values[1] + values[2] + values[3];
  if (total == 0) return;
  for (double& value : values) value /= total;
}

}  // namespace

LossZones loss_zones(const at::Tensor& nll_N, const at::Tensor& weight_N) {
  const at::Tensor nll = nll_N.to(at::kFloat).contiguous(), weight = weight_N.to(at::kFloat).contiguous();
  LossZones zones;
  for (int64_t i = 0; i < nll.numel(); ++i) {
    const int zone = zone_of(nll.data_ptr<float>()[i]);
    zones.tokens[zone] += 1;
    zones.weight[zone] += weight.data_ptr<float>()[i];
  }
  to_shares(zones.tokens);
  to_shares(zones.weight);
  return zones;
}

}  // namespace keel
