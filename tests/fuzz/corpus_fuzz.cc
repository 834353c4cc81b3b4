// libFuzzer over the readers: the first byte chooses the kind of file, the rest is its content. Whatever is
// in it, reading ends in records, rejections that are UTF-8, or a UserError.
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <string>

#include "base/error.h"
#include "base/fs.h"
#include "corpus/corpus.h"

namespace {

const char* const kEndings[] = {".json", ".csv", ".tsv", ".txt", ".jsonl.gz", ".jsonl.zst"};

keel::fs::path file_of(const char* ending) {
  static const std::string stem =
      (keel::fs::temp_directory_path() / ("keel-fuzz-" + std::to_string(::getpid()))).string();
  return stem + ending;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const keel::fs::path path = file_of(kEndings[data[0] % std::size(kEndings)]);
  std::ofstream(path, std::ios::binary | std::ios::trunc)
      .write(reinterpret_cast<const char*>(data) + 1, static_cast<std::streamsize>(size - 1));
  try {
    const keel::Corpus corpus = keel::read_corpus(path, {.max_rejected = 1});
    for (const keel::Rejection& r : corpus.rejections)
      static_cast<void>(keel::to_json(r).dump());  // throws unless it is UTF-8
  } catch (const keel::UserError&) {
  }
  return 0;
}
