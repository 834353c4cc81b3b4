// Values of one type, one after another: in memory, or in a file that is written once and then mapped.
#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <type_traits>
#include <vector>

#include "base/error.h"
#include "base/fs.h"

namespace keel {

template <class T>
class Column {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  Column() = default;  // in memory
  // Grows in the file, which appears with finish(). UserError: what the system says.
  explicit Column(const fs::path& file) : path_(file), part_(std::make_unique<PartFile>(file)) {}

  // UserError: no such file, or one that does not hold `size` values.
  static Column open(const fs::path& file, size_t size) {
    Column column;
    column.path_ = file;
    column.size_ = size;
    column.map();
    return column;
  }

  void append(std::span<const T> values) {
    values_.insert(values_.end(), values.begin(), values.end());
    size_ += values.size();
    if (part_ != nullptr && values_.size() * sizeof(T) >= kBuffer) flush();
  }
  void append(const T& value) { append(std::span(&value, 1)); }

  // No more values come. Until then values() is not to be called on a file's column.
  void finish() {
    if (part_ == nullptr) return;
    flush();
    part_->commit();
    part_.reset();
    map();
  }

  size_t size() const { return size_; }
  std::span<const T> values() const {
    if (file_ == nullptr) return values_;
    return {reinterpret_cast<const T*>(file_->bytes().data()), size_};
  }

 private:
  static constexpr size_t kBuffer = size_t{1} << 20;

  void flush() {
    part_->write(std::as_bytes(std::span(values_)));
    values_.clear();
  }

  void map() {
    file_ = std::make_unique<MappedFile>(path_);
    if (file_->bytes().size() == size_ * sizeof(T)) return;
    throw UserError({.where = path_.string(),
                     .found = std::to_string(file_->bytes().size()) + " bytes",
                     .wanted = std::to_string(size_ * sizeof(T))});
  }

  fs::path path_;
  std::unique_ptr<PartFile> part_;
  std::unique_ptr<MappedFile> file_;
  std::vector<T> values_;  // all of them, or those not written yet
  size_t size_ = 0;
};

}  // namespace keel
