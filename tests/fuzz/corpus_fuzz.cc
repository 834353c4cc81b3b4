// The readers of data: the first byte chooses the kind of file, the rest is its content (Parquet is known by
// its content, whatever the file is called). Whatever is in it, reading ends in records and rejections that
// are UTF-8.
#include "corpus/corpus.h"
#include "fuzz/fuzz_target.h"

namespace keel::fuzz {
namespace {

const char* const kEndings[] = {".json", ".csv", ".tsv", ".txt", ".jsonl.gz", ".jsonl.zst"};

}  // namespace

void fuzz_one(std::string_view input) {
  if (input.empty()) return;
  const auto kind = static_cast<unsigned char>(input[0]) % std::size(kEndings);
  const Corpus corpus = read_corpus(file_of(input.substr(1), kEndings[kind]), {.max_rejected = 1});
  for (const Rejection& rejection : corpus.rejections) static_cast<void>(to_json(rejection).dump());
  for (const Record& record : corpus.records) static_cast<void>(Json({record.messages, record.tools}).dump());
}

}  // namespace keel::fuzz
