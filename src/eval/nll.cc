#include "eval/nll.h"

#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <deque>

#include "base/error.h"
#include "data/batch.h"
#include "loss/loss.h"

namespace keel {
namespace {

// The rows of one forward pass: as many as fit into it, one at least. With sharing, a row is read from where
// it differs from the earlier row that is most like it.
class Pack {
 public:
  Pack(std::span<const Example> set, const NllOptions& options) : share_(options.share_beginnings) {
    int64_t tokens = 0;
    for (const Example& row : set) {
      const Beginning beginning = share_ ? beginning_of(row) : Beginning{};
      tokens += row.size() - beginning.tokens;
      if (!rows_.empty() && tokens > options.max_tokens) break;
      add(row, beginning);
    }
  }

  const std::vector<const Example*>& rows() const { return rows_; }
  const std::vector<Beginning>& beginnings() const { return beginnings_; }  // none without sharing
  Batch batch() const { return make_batch(read_, "token"); }                // of what is read
  int64_t read_from(size_t row) const { return rows_[row]->size() - read_[row]->size(); }

 private:
  // The token before the first label predicts it, so it is read with the label.
  Beginning beginning_of(const Example& row) const {
    const auto label = std::ranges::find_if(row.weight, [](float w) { return w != 0; });
    const auto most = std::max<std::ptrdiff_t>(label - row.weight.begin() - 1, 0);
    const auto context = std::span(row.ids).first(static_cast<size_t>(most));
    Beginning best;
    for (size_t r = 0; r < rows_.size(); ++r) {
      const int64_t common = std::ranges::mismatch(context, rows_[r]->ids).in1 - context.begin();
      if (common > best.tokens) best = {static_cast<int64_t>(r), common};
    }
    return best;
  }

  void add(const Example& row, const Beginning& beginning) {
    rows_.push_back(&row);
    read_.push_back(&row);
    if (!share_) return;
    KEEL_CHECK(row.segments.size() <= 1, "a row of several segments begins several times");
    beginnings_.push_back(beginning);
    if (beginning.tokens == 0) return;
    const auto rest = [&](const auto& all) {
      return std::decay_t<decltype(all)>(all.begin() + beginning.tokens, all.end());
    };
    rests_.push_back({.ids = rest(row.ids),
                      .weight = rest(row.weight),
                      .turn = rest(row.turn),
                      .end_of_turn = rest(row.end_of_turn),
                      .place = row.place});
    read_.back() = &rests_.back();
  }

  bool share_;
  std::vector<const Example*> rows_, read_;
  std::vector<Beginning> beginnings_;
  std::deque<Example> rests_;
};

void report_rows(const Pack& pack, const Batch& batch, const LossResult& loss,
                 const std::function<void(const RowSignals&)>& on_row) {
  const auto* rows = batch.rows_N.const_data_ptr<int64_t>();
  const auto* nll = loss.nll_N.const_data_ptr<float>();
  const auto* entropy = loss.entropy_N.const_data_ptr<float>();
  const auto* weight = loss.weight_N.const_data_ptr<float>();
  int64_t next = 0, end = 0;
  for (size_t r = 0; r < pack.rows().size(); ++r) {
    const Example& example = *pack.rows()[r];
    const auto length = static_cast<size_t>(example.size());
    RowSignals row{.example = &example,
                   .nll = std::vector<float>(length),
                   .entropy = std::vector<float>(length),
                   .weight = std::vector<float>(length)};
    const int64_t first = end - pack.read_from(r);  // where the row would begin in the batch
    end = first + example.size();
    for (; next < batch.supervised() && rows[next] < end; ++next) {
      const auto place = static_cast<size_t>(rows[next] - first);
      row.nll[place] = nll[next];
      row.entropy[place] = entropy[next];
      row.weight[place] = weight[next];
    }
    on_row(row);
  }
}

}  // namespace

NllSum nll_over(CausalLM& model, std::span<const Example> set, const NllOptions& options) {
  const at::NoGradGuard no_grad;
  NllSum total;
  for (size_t begin = 0; begin < set.size();) {
    const Pack pack(set.subspan(begin), options);
    begin += pack.rows().size();
    const Batch batch = pack.batch();
    const at::Tensor hidden_TD =
        model.forward({.ids_T = batch.ids_T, .offsets = batch.offsets, .beginnings = pack.beginnings()}, {});
    const at::Tensor rows_N = batch.rows_N.to(hidden_TD.device());
    const LossResult loss = weighted_cross_entropy({.hidden_ND = hidden_TD.index_select(0, rows_N),
                                                    .head_VD = model.head_VD(),
                                                    .labels_N = batch.labels_N,
                                                    .coefficient_N = batch.coefficient_N,
                                                    .end_of_turn_N = batch.end_of_turn_N},
                                                   options.loss);
    total.nll += loss.nll_N.sum(at::kDouble).item<double>();
    total.entropy += loss.entropy_N.sum(at::kDouble).item<double>();
    total.tokens += batch.supervised();
    total.rows += static_cast<int64_t>(pack.rows().size());
    if (options.on_row) report_rows(pack, batch, loss, options.on_row);
  }
  return total;
}

}  // namespace keel
