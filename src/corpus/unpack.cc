#include "corpus/unpack.h"

#include <fmt/format.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "base/error.h"

namespace keel {
namespace {

constexpr std::string_view kGzipMagic("\x1F\x8B", 2), kZstdMagic("\x28\xB5\x2F\xFD", 4);
constexpr size_t kChunk = 1 << 18;

// Gathers what comes out and watches its size.
class Unpacked {
 public:
  Unpacked(const char* format, const fs::path& path, const UnpackLimits& limits)
      : format_(format), path_(path), limits_(limits), chunk_(kChunk) {}

  char* chunk() { return chunk_.data(); }

  // read: bytes of the archive that were used so far.
  void add(size_t produced, uint64_t read) {
    text_.append(chunk_.data(), produced);
    if (text_.size() > limits_.bytes && text_.size() / std::max<uint64_t>(read, 1) > limits_.ratio)
      fail(fmt::format("{} bytes of this {} file unpack to more than {} bytes", read, format_, text_.size()),
           fmt::format("at most {} times the packed size", limits_.ratio),
           "no real data packs so well; if this is meant, unpack the file by hand");
  }

  [[noreturn]] void fail_cut() {
    fail(fmt::format("the {} file is cut off: it ends after {} unpacked bytes, before its end mark", format_,
                     text_.size()),
         fmt::format("a whole {} file", format_), "download or pack it again");
  }

  [[noreturn]] void fail_damaged(const std::string& why) {
    fail(fmt::format("the {} file is damaged after {} unpacked bytes: {}", format_, text_.size(), why),
         fmt::format("a whole {} file", format_), "download or pack it again");
  }

  std::string take() { return std::move(text_); }

 private:
  [[noreturn]] void fail(std::string found, std::string wanted, std::string hint) {
    throw UserError({.where = path_.string(),
                     .found = std::move(found),
                     .wanted = std::move(wanted),
                     .hint = std::move(hint)});
  }

  const char* format_;
  const fs::path& path_;
  const UnpackLimits& limits_;
  std::vector<char> chunk_;
  std::string text_;
};

class Inflater {
 public:
  Inflater() { KEEL_CHECK(inflateInit2(&stream_, 16 + MAX_WBITS) == Z_OK, "zlib refuses to start"); }
  ~Inflater() { inflateEnd(&stream_); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;
  z_stream& operator*() { return stream_; }
  z_stream* operator->() { return &stream_; }

 private:
  z_stream stream_ = {};
};

// Whether another member begins at `at`. Zeros up to the end are padding.
bool next_member(std::string_view packed, size_t at, Unpacked& out) {
  const std::string_view rest = packed.substr(at);
  if (rest.find_first_not_of('\0') == std::string_view::npos) return false;
  if (!rest.starts_with(kGzipMagic)) out.fail_damaged("something else follows the archive");
  return true;
}

bool is_packed_name(const fs::path& path) {
  const fs::path extension = path.extension();
  return extension == ".gz" || extension == ".zst";
}

}  // namespace

std::string unpack_gzip(std::string_view packed, const fs::path& path, const UnpackLimits& limits) {
  Unpacked out("gzip", path, limits);
  Inflater stream;
  size_t read = 0;
  for (;;) {
    const std::string_view piece = packed.substr(read, size_t{1} << 30);  // zlib counts in 32 bits
    stream->next_in = reinterpret_cast<Bytef*>(const_cast<char*>(piece.data()));
    stream->avail_in = static_cast<uInt>(piece.size());
    stream->next_out = reinterpret_cast<Bytef*>(out.chunk());
    stream->avail_out = kChunk;
    const int state = inflate(&*stream, Z_NO_FLUSH);
    read += piece.size() - stream->avail_in;
    const size_t produced = kChunk - stream->avail_out;
    out.add(produced, read);
    if (state == Z_STREAM_END) {
      if (!next_member(packed, read, out)) return out.take();
      inflateReset(&*stream);
    } else if (state == Z_BUF_ERROR || (state == Z_OK && produced == 0 && read == packed.size())) {
      out.fail_cut();
    } else if (state != Z_OK) {
      out.fail_damaged(stream->msg != nullptr ? stream->msg : "no gzip data");
    }
  }
}

std::string unpack_zstd(std::string_view packed, const fs::path& path, const UnpackLimits& limits) {
  Unpacked out("zstd", path, limits);
  const std::unique_ptr<ZSTD_DCtx, size_t (*)(ZSTD_DCtx*)> context(ZSTD_createDCtx(), ZSTD_freeDCtx);
  KEEL_CHECK(context != nullptr, "zstd refuses to start");
  ZSTD_inBuffer in{packed.data(), packed.size(), 0};
  for (;;) {
    ZSTD_outBuffer piece{out.chunk(), kChunk, 0};
    const size_t state = ZSTD_decompressStream(context.get(), &piece, &in);
    if (ZSTD_isError(state) != 0) out.fail_damaged(ZSTD_getErrorName(state));
    out.add(piece.pos, in.pos);
    if (in.pos < in.size) continue;
    if (state == 0) return out.take();
    if (piece.pos < piece.size) out.fail_cut();  // else there is more to come out
  }
}

fs::path unpacked_name(const fs::path& path) {
  return is_packed_name(path) ? fs::path(path).replace_extension() : path;
}

DataFile::DataFile(const fs::path& path) : file_(path) {
  bytes_ = {reinterpret_cast<const char*>(file_.bytes().data()), file_.bytes().size()};
  if (bytes_.starts_with(kGzipMagic) || path.extension() == ".gz")
    unpacked_ = unpack_gzip(bytes_, path);
  else if (bytes_.starts_with(kZstdMagic) || path.extension() == ".zst")
    unpacked_ = unpack_zstd(bytes_, path);
  else
    return;
  bytes_ = unpacked_;
}

}  // namespace keel
