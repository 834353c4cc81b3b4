#include "cuda/row_pass.h"

namespace keel::cuda {
namespace {

constexpr int kThreads = 512;  // of a block; a multiple of a warp's 32, at most 1,024

class Block {
 public:
  explicit __device__ Block(float* scratch) : scratch_(scratch) {}
  __device__ int rank() const { return static_cast<int>(threadIdx.x); }
  __device__ int size() const { return kThreads; }
  __device__ float sum(float x) const {
    return reduced(x, 0.0f, [](float a, float b) { return a + b; });
  }
  __device__ float max(float x) const {
    return reduced(x, -INFINITY, [](float a, float b) { return fmaxf(a, b); });
  }

 private:
  template <class Join>
  static __device__ float over_warp(float x, Join join) {
    for (int distance = 16; distance > 0; distance /= 2)
      x = join(x, __shfl_xor_sync(0xffffffffu, x, distance));
    return x;
  }

  template <class Join>
  __device__ float reduced(float x, float nothing, Join join) const {
    const int lane = rank() % 32, warp = rank() / 32;
    x = over_warp(x, join);
    __syncthreads();  // the scratch of the reduction before may still be read
    if (lane == 0) scratch_[warp] = x;
    __syncthreads();
    return over_warp(lane < kThreads / 32 ? scratch_[lane] : nothing, join);
  }

  float* scratch_;  // of the block; kThreads / 32 values
};

// A block a row.
template <class T>
__global__ void statistics_kernel(const T* logits, int64_t V, const int64_t* labels, RowStatistics* out) {
  __shared__ float scratch[kThreads / 32];
  const int64_t row = blockIdx.x;
  const RowStatistics s = row_statistics(logits + row * V, V, labels[row], Block(scratch));
  if (threadIdx.x == 0) out[row] = s;
}

template <class T>
__global__ void gradient_kernel(T* logits, int64_t V, const int64_t* labels, const RowStatistics* statistics,
                                const float* share, const float* at_label) {
  const int64_t row = blockIdx.x;
  row_gradient(logits + row * V, V, labels[row], statistics[row], share[row], at_label[row], Block(nullptr));
}

}  // namespace

extern "C" int keel_row_statistics(const void* logits, bool bf16, int64_t rows, int64_t V,
                                   const int64_t* labels, RowStatistics* statistics, void* stream) {
  const auto launch = [&](const auto* typed) {
    statistics_kernel<<<static_cast<unsigned>(rows), kThreads, 0, static_cast<cudaStream_t>(stream)>>>(
        typed, V, labels, statistics);
  };
  bf16 ? launch(static_cast<const Bf16Bits*>(logits)) : launch(static_cast<const float*>(logits));
  return static_cast<int>(cudaGetLastError());
}

extern "C" int keel_row_gradient(void* logits, bool bf16, int64_t rows, int64_t V, const int64_t* labels,
                                 const RowStatistics* statistics, const float* share, const float* at_label,
                                 void* stream) {
  const auto launch = [&](auto* typed) {
    gradient_kernel<<<static_cast<unsigned>(rows), kThreads, 0, static_cast<cudaStream_t>(stream)>>>(
        typed, V, labels, statistics, share, at_label);
  };
  bf16 ? launch(static_cast<Bf16Bits*>(logits)) : launch(static_cast<float*>(logits));
  return static_cast<int>(cudaGetLastError());
}

}  // namespace keel::cuda
