// A tokenizer.json: loaded, used in both directions, written and loaded again.
#include "fuzz/fuzz_target.h"
#include "text/tokenizer.h"

namespace keel::fuzz {
namespace {

constexpr const char* kText = "  Ship 42's at the berth: 港口 😀 é.\n\n\t<s>a</s> 'll";

void encode_and_decode(const Tokenizer& tokenizer) {
  const size_t length = std::string_view(kText).size();
  const Tokenizer::Encoding encoding = tokenizer.encode_with_offsets(kText);
  for (size_t i = 0; i < encoding.ids.size(); ++i)
    KEEL_CHECK(encoding.begin_byte[i] <= length && encoding.end_byte[i] <= length,
               "an offset outside the text");
  static_cast<void>(tokenizer.decode(encoding.ids, false));
  static_cast<void>(tokenizer.encode(kText, true));
}

void look_up(const Tokenizer& tokenizer) {
  for (const int32_t id : {0, 1, tokenizer.max_id(), tokenizer.vocab_size()}) {
    attempt([&] { static_cast<void>(tokenizer.id_to_token(id)); });
    static_cast<void>(tokenizer.is_special(id));
  }
}

}  // namespace

void fuzz_one(std::string_view input) {
  const Tokenizer tokenizer = Tokenizer::from_json(input);
  attempt([&] { encode_and_decode(tokenizer); });
  look_up(tokenizer);
  static_cast<void>(Tokenizer::from_json(tokenizer.to_json()));
}

}  // namespace keel::fuzz
