#include "train/replay_set.h"

#include <ATen/core/grad_mode.h>
#include <fmt/format.h>

#include <algorithm>
#include <new>

#include "base/error.h"
#include "checkpoint/tensors.h"
#include "data/batch.h"
#include "train/replay.h"

namespace keel {
namespace {

constexpr const char* kFormat = "keel-replay";
constexpr double kSameModel = 0.01;  // nats; bf16 and fp32 of one model differ by less

void cut(Example& e, int64_t most_tokens) {
  const auto n = static_cast<size_t>(std::min(e.size(), most_tokens));
  e.ids.resize(n);
  e.weight.resize(n);
  e.turn.resize(n);
  e.end_of_turn.resize(n);
  e.segments.clear();
  e.source = 0;
  for (float& w : e.weight) w = w > 0 ? 1.0F : 0.0F;
}

template <class T>
at::Tensor tensor_of(const std::vector<T>& values, at::ScalarType type) {
  return at::tensor(at::ArrayRef<T>(values), at::TensorOptions(type)).clone();
}

template <class T>
std::vector<T> values_of(const at::Tensor& t) {
  const at::Tensor whole = t.contiguous();
  return {whole.const_data_ptr<T>(), whole.const_data_ptr<T>() + whole.numel()};
}

[[noreturn]] void fail_file(const std::filesystem::path& file, const std::string& found) {
  throw UserError({.where = file.string(),
                   .found = found,
                   .wanted = "a file that keel wrote for kl_replay",
                   .hint = "leave kl_replay_path out, and the model writes its text anew"});
}

// By what the model says, as two runs may hold the same one in different ways.
void check_model(const std::filesystem::path& file, const ReplaySet& set, CausalLM& model) {
  const size_t few = std::min<size_t>(2, set.examples.size());
  const ReplaySet first{{set.examples.begin(), set.examples.begin() + static_cast<std::ptrdiff_t>(few)},
                        {set.targets.begin(), set.targets.begin() + static_cast<std::ptrdiff_t>(few)}};
  for (const Example& e : first.examples) {
    if (*std::ranges::max_element(e.ids) >= model.head_VD().size(0) || e.size() > model.max_positions())
      fail_file(file, "text of a model with another vocabulary or longer texts");
  }
  const double kl = divergence_over(model, first);
  if (!(kl < kSameModel))
    fail_file(file,
              fmt::format("it was written for another model (KL {:.3f} per token on its first texts)", kl));
}

// ids, lengths and replayed [tokens]; ids and log-probabilities [replayed tokens, K].
ReplaySet read(const SafetensorsFile& file) {
  const auto& t = file.tensors;
  const auto ids = values_of<int32_t>(t.at("ids"));
  const auto lengths = values_of<int64_t>(t.at("lengths"));
  const auto replayed = values_of<float>(t.at("replayed"));
  const at::Tensor &top_ids = t.at("top_ids"), &top_log_p = t.at("top_log_p");
  ReplaySet out;
  int64_t token = 0, row = 0;
  for (const int64_t n : lengths) {
    Example e{.place = "kl_replay"};
    e.ids.assign(ids.begin() + token, ids.begin() + token + n);
    e.weight.assign(replayed.begin() + token, replayed.begin() + token + n);
    for (const float w : e.weight) e.turn.push_back(w > 0 ? 0 : -1);
    e.end_of_turn.assign(e.ids.size(), 0);
    const int64_t rows = e.supervised();
    out.targets.push_back({top_ids.narrow(0, row, rows).clone(), top_log_p.narrow(0, row, rows).clone()});
    out.examples.push_back(std::move(e));
    token += n;
    row += rows;
  }
  return out;
}

}  // namespace

int64_t ReplaySet::replayed() const {
  int64_t n = 0;
  for (const Example& e : examples) n += e.supervised();
  return n;
}

ReplaySet make_replay_set(CausalLM& model, std::vector<Example> texts, int64_t top_k, int64_t most_tokens) {
  const at::NoGradGuard no_grad;
  ReplaySet out;
  for (Example& e : texts) {
    cut(e, std::min(most_tokens, model.max_positions()));
    if (e.supervised() == 0) continue;
    const Example* const one = &e;
    const Batch batch = make_batch(std::span(&one, 1), "token");
    const at::Tensor hidden_TD = model.forward({.ids_T = batch.ids_T, .offsets = batch.offsets}, {});
    out.targets.push_back(top_log_probs(hidden_TD.index_select(0, batch.rows_N.to(hidden_TD.device())),
                                        model.head_VD(), top_k, kReplayChunk));
    out.examples.push_back(std::move(e));
  }
  return out;
}

void save_replay_set(const std::filesystem::path& file, const ReplaySet& set) {
  std::vector<int32_t> ids;
  std::vector<int64_t> lengths;
  std::vector<float> replayed;
  std::vector<at::Tensor> top_ids, top_log_p;
  for (const Example& e : set.examples) {
    ids.insert(ids.end(), e.ids.begin(), e.ids.end());
    replayed.insert(replayed.end(), e.weight.begin(), e.weight.end());
    lengths.push_back(e.size());
  }
  for (const TopLogProbs& t : set.targets) {
    top_ids.push_back(t.ids_NK);
    top_log_p.push_back(t.log_p_NK);
  }
  save_safetensors(file,
                   {{"ids", tensor_of(ids, at::kInt)},
                    {"lengths", tensor_of(lengths, at::kLong)},
                    {"replayed", tensor_of(replayed, at::kFloat)},
                    {"top_ids", at::cat(top_ids)},
                    {"top_log_p", at::cat(top_log_p)}},
                   {{"format", kFormat}});
}

ReplaySet load_replay_set(const std::filesystem::path& file, CausalLM& model) {
  const SafetensorsFile content = read_safetensors(file);
  const auto format = content.metadata.find("format");
  if (format == content.metadata.end() || format->second != kFormat) fail_file(file, "another kind of file");
  ReplaySet set;
  try {
    set = read(content);
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception&) {
    fail_file(file, "its parts do not fit together");
  }
  check_model(file, set, model);
  return set;
}

ReplayHalves split_replay_set(ReplaySet set) {
  ReplayHalves out;
  const size_t n = set.examples.size(), held_out_of = std::min<size_t>(8, std::max<size_t>(2, n));
  for (size_t i = 0; i < n; ++i) {
    ReplaySet& half = i % held_out_of == held_out_of - 1 ? out.held_out : out.trained;
    half.examples.push_back(std::move(set.examples[i]));
    half.targets.push_back(std::move(set.targets[i]));
  }
  return out;
}

}  // namespace keel
