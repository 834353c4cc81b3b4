// The real model of the demo, when the environment names it: KEEL_GGUF=model.gguf, and KEEL_GGUF_OUT=folder
// to keep what was imported (tools/oracle/dequant_gguf.py compares that folder with an independent reading).
#include <gtest/gtest.h>

#include <cstdlib>

#include "checkpoint/hf_folder.h"
#include "support/paths.h"

namespace keel {
namespace {

TEST(RealGguf, ImportsToAFolderThatOpens) {
  const char* gguf = std::getenv("KEEL_GGUF");
  if (gguf == nullptr) GTEST_SKIP() << "needs KEEL_GGUF=path of a GGUF model";
  const test::TempDir temp;
  const char* kept = std::getenv("KEEL_GGUF_OUT");
  const std::filesystem::path out = kept ? kept : (temp / "model").string();
  import_gguf(gguf, out, at::kFloat);
  const HfFolder folder = HfFolder::open(out);
  EXPECT_EQ(folder.tensors().at("model.embed_tokens.weight").size(0),
            folder.config.at("vocab_size").get<int64_t>());
  EXPECT_TRUE(std::filesystem::exists(out / "tokenizer.json"));
}

}  // namespace
}  // namespace keel
