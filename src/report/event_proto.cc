#include "report/event_proto.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <string_view>

#include "base/utf8.h"

namespace keel {
namespace {

// Appends fields to one message. Wire types: 0 varint, 1 eight bytes, 2 length and bytes, 5 four bytes.
class Message {
 public:
  Message& int64(int field, int64_t value) {
    key(field, 0);
    varint(static_cast<uint64_t>(value));
    return *this;
  }
  Message& float64(int field, double value) {
    key(field, 1);
    fixed(std::bit_cast<uint64_t>(value), 8);
    return *this;
  }
  Message& float32(int field, float value) {
    key(field, 5);
    fixed(std::bit_cast<uint32_t>(value), 4);
    return *this;
  }
  Message& bytes(int field, std::string_view value) {
    key(field, 2);
    varint(value.size());
    out_ += value;
    return *this;
  }
  Message& packed(int field, std::span<const double> values) {
    key(field, 2);
    varint(values.size() * 8);
    for (const double value : values) fixed(std::bit_cast<uint64_t>(value), 8);
    return *this;
  }
  const std::string& text() const { return out_; }

 private:
  void key(int field, int wire_type) { varint(static_cast<uint64_t>(field) << 3 | wire_type); }
  void varint(uint64_t value) {
    for (; value >= 0x80; value >>= 7) out_ += static_cast<char>(value | 0x80);
    out_ += static_cast<char>(value);
  }
  void fixed(uint64_t value, int bytes) {
    for (int i = 0; i < bytes; ++i) out_ += static_cast<char>(value >> (8 * i) & 0xFF);
  }

  std::string out_;
};

// Field numbers of event.proto and summary.proto.
namespace event {
constexpr int kWallTime = 1, kStep = 2, kFileVersion = 3, kSummary = 5, kSessionLog = 7;
}
namespace session {
constexpr int kStatus = 1, kStart = 1;
}
namespace summary {
constexpr int kValue = 1, kTag = 1, kSimpleValue = 2, kHistogram = 5;
}
namespace histo {
constexpr int kMin = 1, kMax = 2, kNum = 3, kSum = 4, kSumSquares = 5, kLimits = 6, kCounts = 7;
}

Message start_event(const EventTime& at) {
  return Message().float64(event::kWallTime, at.wall_s).int64(event::kStep, at.step);
}

std::vector<double> make_limits() {
  std::vector<double> positive;
  for (double limit = 1e-12; limit < 1e20; limit *= 1.1) positive.push_back(limit);
  std::vector<double> limits;
  for (size_t i = positive.size(); i-- > 0;) limits.push_back(-positive[i]);
  limits.push_back(0);
  limits.insert(limits.end(), positive.begin(), positive.end());
  limits.push_back(std::numeric_limits<double>::max());
  return limits;
}

// Empty buckets at both ends say nothing; one is kept below the first full one to mark its lower edge.
void trim(Histogram& h) {
  const auto full = [](double count) { return count > 0; };
  const auto first = std::find_if(h.counts.begin(), h.counts.end(), full) - h.counts.begin();
  const auto last = h.counts.rend() - std::find_if(h.counts.rbegin(), h.counts.rend(), full);
  const auto from = std::max<std::ptrdiff_t>(first - 1, 0);
  h.counts = {h.counts.begin() + from, h.counts.begin() + last};
  h.limits = {h.limits.begin() + from, h.limits.begin() + last};
}

}  // namespace

Histogram make_histogram(std::span<const float> values) {
  static const std::vector<double> kLimits = make_limits();
  Histogram h{.limits = kLimits, .counts = std::vector<double>(kLimits.size())};
  for (const float raw : values) {
    if (!std::isfinite(raw)) continue;
    const double value = raw;
    h.min = h.count == 0 ? value : std::min(h.min, value);
    h.max = h.count == 0 ? value : std::max(h.max, value);
    h.count += 1;
    h.sum += value;
    h.sum_squares += value * value;
    h.counts[std::lower_bound(kLimits.begin(), kLimits.end(), value) - kLimits.begin()] += 1;
  }
  if (h.count == 0) return {};
  trim(h);
  return h;
}

std::string encode_file_version(double wall_s) {
  return Message().float64(event::kWallTime, wall_s).bytes(event::kFileVersion, "brain.Event:2").text();
}

std::string encode_session_start(const EventTime& at) {
  return start_event(at)
      .bytes(event::kSessionLog, Message().int64(session::kStatus, session::kStart).text())
      .text();
}

std::string encode_scalars(const EventTime& at, std::span<const Scalar> scalars) {
  Message all;
  for (const Scalar& s : scalars) {
    const Message value =
        Message().bytes(summary::kTag, repair_utf8(s.tag)).float32(summary::kSimpleValue, s.value);
    all.bytes(summary::kValue, value.text());
  }
  return start_event(at).bytes(event::kSummary, all.text()).text();
}

std::string encode_histogram(const EventTime& at, const std::string& tag, const Histogram& h) {
  const Message body = Message()
                           .float64(histo::kMin, h.min)
                           .float64(histo::kMax, h.max)
                           .float64(histo::kNum, h.count)
                           .float64(histo::kSum, h.sum)
                           .float64(histo::kSumSquares, h.sum_squares)
                           .packed(histo::kLimits, h.limits)
                           .packed(histo::kCounts, h.counts);
  const Message value =
      Message().bytes(summary::kTag, repair_utf8(tag)).bytes(summary::kHistogram, body.text());
  return start_event(at).bytes(event::kSummary, Message().bytes(summary::kValue, value.text()).text()).text();
}

}  // namespace keel
