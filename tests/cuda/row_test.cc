// The kernels' arithmetic, with threads of the host in place of a GPU's: the same source, another team.
#include "cuda/row.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <barrier>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>
#include <thread>
#include <vector>

namespace keel::cuda {
namespace {

constexpr double kEps = std::numeric_limits<float>::epsilon();

// What the threads of one row share.
struct Meeting {
  explicit Meeting(int threads) : barrier(threads), values(static_cast<size_t>(threads)) {}
  std::barrier<> barrier;
  std::vector<float> values;
};

class HostTeam {
 public:
  HostTeam(Meeting& meeting, int rank) : meeting_(meeting), rank_(rank) {}
  int rank() const { return rank_; }
  int size() const { return static_cast<int>(meeting_.values.size()); }
  float sum(float x) const {
    return joined(x, [](const auto& v) { return std::accumulate(v.begin(), v.end(), 0.0f); });
  }
  float max(float x) const {
    return joined(x, [](const auto& v) { return *std::ranges::max_element(v); });
  }

 private:
  template <class Join>
  float joined(float x, Join join) const {
    meeting_.values[static_cast<size_t>(rank_)] = x;
    meeting_.barrier.arrive_and_wait();
    const float result = join(meeting_.values);
    meeting_.barrier.arrive_and_wait();
    return result;
  }

  Meeting& meeting_;
  int rank_;
};

struct Row {
  std::vector<float> logits;
  int64_t label;
};

Row random_row(int64_t V, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<float> normal(0, 4);
  Row row{std::vector<float>(static_cast<size_t>(V)),
          static_cast<int64_t>(random() % static_cast<uint64_t>(V))};
  for (float& z : row.logits) z = normal(random);
  return row;
}

struct Wanted {
  double nll = 0, entropy = 0, sum_p2 = 0;
  std::vector<double> p;
};

template <class T>
Wanted in_double(const std::vector<T>& logits, int64_t label) {
  std::vector<double> z;
  for (const T& x : logits) z.push_back(widened(x));
  const double max = *std::ranges::max_element(z);
  double e = 0;
  for (const double x : z) e += std::exp(x - max);
  Wanted out{.nll = std::log(e) + max - z[static_cast<size_t>(label)]};
  for (const double x : z) {
    const double p = std::exp(x - max) / e;
    out.p.push_back(p);
    out.sum_p2 += p * p;
    if (p > 0) out.entropy -= p * std::log(p);
  }
  return out;
}

// Both sweeps over the row with this many threads; the row becomes the gradient.
template <class T>
RowStatistics run(std::vector<T>& logits, int64_t label, float share, int threads) {
  Meeting meeting(threads);
  RowStatistics found;
  {
    std::vector<std::jthread> team;
    for (int rank = 0; rank < threads; ++rank)
      team.emplace_back([&, rank] {
        const auto V = static_cast<int64_t>(logits.size());
        const HostTeam own(meeting, rank);
        const RowStatistics s = row_statistics(logits.data(), V, label, own);
        const float at_label = share * std::expm1(-s.nll);
        meeting.barrier.arrive_and_wait();  // on the GPU the second sweep is a kernel of its own
        row_gradient(logits.data(), V, label, s, share, at_label, own);
        if (rank == 0) found = s;
      });
  }
  return found;
}

TEST(GpuRow, EqualsDoubleForAnyNumberOfThreads) {
  for (const int64_t V : {1, 7, 1000, 50257}) {
    for (const int threads : {1, 3, 8}) {
      Row row = random_row(V, static_cast<uint64_t>(V));
      const Wanted wanted = in_double(row.logits, row.label);
      const float share = 0.75f;
      const RowStatistics found = run(row.logits, row.label, share, threads);
      // each term of a sum is right to a few roundings of logits up to 20, the sum to √V more
      const double bound = kEps * (64 + std::sqrt(static_cast<double>(V)));
      EXPECT_NEAR(found.nll, wanted.nll, bound * (1 + wanted.nll)) << V;
      EXPECT_NEAR(found.entropy, wanted.entropy, 4 * bound * (1 + wanted.entropy)) << V;
      EXPECT_NEAR(found.sum_p2, wanted.sum_p2, bound) << V;
      for (size_t v = 0; v < row.logits.size(); ++v) {
        const double onehot = static_cast<int64_t>(v) == row.label ? 1 : 0;
        ASSERT_NEAR(row.logits[v], share * (wanted.p[v] - onehot), bound) << V << " " << v;
      }
    }
  }
}

TEST(GpuRow, Bf16KeepsItsFormat) {
  Row row = random_row(333, 4);
  std::vector<Bf16Bits> narrow(row.logits.size());
  for (size_t v = 0; v < narrow.size(); ++v) put(narrow[v], row.logits[v]);
  for (size_t v = 0; v < narrow.size(); ++v)
    EXPECT_LE(std::fabs(widened(narrow[v]) - row.logits[v]), 0x1p-8f * std::fabs(row.logits[v]));
  const Wanted wanted = in_double(narrow, row.label);
  const RowStatistics found = run(narrow, row.label, 1.0f, 4);
  EXPECT_NEAR(found.nll, wanted.nll, 128 * kEps * (1 + wanted.nll));
  for (size_t v = 0; v < narrow.size(); ++v) {
    const double exact = wanted.p[v] - (static_cast<int64_t>(v) == row.label ? 1 : 0);
    EXPECT_NEAR(widened(narrow[v]), exact, 0x1p-8 * std::fabs(exact) + 1e-6);
  }
}

TEST(GpuRow, RoundsToTheNearestAndTiesToEven) {
  const auto rounded = [](float x) {
    Bf16Bits out;
    put(out, x);
    return widened(out);
  };
  EXPECT_EQ(rounded(1.0f), 1.0f);
  EXPECT_EQ(rounded(1.0f + 0x1p-8f), 1.0f);                // half way: to the even one, below
  EXPECT_EQ(rounded(1.0f + 3 * 0x1p-8f), 1.0f + 0x1p-6f);  // half way: to the even one, above
  EXPECT_EQ(rounded(1.0f + 0x1.1p-8f), 1.0f + 0x1p-7f);
  EXPECT_TRUE(std::isinf(rounded(std::numeric_limits<float>::max())));
  EXPECT_TRUE(std::isnan(rounded(std::numeric_limits<float>::quiet_NaN())));
}

TEST(GpuRow, ForbiddenWordsAndNan) {
  const float none = -std::numeric_limits<float>::infinity();
  std::vector<float> logits = {1, none, 2, none};
  const RowStatistics found = run(logits, 2, 1.0f, 2);
  EXPECT_NEAR(found.nll, std::log1p(std::exp(-1.0)), 4 * kEps);
  EXPECT_TRUE(std::isfinite(found.entropy));
  EXPECT_EQ(logits[1], 0);
  std::vector<float> broken = {1, std::numeric_limits<float>::quiet_NaN(), 2};
  EXPECT_TRUE(std::isnan(run(broken, 0, 1.0f, 2).nll));
}

}  // namespace
}  // namespace keel::cuda
