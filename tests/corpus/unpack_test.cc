// Packed files give the same records as plain ones; damaged ones say what is wrong with which file.
#include "corpus/unpack.h"

#include <gmock/gmock.h>
#include <zlib.h>
#include <zstd.h>

#include "base/error.h"
#include "corpus/corpus.h"
#include "support/error_of.h"
#include "support/paths.h"

namespace keel {
namespace {

std::string gzip(const std::string& text) {
  z_stream stream = {};
  deflateInit2(&stream, 9, Z_DEFLATED, 16 + MAX_WBITS, 9, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(out.size() - stream.avail_out);
  deflateEnd(&stream);
  return out;
}

std::string zstd(const std::string& text) {
  std::string out(ZSTD_compressBound(text.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 3));
  return out;
}

std::string rows(int n) {
  std::string out;
  for (int i = 0; i < n; ++i) out += R"({"prompt":"q)" + std::to_string(i) + R"(","completion":"a"})" + "\n";
  return out;
}

std::string unpacked(const auto& unpack, const std::string& packed, const fs::path& path,
                     const UnpackLimits& limits = {}) {
  std::string out;
  unpack(
      packed, path, [&](std::string_view piece) { out += piece; }, limits);
  return out;
}

template <class Work>
std::string error(Work work) {
  const ErrorText e = test::error_text_of(work);
  return fs::path(e.where).filename().string() + " | " + e.found + " | " + e.wanted + " | " + e.hint;
}

class UnpackTest : public ::testing::Test {
 protected:
  fs::path file(const std::string& name, const std::string& bytes) {
    write_file(dir_ / name, bytes);
    return dir_ / name;
  }
  test::TempDir dir_;
};

TEST_F(UnpackTest, PackedFilesReadAsPlainOnes) {
  const std::string text = rows(9000);  // more than one chunk
  const Corpus plain = read_corpus(file("x.jsonl", text));
  for (const fs::path& path : {file("x.jsonl.gz", gzip(text)), file("x.jsonl.zst", zstd(text)),
                               file("members.jsonl.gz", gzip(text.substr(0, 1000)) + gzip(text.substr(1000))),
                               file("frames.jsonl.zst", zstd(text.substr(0, 1000)) + zstd(text.substr(1000))),
                               file("padded.jsonl.gz", gzip(text) + std::string(512, '\0')),
                               file("wrongly_named.jsonl", gzip(text))}) {
    const Corpus packed = read_corpus(path);
    ASSERT_EQ(packed.records.size(), 9000U) << path;
    EXPECT_EQ(packed.records.back().messages, plain.records.back().messages);
    EXPECT_EQ(packed.records.back().place, path.string() + ":9000");
    EXPECT_EQ(packed.hash, plain.hash) << "the hash is of the content";
  }
  EXPECT_EQ(read_corpus(file("story.txt.gz", gzip("[Once]\n"))).records.at(0).text, "[Once]\n");
  EXPECT_EQ(read_corpus(file("all.json.zst", zstd(R"([{"text":"a"}])"))).records.at(0).text, "a");
}

// Above 64 MB the content lies in a temporary file, of which nothing is left.
TEST_F(UnpackTest, LargeArchivesLieOnDisk) {
  std::string text;
  while (text.size() < (size_t{66} << 20))
    text += R"({"text":"a row of some length, number )" + std::to_string(text.size()) + "\"}\n";
  ::setenv("TMPDIR", dir_.path().c_str(), 1);
  const fs::path path = file("large.jsonl.zst", zstd(text));
  {
    const DataFile data(path);
    EXPECT_TRUE(data.packed());
    EXPECT_TRUE(data.bytes() == text);
    EXPECT_EQ(data.hash(), DataFile(file("large.jsonl", text)).hash());
    EXPECT_EQ(std::distance(fs::directory_iterator(dir_.path()), {}), 2);
  }
  ::setenv("TMPDIR", (dir_ / "missing").c_str(), 1);
  EXPECT_THAT(error([&] { DataFile data(path); }), ::testing::HasSubstr("missing"));
  ::unsetenv("TMPDIR");
}

TEST_F(UnpackTest, FoldersHoldPackedFilesToo) {
  file("b.jsonl.gz", gzip(rows(2)));
  file("a.json.zst", zstd(rows(1)));
  file("notes.md.gz", gzip("no data"));
  EXPECT_EQ(read_corpus(dir_.path()).records.size(), 3U);
}

TEST_F(UnpackTest, SizesAtTheEdgeOfAChunk) {
  for (const size_t size : {size_t{0}, size_t{1}, (size_t{1} << 18) - 1, size_t{1} << 18, size_t{1} << 19}) {
    const std::string text(size, 'x');
    EXPECT_TRUE(unpacked(unpack_gzip, gzip(text), "x.gz") == text) << size;
    EXPECT_TRUE(unpacked(unpack_zstd, zstd(text), "x.zst") == text) << size;
  }
}

TEST_F(UnpackTest, CutAndDamagedFilesSayWhatIsWrong) {
  const std::string text = rows(1000), gz = gzip(text), zst = zstd(text);
  const auto read = [&](const std::string& name, const std::string& bytes) {
    return error([&] { read_corpus(file(name, bytes)); });
  };
  EXPECT_EQ(read("a.jsonl.gz", gz.substr(0, gz.size() - 4)),
            "a.jsonl.gz | the gzip file is cut off: it ends after " + std::to_string(text.size()) +
                " unpacked bytes, before its end mark | a whole gzip file | download or pack it again");
  EXPECT_EQ(read("a.jsonl.gz", ""),
            "a.jsonl.gz | the gzip file is cut off: it ends after 0 unpacked bytes, before its end mark | a "
            "whole gzip file | download or pack it again");
  EXPECT_EQ(read("a.jsonl.zst", zst.substr(0, 12)),
            "a.jsonl.zst | the zstd file is cut off: it ends after 0 unpacked bytes, before its end mark | a "
            "whole zstd file | download or pack it again");
  std::string flipped = gz;
  flipped[flipped.size() - 8] ^= 1;  // the checksum
  EXPECT_EQ(read("b.jsonl.gz", flipped),
            "b.jsonl.gz | the gzip file is damaged after " + std::to_string(text.size()) +
                " unpacked bytes: incorrect data check | a whole gzip file | download or pack it again");
  EXPECT_EQ(read("plain.jsonl.gz", text),
            "plain.jsonl.gz | not a gzip file, whatever its name says | a gzip file | "
            "take the ending off its name, or pack it");
  EXPECT_EQ(read("plain.jsonl.zst", text),
            "plain.jsonl.zst | not a zstd file, whatever its name says | a zstd file | "
            "take the ending off its name, or pack it");
  EXPECT_EQ(read("tail.jsonl.gz", gz + "more"),
            "tail.jsonl.gz | the gzip file is damaged after " + std::to_string(text.size()) +
                " unpacked bytes: something else follows the archive | a whole gzip file | download or pack "
                "it again");
}

TEST_F(UnpackTest, EveryCutEndsInAnError) {
  const std::string gz = gzip(rows(5)), zst = zstd(rows(5));
  for (size_t n = 0; n < gz.size(); ++n)
    EXPECT_THROW(unpacked(unpack_gzip, gz.substr(0, n), "x.gz"), UserError) << n;
  for (size_t n = 0; n < zst.size(); ++n)
    EXPECT_THROW(unpacked(unpack_zstd, zst.substr(0, n), "x.zst"), UserError) << n;
}

TEST_F(UnpackTest, ArchivesMadeToFillTheMemoryAreRefused) {
  const std::string zeros(size_t{8} << 20, '\0');
  const UnpackLimits limits{.bytes = size_t{1} << 20, .ratio = 500};
  EXPECT_THAT(error([&] { unpacked(unpack_zstd, zstd(zeros), "bomb.zst", limits); }),
              ::testing::MatchesRegex(
                  "bomb.zst \\| [0-9]+ bytes of this zstd file unpack to more than [0-9]+ bytes \\| at most "
                  "500 times the packed size \\| no real data packs so well; if this is meant, unpack the "
                  "file by hand"));
  EXPECT_THAT(error([&] { unpacked(unpack_gzip, gzip(zeros), "bomb.gz", limits); }),
              ::testing::HasSubstr("bytes of this gzip file unpack to more than"));
  // Small files may pack as well as they like, and large ones up to the ratio.
  EXPECT_EQ(unpacked(unpack_zstd, zstd(zeros), "zeros.zst", {.ratio = 500}).size(), zeros.size());
  EXPECT_EQ(unpacked(unpack_gzip, gzip(zeros), "zeros.gz", {.bytes = 1, .ratio = 2000}).size(), zeros.size());
}

}  // namespace
}  // namespace keel
