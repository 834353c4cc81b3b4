#include "corpus/readers/reader.h"

namespace keel {

std::span<const RowReader> row_readers() {
  static const RowReader readers[] = {
      kPreferenceReader,  // first: its rows look like chats, too
      kOpenAiReader,     kShareGptReader, kAlpacaReader, kPromptReader,
      kDialogueReader,   kSpeakersReader, kTextReader,
  };
  return readers;
}

std::vector<std::string> corpus_schemas() {
  std::vector<std::string> names;
  for (const RowReader& reader : row_readers()) {
    if (reader.name != kPreferenceReader.name) names.emplace_back(reader.name);
  }
  return names;
}

}  // namespace keel
