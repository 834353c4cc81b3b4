#include "app/teacher.h"

#include <fmt/format.h>

#include <algorithm>

#include "app/session.h"
#include "base/error.h"

namespace keel {
namespace {

[[noreturn]] void refuse_teacher(const std::string& path, std::string found) {
  throw UserError(
      {.where = "teacher_model_path: " + path,
       .found = std::move(found),
       .wanted = "a model with the same tokens under the same ids, such as a larger one of the family",
       .hint = "leave teacher_model_path out, and the model as it was before training teaches"});
}

}  // namespace

std::optional<ChatModel> load_teacher(const RunConfig& config, const ChatModel& model) {
  const std::string& path = config.protection.teacher_model_path;
  if (path.empty()) return std::nullopt;
  RunConfig of_teacher = config;
  of_teacher.model = {
      .model_name_or_path = path, .device = config.model.device, .precision = config.model.precision};
  ChatModel teacher = load_model(of_teacher, false);
  if (teacher.lm->vocab_size() < model.lm->vocab_size())
    refuse_teacher(path, fmt::format("{} rows of vocabulary, the model has {}", teacher.lm->vocab_size(),
                                     model.lm->vocab_size()));
  if (teacher.tokenizer.vocab_size() != model.tokenizer.vocab_size())
    refuse_teacher(path, fmt::format("{} tokens, the model has {}", teacher.tokenizer.vocab_size(),
                                     model.tokenizer.vocab_size()));
  for (int32_t id = 0; id <= model.tokenizer.max_id(); ++id) {
    const std::vector<int32_t> one = {id};
    const std::string own = model.tokenizer.decode(one, false), theirs = teacher.tokenizer.decode(one, false);
    if (own != theirs)
      refuse_teacher(path, fmt::format("token {} is \"{}\", the model's is \"{}\"", id, theirs, own));
  }
  return teacher;
}

}  // namespace keel
