// The model that distill learns from.
#pragma once

#include <optional>

#include "config/run_config.h"
#include "eval/chat_model.h"

namespace keel {

// That of teacher_model_path; nothing where that is empty. UserError: its tokens are not the model's.
std::optional<ChatModel> load_teacher(const RunConfig& config, const ChatModel& model);

}  // namespace keel
