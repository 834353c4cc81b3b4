// Requests of every kind, for the model to answer before training (methods: kl_replay): questions, tasks with
// text and with numbers, lists, code, small talk, a third of them not in English.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace keel {

// A sentence with one or two places "{kind}", such as "How does {thing} work?": each takes an entry of the
// filling of that name and of the frame's language.
struct PromptFrame {
  std::string_view language;  // en zh es fr de pt ru
  std::string_view text;
};
std::span<const PromptFrame> prompt_frames();

// Words for the places; empty where there are none for this kind and language. "number" has none: a place for
// it takes a whole number from 2 to 99.
std::span<const std::string_view> prompt_fillings(std::string_view language, std::string_view kind);

// The `index`-th request for this seed: each frame comes once before one comes again.
std::string replay_prompt(uint64_t seed, uint64_t index);

}  // namespace keel
