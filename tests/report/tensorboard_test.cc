#include "report/tensorboard.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "report/event_reader.h"
#include "report/tfrecord.h"
#include "support/paths.h"

namespace keel {
namespace {

using namespace std::string_literals;

TEST(TfRecord, ChecksumsOfKnownVectors) {
  EXPECT_EQ(crc32c(""), 0u);
  EXPECT_EQ(crc32c("123456789"), 0xE3069283u);              // the check value of CRC-32C
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8A9136AAu);    // RFC 3720, B.4
  EXPECT_EQ(crc32c(std::string(32, '\xFF')), 0x62A8AB43u);  // RFC 3720, B.4
  std::string rising;
  for (char c = 0; c < 32; ++c) rising += c;
  EXPECT_EQ(crc32c(rising), 0x46DD794Eu);  // RFC 3720, B.4
}

TEST(TfRecord, FramesAsEveryEventFileBegins) {
  // A version record has 24 bytes, so all event files begin with these twelve.
  const std::string version = encode_file_version(1.0);
  ASSERT_EQ(version.size(), 24u);
  EXPECT_EQ(frame_record(version).substr(0, 12), "\x18\0\0\0\0\0\0\0\xa3\x7f\x4b\x22"s);
  EXPECT_EQ(frame_record(version).size(), 8u + 4 + 24 + 4);
}

TEST(TfRecord, UnframesToWhatWentIn) {
  const std::string a = "one", b(300, 'x');
  EXPECT_THAT(test::unframe(frame_record(a) + frame_record("") + frame_record(b)),
              testing::ElementsAre(a, "", b));
  std::string broken = frame_record(a);
  broken[12] ^= 1;
  EXPECT_THROW(test::unframe(broken), std::runtime_error);
}

TEST(EventProto, VersionByteForByte) {
  EXPECT_EQ(encode_file_version(1.0),
            "\x09\0\0\0\0\0\0\xf0\x3f\x1a\x0d"
            "brain.Event:2"s);
}

TEST(EventProto, ScalarByteForByte) {
  const std::vector<Scalar> scalars{{.tag = "loss", .value = 1.0f}};
  EXPECT_EQ(encode_scalars({.wall_s = 1.0, .step = 300}, scalars),
            "\x09\0\0\0\0\0\0\xf0\x3f"  // wall_time
            "\x10\xac\x02"              // step: varint 300
            "\x2a\x0d\x0a\x0b"          // summary, value
            "\x0a\x04loss"
            "\x15\0\0\x80\x3f"s);  // tag, simple_value
}

TEST(EventProto, SessionStartByteForByte) {
  EXPECT_EQ(encode_session_start({.wall_s = 1.0, .step = 4}),
            "\x09\0\0\0\0\0\0\xf0\x3f"  // wall_time
            "\x10\x04"                  // step
            "\x3a\x02\x08\x01"s);       // session_log, status: START
}

TEST(EventProto, TagsAreValidUtf8) {
  const std::vector<Scalar> scalars{{.tag = "a\xff", .value = 1}};
  EXPECT_EQ(test::decode_event(encode_scalars({}, scalars)).scalars[0].first, "a\uFFFD");
}

TEST(EventProto, NegativeAndLargeStepsSurvive) {
  for (const int64_t step : {int64_t{-1}, int64_t{0}, int64_t{1} << 40})
    EXPECT_EQ(test::decode_event(encode_scalars({.step = step}, {})).step, step);
}

// TensorBoard drops what earlier files hold from the step of a session start on, so that step is the first to
// be done again.
TEST(EventFile, ForgetAfterStartsASessionAtTheNextStep) {
  const test::TempDir dir;
  {
    EventFile file(dir.path());
    file.forget_after(3);
    file.scalars(4, std::vector<Scalar>{{.tag = "loss", .value = 2}});
  }
  const std::vector<test::Event> events = test::read_events(dir.path());  // throws at a wrong checksum
  ASSERT_EQ(events.size(), 3u);
  EXPECT_EQ(events[0].file_version, "brain.Event:2");
  EXPECT_EQ(events[0].session_status, std::nullopt);
  EXPECT_EQ(events[1].session_status, 1u);  // START of event.proto's SessionLog
  EXPECT_EQ(events[1].step, 4);
  EXPECT_THAT(events[1].scalars, testing::IsEmpty());
  EXPECT_EQ(events[2].session_status, std::nullopt);
  EXPECT_EQ(events[2].step, 4);
  EXPECT_THAT(events[2].scalars, testing::ElementsAre(testing::Pair("loss", 2.0f)));
}

}  // namespace
}  // namespace keel
