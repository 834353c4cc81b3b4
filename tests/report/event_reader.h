// Decodes TensorBoard event files, independently of the code that writes them: framing with its checksums,
// then the protocol-buffer wire format.
#pragma once

#include <gtest/gtest.h>

#include <bit>
#include <cstring>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/fs.h"
#include "report/event_proto.h"

namespace keel::test {

struct Event {
  double wall_s = 0;
  int64_t step = 0;
  std::string file_version;
  std::optional<uint64_t> session_status;
  std::vector<std::pair<std::string, float>> scalars;
  std::string histogram_tag;
  Histogram histogram;
};

template <class T>
T take(std::string_view& bytes) {
  T value{};
  if (bytes.size() < sizeof(T)) throw std::runtime_error("cut short");
  std::memcpy(&value, bytes.data(), sizeof(T));
  bytes.remove_prefix(sizeof(T));
  return value;
}

inline uint64_t take_varint(std::string_view& bytes) {
  uint64_t value = 0;
  for (int shift = 0;; shift += 7) {
    const auto byte = take<uint8_t>(bytes);
    value |= static_cast<uint64_t>(byte & 0x7F) << shift;
    if (byte < 0x80) return value;
  }
}

// Bit by bit, with the polynomial in its normal order.
inline uint32_t slow_masked_crc(std::string_view bytes) {
  uint32_t crc = 0xFFFFFFFF;
  for (const char c : bytes) {
    for (int bit = 0; bit < 8; ++bit) {
      const uint32_t in = static_cast<uint8_t>(c) >> bit & 1;
      const uint32_t carry = crc >> 31 ^ in;
      crc = crc << 1 ^ (carry ? 0x1EDC6F41 : 0);
    }
  }
  uint32_t reversed = 0;
  for (int bit = 0; bit < 32; ++bit) reversed |= (crc >> bit & 1) << (31 - bit);
  return std::rotr(~reversed, 15) + 0xA282EAD8;
}

struct Field {
  int number = 0;
  uint64_t integer = 0;    // wire type 0
  std::string_view bytes;  // the others

  double float64() const {
    std::string_view in = bytes;
    return take<double>(in);
  }
};

inline std::vector<Field> fields_of(std::string_view message) {
  std::vector<Field> out;
  while (!message.empty()) {
    const uint64_t key = take_varint(message);
    Field field{.number = static_cast<int>(key >> 3)};
    if ((key & 7) == 0) {
      field.integer = take_varint(message);
    } else {
      const size_t n = (key & 7) == 1 ? 8 : (key & 7) == 5 ? 4 : take_varint(message);
      if (n > message.size()) throw std::runtime_error("field cut short");
      field.bytes = message.substr(0, n);
      message.remove_prefix(n);
    }
    out.push_back(field);
  }
  return out;
}

inline std::vector<double> doubles(std::string_view bytes) {
  std::vector<double> out;
  while (!bytes.empty()) out.push_back(take<double>(bytes));
  return out;
}

inline Histogram decode_histogram(std::string_view message) {
  Histogram h;
  for (const Field& f : fields_of(message)) {
    if (f.number == 1) h.min = f.float64();
    if (f.number == 2) h.max = f.float64();
    if (f.number == 3) h.count = f.float64();
    if (f.number == 4) h.sum = f.float64();
    if (f.number == 5) h.sum_squares = f.float64();
    if (f.number == 6) h.limits = doubles(f.bytes);
    if (f.number == 7) h.counts = doubles(f.bytes);
  }
  return h;
}

inline void decode_value(std::string_view message, Event& event) {
  std::string tag;
  for (const Field& f : fields_of(message)) {
    std::string_view in = f.bytes;
    if (f.number == 1) tag = std::string(f.bytes);
    if (f.number == 2) event.scalars.emplace_back(tag, take<float>(in));
    if (f.number == 5) event.histogram = decode_histogram(f.bytes), event.histogram_tag = tag;
  }
}

inline Event decode_event(std::string_view message) {
  Event event;
  for (const Field& f : fields_of(message)) {
    if (f.number == 1) event.wall_s = f.float64();
    if (f.number == 2) event.step = static_cast<int64_t>(f.integer);
    if (f.number == 3) event.file_version = std::string(f.bytes);
    if (f.number == 5)
      for (const Field& value : fields_of(f.bytes)) decode_value(value.bytes, event);
    if (f.number == 7)
      for (const Field& log : fields_of(f.bytes))
        if (log.number == 1) event.session_status = log.integer;
  }
  return event;
}

// Throws when a length or a checksum is wrong.
inline std::vector<std::string> unframe(std::string_view file) {
  std::vector<std::string> records;
  while (!file.empty()) {
    const std::string_view length_bytes = file.substr(0, 8);
    const auto length = take<uint64_t>(file);
    if (take<uint32_t>(file) != slow_masked_crc(length_bytes))
      throw std::runtime_error("checksum of a length");
    if (length > file.size()) throw std::runtime_error("record cut short");
    records.emplace_back(file.substr(0, length));
    file.remove_prefix(length);
    if (take<uint32_t>(file) != slow_masked_crc(records.back()))
      throw std::runtime_error("checksum of a record");
  }
  return records;
}

// Of the only file in the folder.
inline std::vector<Event> read_events(const std::filesystem::path& folder) {
  std::vector<Event> events;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    EXPECT_TRUE(entry.path().filename().string().starts_with("events.out.tfevents."));
    for (const std::string& record : unframe(read_text(entry.path()))) events.push_back(decode_event(record));
  }
  return events;
}

}  // namespace keel::test
