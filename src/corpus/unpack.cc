#include "corpus/unpack.h"

#include <fmt/format.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>
#include <memory>
#include <new>
#include <vector>

#include "base/error.h"
#include "base/hash.h"

namespace keel {
namespace {

constexpr std::string_view kGzipMagic("\x1F\x8B", 2), kZstdMagic("\x28\xB5\x2F\xFD", 4);
constexpr size_t kChunk = 1 << 18;
constexpr size_t kHeldInMemory = size_t{64} << 20;

// Hands on what comes out and watches its size.
class Unpacked {
 public:
  Unpacked(const char* format, const fs::path& path, const UnpackSink& sink, const UnpackLimits& limits)
      : format_(format), path_(path), sink_(sink), limits_(limits), chunk_(kChunk) {}

  char* chunk() { return chunk_.data(); }

  // read: bytes of the archive that were used so far.
  void add(size_t produced, uint64_t read) {
    if (produced > 0) sink_({chunk_.data(), produced});
    size_ += produced;
    if (size_ > limits_.bytes && size_ / std::max<uint64_t>(read, 1) > limits_.ratio)
      fail(fmt::format("{} bytes of this {} file unpack to more than {} bytes", read, format_, size_),
           fmt::format("at most {} times the packed size", limits_.ratio),
           "no real data packs so well; if this is meant, unpack the file by hand");
  }

  [[noreturn]] void fail_cut() {
    fail(fmt::format("the {} file is cut off: it ends after {} unpacked bytes, before its end mark", format_,
                     size_),
         fmt::format("a whole {} file", format_), "download or pack it again");
  }

  [[noreturn]] void fail_other() {
    fail(fmt::format("not a {} file, whatever its name says", format_), fmt::format("a {} file", format_),
         "take the ending off its name, or pack it");
  }

  // Where an archive could begin there is none.
  [[noreturn]] void fail_between() {
    if (size_ == 0) fail_other();
    fail_damaged("something else follows the archive");
  }

  [[noreturn]] void fail_damaged(const std::string& why) {
    fail(fmt::format("the {} file is damaged after {} unpacked bytes: {}", format_, size_, why),
         fmt::format("a whole {} file", format_), "download or pack it again");
  }

 private:
  [[noreturn]] void fail(std::string found, std::string wanted, std::string hint) {
    throw UserError({.where = path_.string(),
                     .found = std::move(found),
                     .wanted = std::move(wanted),
                     .hint = std::move(hint)});
  }

  const char* format_;
  const fs::path& path_;
  const UnpackSink& sink_;
  const UnpackLimits& limits_;
  std::vector<char> chunk_;
  uint64_t size_ = 0;  // that came out so far
};

class Inflater {
 public:
  Inflater() {
    const int outcome = inflateInit2(&stream_, 16 + MAX_WBITS);
    if (outcome == Z_MEM_ERROR) throw std::bad_alloc();
    KEEL_CHECK(outcome == Z_OK, "zlib refuses to start");
  }
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
  if (!rest.starts_with(kGzipMagic)) out.fail_between();
  return true;
}

std::string_view text_of(const MappedFile& file) {
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

bool is_packed_name(const fs::path& path) {
  const fs::path extension = path.extension();
  return extension == ".gz" || extension == ".zst";
}

}  // namespace

void unpack_gzip(std::string_view packed, const fs::path& path, const UnpackSink& sink,
                 const UnpackLimits& limits) {
  Unpacked out("gzip", path, sink, limits);
  if (!kGzipMagic.starts_with(packed.substr(0, kGzipMagic.size()))) out.fail_other();
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
      if (!next_member(packed, read, out)) return;
      inflateReset(&*stream);
    } else if (state == Z_BUF_ERROR || (state == Z_OK && produced == 0 && read == packed.size())) {
      out.fail_cut();
    } else if (state == Z_MEM_ERROR) {
      throw std::bad_alloc();
    } else if (state != Z_OK) {
      out.fail_damaged(stream->msg != nullptr ? stream->msg : "its blocks are no gzip data");
    }
  }
}

void unpack_zstd(std::string_view packed, const fs::path& path, const UnpackSink& sink,
                 const UnpackLimits& limits) {
  Unpacked out("zstd", path, sink, limits);
  const std::unique_ptr<ZSTD_DCtx, size_t (*)(ZSTD_DCtx*)> context(ZSTD_createDCtx(), ZSTD_freeDCtx);
  if (context == nullptr) throw std::bad_alloc();
  ZSTD_inBuffer in{packed.data(), packed.size(), 0};
  for (;;) {
    ZSTD_outBuffer piece{out.chunk(), kChunk, 0};
    const size_t state = ZSTD_decompressStream(context.get(), &piece, &in);
    if (ZSTD_getErrorCode(state) == ZSTD_error_memory_allocation) throw std::bad_alloc();
    if (ZSTD_getErrorCode(state) == ZSTD_error_prefix_unknown) out.fail_between();
    if (ZSTD_isError(state) != 0) out.fail_damaged(ZSTD_getErrorName(state));
    out.add(piece.pos, in.pos);
    if (in.pos < in.size) continue;
    if (state == 0) return;
    if (piece.pos < piece.size) out.fail_cut();  // else there is more to come out
  }
}

fs::path unpacked_name(const fs::path& path) {
  return is_packed_name(path) ? fs::path(path).replace_extension() : path;
}

// In memory while it is small.
template <class Unpack>
void DataFile::hold(Unpack unpack) {
  unpack([&](std::string_view piece) {
    if (!scratch_ && unpacked_.size() + piece.size() > kHeldInMemory) {
      scratch_.emplace().write(unpacked_);
      unpacked_ = std::string();
    }
    scratch_ ? scratch_->write(piece) : void(unpacked_ += piece);
  });
  packed_ = true;
  scratch_ ? void(file_.emplace(scratch_->map())) : file_.reset();
  bytes_ = file_ ? text_of(*file_) : std::string_view(unpacked_);
}

DataFile::DataFile(const fs::path& path) : file_(path), bytes_(text_of(*file_)) {
  const MappedFile archive = *file_;  // stays mapped while it is read
  const std::string_view packed = bytes_;
  if (packed.starts_with(kGzipMagic) || path.extension() == ".gz")
    hold([&](const UnpackSink& sink) { unpack_gzip(packed, path, sink); });
  else if (packed.starts_with(kZstdMagic) || path.extension() == ".zst")
    hold([&](const UnpackSink& sink) { unpack_zstd(packed, path, sink); });
}

std::string DataFile::hash() const { return file_ ? hash_file(file_->path()) : to_hex(hash64(bytes_)); }

}  // namespace keel
