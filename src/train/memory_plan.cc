#include "train/memory_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <numeric>

#include "base/error.h"
#include "base/log.h"
#include "loss/registry.h"
#include "model/config.h"
#include "model/parameter_count.h"
#include "train/companions.h"
#include "train/free_memory.h"
#include "train/progress.h"

namespace keel {
namespace {

std::string text_of_bytes(int64_t n) { return format_bytes(static_cast<double>(n)); }

// Numbers that a block keeps per token for its backward pass: the inputs of its two norms, turned queries and
// keys, values, attention's result, gate and up.
int64_t kept_by_block(const ModelConfig& c) {
  const int64_t q = c.heads * c.head_dim, k = c.kv_heads * c.head_dim;
  const int64_t before_norm = c.qk_norm ? q + k : 0;
  return 2 * c.hidden_size + 2 * q + 2 * k + before_norm + 2 * c.intermediate_size;
}

// Of those that are computed again only the input, until their turn comes: the last ones' is over then.
int64_t kept_by_blocks(const ModelConfig& c, int64_t recomputed) {
  const int64_t again = std::min(recomputed, c.layers);
  return again * c.hidden_size + std::max<int64_t>(c.layers - again, 1) * kept_by_block(c);
}

int64_t blocks_of(const TrainJob& job) { return parse_model_config(job.model.config).layers; }

// Gradients that one block's backward pass holds at a time, at most: of the MLP's three and of the residual.
int64_t held_backward(const ModelConfig& c) { return 3 * c.intermediate_size + 2 * c.hidden_size; }

// Kept beside the model that is trained (train/companions.h), as often as the trained weights are there.
int64_t copies_kept(const TrainJob& job) {
  const ProtectionOptions& p = job.protection;
  const ReferenceModel asked = reference_asked(job.loss, job.loss_by_source);
  const bool start = asked == ReferenceModel::start || (teaching_of(p).any() && !job.teacher);
  const bool recent = asked == ReferenceModel::recent, anchor = p.l2_sp > 0 || p.ewc > 0, fisher = p.ewc > 0;
  return start + recent + anchor + fisher;
}

std::string parts_of(const MemoryPlan& p) {
  std::string out =
      fmt::format("{} held now, a pass of {} tokens {}, optimiser {}, gradients {}, head {}",
                  text_of_bytes(p.held), p.tokens, text_of_bytes(p.pass), text_of_bytes(p.optimiser),
                  text_of_bytes(p.gradients), text_of_bytes(p.head));
  if (p.copies > 0) out += fmt::format(", copies of the weights {}", text_of_bytes(p.copies));
  return out;
}

// What could be set otherwise, the least change first.
std::vector<PlannedWay> other_ways(const TrainJob& job, const MemoryWay& own, int64_t held) {
  std::vector<PlannedWay> out;
  const std::string recompute = "gradient_checkpointing: true";
  const std::string single =
      fmt::format("per_device_train_batch_size: 1 with gradient_accumulation_steps: {}",
                  own.batch * job.options.gradient_accumulation_steps);
  const auto add = [&](const std::string& options, const MemoryWay& way) {
    out.push_back({options, memory_plan(job, way, held)});
  };
  const bool more = own.recomputed_blocks < blocks_of(job);
  if (more) add(recompute, {.recomputed_blocks = kAllBlocks, .batch = own.batch});
  if (own.batch > 1) add(single, {.recomputed_blocks = own.recomputed_blocks, .batch = 1});
  if (more && own.batch > 1) add(recompute + ", " + single, {.recomputed_blocks = kAllBlocks, .batch = 1});
  add("finetuning_type: lora, " + recompute,
      {.recomputed_blocks = kAllBlocks, .batch = own.batch, .lora = true});
  return out;
}

}  // namespace

int64_t largest_pass(std::vector<int64_t> lengths, int64_t batch, int64_t pack_tokens) {
  if (lengths.empty()) return 0;
  const auto end = lengths.begin() + std::min<int64_t>(batch, std::ssize(lengths));
  std::ranges::partial_sort(lengths, end, std::greater());
  const int64_t packed = std::accumulate(lengths.begin(), end, int64_t{0});
  return std::max(lengths.front(), std::min(packed, pack_tokens));
}

MemoryPlan memory_plan(const TrainJob& job, const MemoryWay& way, int64_t held) {
  const ModelConfig c = parse_model_config(job.model.config);
  const int64_t width = job.model.lm->compute_dtype() == at::kFloat ? 4 : 2;
  const int64_t trained = way.lora ? 0 : count_parameters(*job.model.lm).trained;
  const bool head_trained = !way.lora && job.model.lm->head_VD().requires_grad();
  const int64_t masters = width == 4 ? 0 : 4;
  MemoryPlan plan{.held = held,
                  .optimiser = trained * (8 + masters),
                  .gradients = trained * 4,
                  .copies = trained * width * copies_kept(job),
                  .tokens = largest_pass(job.train_set.examples.lengths(), way.batch, job.pack_tokens)};
  plan.pass = plan.tokens * (kept_by_blocks(c, way.recomputed_blocks) + held_backward(c)) * width;
  plan.head = std::min(job.loss.loss_chunk, plan.tokens) * c.vocab_size * width;
  if (head_trained && c.tied_head)
    plan.head += c.vocab_size * c.hidden_size * width;  // of the head, beside the embedding's, which it joins
  return plan;
}

void check_memory(const MemoryPlan& plan, const std::function<std::vector<PlannedWay>()>& other_ways,
                  int64_t free) {
  const auto fits = [&](const MemoryPlan& p, int64_t percent) { return p.more() / 100 * percent <= free; };
  if (fits(plan, 110)) return;
  const std::vector<PlannedWay> ways = other_ways();
  const auto way = std::ranges::find_if(ways, [&](const PlannedWay& w) { return fits(w.plan, 110); });
  const std::string hint = way == ways.end()
                               ? "a smaller model, shorter rows (cutoff_len), or a machine with more memory"
                               : fmt::format("{}: about {}", way->options, text_of_bytes(way->plan.total()));
  const std::string found =
      fmt::format("the run needs about {} ({})", text_of_bytes(plan.total()), parts_of(plan));
  const std::string most = text_of_bytes(plan.held + free);
  if (fits(plan, 90)) {
    warn("memory: {}, and {} can be had; if it does not fit: {}", found, most, hint);
    return;
  }
  throw UserError({.where = "memory",
                   .found = found,
                   .wanted = "at most " + most + ", what can be had here now",
                   .hint = hint});
}

int64_t settle_recomputation(const TrainJob& job) {
  if (!job.model.lm->head_VD().is_cpu()) return job.recomputed_blocks;
  const auto held = static_cast<int64_t>(resident_gb() * 1e9);
  MemoryWay way{.recomputed_blocks = job.recomputed_blocks, .batch = job.options.per_device_train_batch_size};
  const MemoryPlan asked = memory_plan(job, way, held);
  const auto budget = static_cast<int64_t>(job.options.max_memory * 1e9);
  const int64_t blocks = blocks_of(job);
  MemoryPlan plan = asked;
  while (budget > 0 && plan.total() > budget && way.recomputed_blocks < blocks - 1) {
    ++way.recomputed_blocks;
    plan = memory_plan(job, way, held);
  }
  if (way.recomputed_blocks > job.recomputed_blocks)
    info("max_memory: {} of {} blocks are computed again in the backward pass: about {} in place of {}",
         way.recomputed_blocks, blocks, text_of_bytes(plan.total()), text_of_bytes(asked.total()));
  if (budget > 0 && plan.total() > budget)
    warn("max_memory: the run needs about {}, more than {:g} GB; when it holds more it saves and stops",
         text_of_bytes(plan.total()), job.options.max_memory);
  info("memory: about {} at most ({})", text_of_bytes(plan.total()), parts_of(plan));
  check_memory(
      plan, [&] { return other_ways(job, way, held); }, free_memory());
  return way.recomputed_blocks;
}

}  // namespace keel
