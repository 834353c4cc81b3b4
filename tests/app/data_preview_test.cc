// keel data preview on a fixture: the text form, the page, and what is refused.
#include <gmock/gmock.h>

#include "app/program.h"
#include "base/json.h"

namespace keel {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr const char* kRows =
    R"({"messages": [{"role": "user", "content": "a <b>\tc"}, {"role": "assistant", "content": "two  x\n", "weight": 0.5}]}
{"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "r", "weight": 0}]}
)";

class DataPreview : public testing::Test {
 protected:
  DataPreview() {
    write_file(dir_ / "rows.jsonl", kRows);
    write_file(dir_ / "tokenizer.json", test::letter_tokenizer_json({"<|im_start|>", "<|im_end|>"}).dump());
    write_file(dir_ / "config.json", "{}");
  }
  test::Outcome preview(const std::string& more) {
    return test::run_keel("data preview --dataset " + (dir_ / "rows.jsonl").string() + " " + more);
  }
  std::string model() const { return "--model_name_or_path " + dir_.path().string() + " --template chatml "; }

  test::TempDir dir_;
};

TEST_F(DataPreview, ShowsWhatIsTrained) {
  const test::Outcome out = preview(model());
  EXPECT_EQ(out.code, 0) << out.text;
  EXPECT_THAT(out.text, HasSubstr("context {+trained+} {!end of turn!}\n"));
  EXPECT_THAT(out.text, HasSubstr("rows.jsonl:1 · 35 tokens, 8 trained, 1 ends of turn\n"));
  // The letters' tokenizer has no tab: it reads as "?".
  EXPECT_THAT(out.text, HasSubstr("<|im_start|>user⏎\na <b>?c<|im_end|>⏎\n<|im_start|>assistant⏎\n"
                                  "{+×0.5 two··x⏎\n+}{!×0.5 <|im_end|>!}⏎\n"));
  EXPECT_THAT(out.text,
              HasSubstr("not trained: messages: weight 0 at every reply of train_on: all, wanted a reply "
                        "with a weight above 0"));
  EXPECT_THAT(out.text, Not(HasSubstr("\x1b")));
}

TEST_F(DataPreview, WritesThePageEscaped) {
  const auto page = dir_ / "page.html";
  ASSERT_EQ(preview(model() + "--rows 1 --html " + page.string()).code, 0);
  const std::string html = read_text(page);
  EXPECT_THAT(html, HasSubstr("&lt;</span>"));
  EXPECT_THAT(html, HasSubstr("<span class=\"e\" title=\"97, weight 0.5\">&lt;|im_end|&gt;</span>"));
  EXPECT_THAT(html, HasSubstr("prefers-color-scheme:dark"));
  EXPECT_THAT(html, HasSubstr("Content-Security-Policy"));
  for (const char* request : {"http:", "https:", "<script", "@import", "url("})
    EXPECT_THAT(html, Not(HasSubstr(request)));
  EXPECT_THAT(html, Not(HasSubstr("Not trained")));  // the second row was not asked for
}

TEST_F(DataPreview, SaysWhatIsMissing) {
  const test::Outcome out = preview("");
  EXPECT_EQ(out.code, 2);
  EXPECT_THAT(out.text,
              HasSubstr("model_name_or_path: not given\n  wanted: the folder of a model: its tokenizer and "
                        "chat template make the tokens"));
}

}  // namespace
}  // namespace keel
