#include "loss/gpu_rows.h"

#include <c10/core/impl/VirtualGuardImpl.h>
#include <dlfcn.h>

#include <algorithm>
#include <vector>

#include "base/error.h"
#include "base/log.h"
#include "cuda/row_pass.h"
#include "loss/row.h"
#include "loss/row_report.h"

namespace keel {
namespace {

struct Kernels {
  decltype(&cuda::keel_row_statistics) statistics = nullptr;
  decltype(&cuda::keel_row_gradient) gradient = nullptr;
};

// What the gradient needs of each row, on the host.
struct RowShares {
  std::vector<float> share, at_label;

  explicit RowShares(int64_t rows) : share(static_cast<size_t>(rows)), at_label(share.size()) {}

  void set(int64_t i, const LabelStatistics& s, const RowPass& pass) {
    const double value = report_row(i, s, pass);
    share[static_cast<size_t>(i)] = static_cast<float>(value);
    at_label[static_cast<size_t>(i)] = gradient_at_label(value, s.nll);
  }
};

at::Tensor labels_on(const at::Tensor& logits_CV, const RowPass& pass) {
  return at::tensor(at::ArrayRef<int64_t>(pass.labels, static_cast<size_t>(logits_CV.size(0))))
      .to(logits_CV.device());
}

at::Tensor top_entropies(const at::Tensor& p_CV) {
  const at::Tensor top = std::get<0>(p_CV.topk(std::min(p_CV.size(1), kTopEntropy), 1));
  return at::special_entr(top / top.sum(1, true)).sum(1);
}

void* stream_of(at::Device device) {
  return c10::impl::VirtualGuardImpl(device.type()).getStream(device).native_handle();
}

void check_taken(int code) {
  KEEL_CHECK(code == 0, "CUDA refuses a kernel of the row pass, error " + std::to_string(code));
}

void row_pass_by(const Kernels& kernels, const at::Tensor& logits_CV, const RowPass& pass) {
  constexpr int64_t kFields = sizeof(cuda::RowStatistics) / sizeof(float);
  const int64_t C = logits_CV.size(0), V = logits_CV.size(1);
  const bool bf16 = logits_CV.scalar_type() == at::kBFloat16;
  const at::Device device = logits_CV.device();
  void* const stream = stream_of(device);
  const at::Tensor label_C = labels_on(logits_CV, pass);
  const at::Tensor found = at::empty({C, kFields}, label_C.options().dtype(at::kFloat));
  auto* const statistics = static_cast<cuda::RowStatistics*>(found.mutable_data_ptr());
  const auto* const labels = label_C.const_data_ptr<int64_t>();
  check_taken(kernels.statistics(logits_CV.const_data_ptr(), bf16, C, V, labels, statistics, stream));
  const at::Tensor on_host = found.cpu();
  const auto* const rows = static_cast<const cuda::RowStatistics*>(on_host.const_data_ptr());
  RowShares shares(C);
  for (int64_t i = 0; i < C; ++i) shares.set(i, {rows[i].nll, rows[i].entropy, rows[i].sum_p2}, pass);
  if (!pass.gradient) return;
  const at::Tensor share = at::tensor(shares.share).to(device);
  const at::Tensor at_label = at::tensor(shares.at_label).to(device);
  check_taken(kernels.gradient(logits_CV.mutable_data_ptr(), bf16, C, V, labels, statistics,
                               share.const_data_ptr<float>(), at_label.const_data_ptr<float>(), stream));
}

// Values and gradient of a few fixed rows, by one of the two ways.
template <class Way>
at::Tensor example_by(Way way, at::Device device) {
  constexpr int64_t C = 3, V = 1000;
  const int64_t labels[C] = {0, 517, V - 1};
  const float coefficient[C] = {1.0f, 0.5f, 2.0f};
  const bool end_of_turn[C] = {};
  at::Tensor values = at::empty({3, C});
  double loss[C];
  const LossOptions plain{.token_weighting = "none"};
  at::Tensor logits_CV = (at::arange(C * V, at::kFloat) * 0.7).sin().mul_(6).view({C, V}).to(device);
  way(logits_CV, RowPass{.labels = labels,
                         .coefficient = coefficient,
                         .end_of_turn = end_of_turn,
                         .nll = values[0].mutable_data_ptr<float>(),
                         .entropy = values[1].mutable_data_ptr<float>(),
                         .weight = values[2].mutable_data_ptr<float>(),
                         .loss = loss,
                         .weighting = &find_weighting(plain.token_weighting),
                         .options = &plain,
                         .gradient = true});
  return at::cat({values.flatten(), logits_CV.cpu().flatten()});
}

bool right_on(const Kernels& kernels, at::Device device) try {
  const at::Tensor wanted = example_by(row_pass_composed, device);
  const at::Tensor found =
      example_by([&](const at::Tensor& l, const RowPass& p) { row_pass_by(kernels, l, p); }, device);
  return at::allclose(found, wanted, 1e-4, 1e-5);
} catch (const BugError&) {  // a GPU that the library was not built for
  return false;
}

// Nothing where there is no library, or none that computes what it should on this GPU.
Kernels open_kernels(at::Device device) {
  void* const library = dlopen("libkeel_cuda.so", RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return {};
  const Kernels kernels{
      .statistics =
          reinterpret_cast<decltype(&cuda::keel_row_statistics)>(dlsym(library, "keel_row_statistics")),
      .gradient = reinterpret_cast<decltype(&cuda::keel_row_gradient)>(dlsym(library, "keel_row_gradient"))};
  if (kernels.statistics != nullptr && kernels.gradient != nullptr && right_on(kernels, device))
    return kernels;
  warn("libkeel_cuda.so does not compute the loss right on this GPU; libtorch's operators do it instead");
  return {};
}

}  // namespace

void row_pass_composed(const at::Tensor& logits_CV, const RowPass& pass) {
  const int64_t C = logits_CV.size(0);
  const at::Device device = logits_CV.device();
  const at::Tensor label_C1 = labels_on(logits_CV, pass).unsqueeze(1);
  const at::Tensor log_p_CV = at::log_softmax(logits_CV, 1, at::kFloat);
  at::Tensor p_CV = log_p_CV.exp();
  const bool wants_top = pass.weighting->needs_top_entropy;
  const at::Tensor signals =
      at::stack({-log_p_CV.gather(1, label_C1).squeeze(1), at::special_entr(p_CV).sum(1),
                 p_CV.square().sum(1), wants_top ? top_entropies(p_CV) : at::zeros({C}, p_CV.options())})
          .cpu();
  const auto signal = signals.accessor<float, 2>();
  RowShares shares(C);
  for (int64_t i = 0; i < C; ++i)
    shares.set(i, {signal[0][i], signal[1][i], signal[2][i], signal[3][i]}, pass);
  if (!pass.gradient) return;
  p_CV.mul_(at::tensor(shares.share).to(device).unsqueeze(1));
  p_CV.scatter_(1, label_C1, at::tensor(shares.at_label).to(device).unsqueeze(1));
  logits_CV.copy_(p_CV);
}

void row_pass_on_device(const at::Tensor& logits_CV, const RowPass& pass) {
  const bool served = logits_CV.is_cuda() && !pass.weighting->needs_top_entropy;
  if (!served) return row_pass_composed(logits_CV, pass);
  static const Kernels kernels = open_kernels(logits_CV.device());
  if (kernels.statistics == nullptr) return row_pass_composed(logits_CV, pass);
  row_pass_by(kernels, logits_CV, pass);
}

}  // namespace keel
