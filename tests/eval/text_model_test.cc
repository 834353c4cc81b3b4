// Which tokenizer and which template a run uses, when there are several.
#include <gtest/gtest.h>

#include "base/fs.h"
#include "eval/text_model.h"
#include "support/paths.h"
#include "text/small_tokenizer.h"

namespace keel {
namespace {

class TextModelRules : public testing::Test {
 protected:
  void SetUp() override {
    make_folders(dir_ / "model");
    make_folders(dir_ / "adapter");
    write_file(dir_ / "model/tokenizer.json", test::letter_tokenizer_json({"<|im_end|>"}).dump());
    write_file(dir_ / "model/tokenizer_config.json",
               Json{{"eos_token", "<|im_end|>"}, {"chat_template", "{{ 'folder' }}"}}.dump());
    write_file(dir_ / "file.jinja", "{{ 'file' }}");
    options_.model.model_name_or_path = (dir_ / "model").string();
  }

  std::string rendered() const {
    const Json messages = Json::array({{{"role", "user"}, {"content", "hi"}}});
    return load_text_model(options_).chat_template.render(messages).text;
  }

  test::TempDir dir_;
  TextModelOptions options_;
};

TEST_F(TextModelRules, AFileComesBeforeANamedTemplateBeforeTheFolders) {
  EXPECT_EQ(rendered(), "folder");
  options_.template_name = "chatml";
  EXPECT_EQ(rendered().rfind("<|im_start|>", 0), 0U);
  options_.chat_template_file = (dir_ / "file.jinja").string();
  EXPECT_EQ(rendered(), "file");
}

TEST_F(TextModelRules, AnAdaptersOwnTokenizerIsUsedWhenItHasOne) {
  options_.model.adapter_name_or_path = (dir_ / "adapter").string();
  const int64_t of_model = load_text_model(options_).first_new_token;
  write_file(dir_ / "adapter/tokenizer.json",
             test::letter_tokenizer_json({"<|im_end|>", "<a>", "<b>"}).dump());
  EXPECT_EQ(load_text_model(options_).first_new_token, of_model + 2);
  EXPECT_EQ(rendered(), "folder");  // the template stays the model's
}

TEST_F(TextModelRules, AddedTokensFollowTheTokenizersOwn) {
  options_.model.add_tokens = {"<new>", "<newer>"};
  const TextModel model = load_text_model(options_);
  EXPECT_EQ(model.tokenizer.token_to_id("<new>"), model.first_new_token);
  EXPECT_EQ(model.tokenizer.max_id(), model.first_new_token + 1);
}

}  // namespace
}  // namespace keel
