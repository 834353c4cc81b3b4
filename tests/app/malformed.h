// One malformed file for the real program, and the whole text that it has to answer with.
#pragma once

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <string>

#include "app/program.h"
#include "checkpoint/safetensors_bytes.h"

namespace keel::test {

enum class Made {
  kFile,     // of these bytes
  kPatch,    // JSON that is merged into the file of the good model
  kFolder,   // where a file is wanted
  kLink,     // to nowhere
  kPipe,     // that nobody writes into
  kNothing,  // it is taken away
};

// In bytes, args and text DIR stands for the test's folder.
struct MalformedInput {
  const char* name;
  Made made;
  std::string file;
  std::string bytes;
  std::string args;
  std::string text;  // without "keel: " and the last line break
};

inline std::string malformed_name(const testing::TestParamInfo<MalformedInput>& info) {
  return info.param.name;
}

inline void PrintTo(const MalformedInput& input, std::ostream* out) { *out << input.name; }

inline std::string each_replaced(std::string text, const std::string& from, const std::string& to) {
  for (size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
    text.replace(at, from.size(), to);
  return text;
}

// Lines of progress come before the error ("model: …"); what they say is no part of it.
inline std::string error_behind_progress(const std::string& text) {
  const size_t at = ("\n" + text).find("\nkeel: ");
  return at == std::string::npos ? text : text.substr(at);
}

inline const std::string kTrainMalformed =
    "train --model_name_or_path DIR/model --output_dir DIR/out --precision fp32 --threads 1 --max_steps 1 ";
inline const std::string kOnGoodRows = kTrainMalformed + "--dataset DIR/rows.jsonl ";

inline const std::string kQueries = "base_model.model.model.layers.0.self_attn.q_proj.";

// Low-rank tensors of one layer of the tiny model, of rank 4, all bytes the same: '\1' a small number, '\xFF'
// NaN.
inline std::string adapter_tensors(char byte) {
  const std::string header =
      "{\"" + kQueries +
      R"(lora_A.weight": {"dtype": "F32", "shape": [4, 32], "data_offsets": [0, 512]}, ")" + kQueries +
      R"(lora_B.weight": {"dtype": "F32", "shape": [32, 4], "data_offsets": [512, 1024]}})";
  return safetensors_bytes(header, 0) + std::string(1024, byte);
}

// A folder with a good model, good rows and a good adapter, in which one thing is wrong.
class MalformedTest : public TrainingTest, public testing::WithParamInterface<MalformedInput> {
 protected:
  void SetUp() override {
    TrainingTest::SetUp();
    make_folders(dir_ / "adapter");
    write_file(dir_ / "adapter/adapter_model.safetensors", adapter_tensors('\1'));
    write_file(dir_ / "adapter/adapter_config.json",
               R"({"peft_type": "LORA", "r": 4, "lora_alpha": 8, "target_modules": ["q_proj"]})");
    const MalformedInput& input = GetParam();
    const fs::path file = dir_ / input.file;
    const std::string before = input.made == Made::kPatch ? read_text(file) : "";
    fs::remove(file);
    // An index is looked at only where there is no model.safetensors.
    if (input.file.ends_with("index.json")) fs::remove(dir_ / "model/model.safetensors");
    if (input.made == Made::kFile) write_file(file, in_folder(input.bytes));
    if (input.made == Made::kFolder) make_folders(file);
    if (input.made == Made::kPipe) {
      ASSERT_EQ(::mkfifo(file.c_str(), 0600), 0);
    }
    if (input.made == Made::kLink) fs::create_symlink("nowhere", file);
    if (input.made == Made::kPatch) {
      Json json = Json::parse(before);
      json.merge_patch(Json::parse(input.bytes));
      write_file(file, json.dump());
    }
  }

  std::string in_folder(const std::string& text) const {
    return each_replaced(text, "DIR", dir_.path().string());
  }

  void expect_refused() const {
    const auto out = run_keel(in_folder(GetParam().args), "timeout 30");
    EXPECT_EQ(out.code, 2) << out.text;
    EXPECT_EQ(error_behind_progress(each_replaced(out.text, dir_.path().string(), "DIR")),
              "keel: " + GetParam().text + "\n");
    EXPECT_FALSE(fs::exists(dir_ / "out/model"));
  }
};

}  // namespace keel::test
