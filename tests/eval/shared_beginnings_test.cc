// What texts begin with alike is read once, and nothing comes out otherwise than by reading each alone.
#include <gtest/gtest.h>

#include "choice_model.h"
#include "eval/choice.h"
#include "eval/nll.h"

namespace keel {
namespace {

// A model that counts the tokens it is given.
class CountingLM final : public CausalLM {
 public:
  explicit CountingLM(std::unique_ptr<CausalLM> model) : model_(std::move(model)) {}
  int64_t take_tokens() { return std::exchange(tokens_, 0); }

  at::Tensor forward(const PackedTokens& tokens, const ForwardMode& mode) override {
    tokens_ += tokens.ids_T.numel();
    return model_->forward(tokens, mode);
  }
  at::Tensor decode(const PackedTokens& fresh, KvCache& cache) override {
    tokens_ += fresh.ids_T.numel();
    return model_->decode(fresh, cache);
  }
  at::Tensor logits(const at::Tensor& hidden_BD) const override { return model_->logits(hidden_BD); }
  std::unique_ptr<KvCache> make_cache(int64_t sequences) const override {
    return model_->make_cache(sequences);
  }
  at::Tensor head_VD() const override { return model_->head_VD(); }
  std::vector<Parameter>& parameters() override { return model_->parameters(); }
  int64_t vocab_size() const override { return model_->vocab_size(); }
  int64_t max_positions() const override { return model_->max_positions(); }
  at::ScalarType compute_dtype() const override { return model_->compute_dtype(); }
  at::Device device() const override { return model_->device(); }

 private:
  std::unique_ptr<CausalLM> model_;
  int64_t tokens_ = 0;
};

class SharedBeginnings : public testing::Test {
 protected:
  SharedBeginnings() {
    auto counting = std::make_unique<CountingLM>(std::move(model_.lm));
    counted_ = counting.get();
    model_.lm = std::move(counting);
  }

  std::vector<int32_t> ids_of(const std::string& text) { return prompt_ids(model_, user_message(text)); }

  ChatModel model_ = test::load_choice_model();
  CountingLM* counted_ = nullptr;
};

TEST_F(SharedBeginnings, NllOfChoicesEqualsThatOfWholeRows) {
  std::vector<Example> rows;
  int64_t all = 0, least = 0;  // tokens; least: a question once, its choices without it
  for (const Probe& probe : test::load_choice_probes()) {
    const auto choices = choice_rows(model_, probe, "mean", {});
    for (const Example& row : choices) {
      all += row.size();
      least += &row == &choices.front() ? row.size() : row.supervised() + 1;
      rows.push_back(row);
    }
  }
  for (const int64_t pass : {4096, 300}) {
    std::vector<RowSignals> whole, shared;
    const NllSum expected =
        nll_over(*model_.lm, rows, {.on_row = [&](const RowSignals& r) { whole.push_back(r); }});
    EXPECT_EQ(counted_->take_tokens(), all);
    const NllSum found = nll_over(
        *model_.lm, rows, {.max_tokens = pass, .share_beginnings = true, .on_row = [&](const RowSignals& r) {
                             shared.push_back(r);
                           }});
    EXPECT_LE(counted_->take_tokens(), pass == 4096 ? least : all / 2) << pass;
    EXPECT_EQ(found.tokens, expected.tokens);
    EXPECT_EQ(found.rows, expected.rows);
    ASSERT_EQ(shared.size(), whole.size());
    for (size_t r = 0; r < whole.size(); ++r) {
      EXPECT_EQ(shared[r].example, whole[r].example);
      ASSERT_EQ(shared[r].nll.size(), whole[r].nll.size());
      for (size_t t = 0; t < whole[r].nll.size(); ++t) {
        // sums of a few hundred fp32 terms in another order, as between two implementations
        EXPECT_NEAR(shared[r].nll[t], whole[r].nll[t], 1e-4 * whole[r].nll[t]) << r << " " << t;
        EXPECT_NEAR(shared[r].entropy[t], whole[r].entropy[t], 1e-4 * whole[r].entropy[t]);
      }
    }
  }
}

TEST_F(SharedBeginnings, AnswersAreThoseOfPromptsReadAlone) {
  const std::vector<std::vector<int32_t>> prompts{ids_of("Name a bird."), ids_of("Name a fish."),
                                                  ids_of("Why?"), ids_of("Name a bird.")};
  const GenerateOptions options{.max_new_tokens = 5, .generate_batch = 3};
  std::vector<std::vector<int32_t>> expected;
  for (const auto& prompt : prompts)
    expected.push_back(generate(model_, std::span(&prompt, 1), options)[0].ids);
  const int64_t alone = counted_->take_tokens();
  // "<|im_start|>user\n" and "Name a " of the second, the former of the third, all but its end of the last.
  const auto shared = static_cast<int64_t>(6 + 7 + 6 + prompts[3].size() - 1);
  Generator generator(model_, options);
  for (const int64_t most : {alone - shared, alone - shared - 1}) {  // the second time there is more to share
    const auto answers = generator.answer(prompts);
    for (size_t p = 0; p < prompts.size(); ++p) EXPECT_EQ(answers[p].ids, expected[p]) << p;
    EXPECT_LE(counted_->take_tokens(), most);
  }
}

TEST_F(SharedBeginnings, ATalkGoesOnFromWhatWasReadOfIt) {
  const GenerateOptions options{.max_new_tokens = 4, .generate_batch = 2};
  Generator generator(model_, options);
  std::vector<std::vector<int32_t>> prompts{ids_of("Name a bird."), ids_of("And so on")};
  const auto first = generator.answer(prompts);
  counted_->take_tokens();
  for (size_t p = 0; p < 2; ++p) {
    prompts[p].insert(prompts[p].end(), first[p].ids.begin(), first[p].ids.end());
    prompts[p].push_back(9);
  }
  std::swap(prompts[0], prompts[1]);  // a talk is found wherever it stands
  const auto second = generator.answer(prompts);
  // Of each talk the last token of the reply, which nobody had read, and the new one; then the answers.
  int64_t read = 0;
  for (size_t p = 0; p < 2; ++p) read += (first[p].stopped ? 1 : 2) + (second[p].stopped ? 1 : 0);
  for (const Answer& a : second) read += static_cast<int64_t>(a.ids.size()) - 1;
  EXPECT_EQ(counted_->take_tokens(), read);
  for (size_t p = 0; p < 2; ++p)
    EXPECT_EQ(second[p].ids, generate(model_, std::span(&prompts[p], 1), options)[0].ids) << p;
}

}  // namespace
}  // namespace keel
