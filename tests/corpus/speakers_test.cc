#include <gmock/gmock.h>

#include "corpus/readers/reader.h"

namespace keel {
namespace {

using ::testing::ElementsAre;

// "user: …" or "assistant: …" of each message; or the one line "field | found | wanted".
std::vector<std::string> read_turns(const std::string& turns) {
  const Json row{{"turns", Json::parse(turns)}};
  EXPECT_TRUE(kSpeakersReader.knows(row)) << turns;
  Record record;
  if (const MaybeFault fault = kSpeakersReader.read(row, {}, record))
    return {fault->field + " | " + fault->found + " | " + fault->wanted};
  std::vector<std::string> out;
  for (const Json& message : record.messages)
    out.push_back(message["role"].get<std::string>() + ": " + message["content"].get<std::string>());
  return out;
}

TEST(Speakers, TheFirstAsksUnlessNamesSayOtherwise) {
  EXPECT_THAT(read_turns(R"([{"speaker":"A","text":"1"},{"speaker":"B","text":"2"}])"),
              ElementsAre("user: 1", "assistant: 2"));
  EXPECT_THAT(read_turns(R"([{"speaker":"Agent","text":"hello"},{"speaker":"X","text":"1"},
                             {"speaker":"Agent","text":"2"}])"),
              ElementsAre("user: 1", "assistant: 2"));
  EXPECT_THAT(read_turns(R"([{"speaker":"坐席","text":"您好"},{"speaker":"客户","text":"1"},
                             {"speaker":"坐席","text":"2"}])"),
              ElementsAre("user: 1", "assistant: 2"));
}

TEST(Speakers, TurnsInARowAreOneMessageAndWhatIsNotAnsweredIsLeftOut) {
  EXPECT_THAT(read_turns(R"([{"speaker":"A","text":"1"},{"speaker":"A","text":"2"},{"speaker":"B","text":"3"},
                             {"speaker":"B","text":"4"},{"speaker":"A","text":"5"}])"),
              ElementsAre("user: 1\n2", "assistant: 3\n4"));
}

TEST(Speakers, FaultsSayWhere) {
  EXPECT_THAT(read_turns(R"([{"speaker":"A","text":"1"},{"speaker":"B","text":" "}])"),
              ElementsAre("turns[1].text | an empty text | what the speaker says"));
  EXPECT_THAT(read_turns(R"([{"speaker":"A","text":"1"},{"speaker":"B"}])"),
              ElementsAre("turns[1].text | no such field | text"));
  EXPECT_THAT(read_turns(R"([{"speaker":"A","text":"1"},3])"),
              ElementsAre("turns[1] | the number 3 | an object with speaker and text"));
  EXPECT_THAT(
      read_turns(R"([{"speaker":"A","text":"1"},{"speaker":"B","text":"2"},{"speaker":"C","text":"3"}])"),
      ElementsAre("turns[2].speaker | a third speaker, \"C\" | \"A\" or \"B\""));
  EXPECT_THAT(read_turns(R"([{"speaker":"A","text":"1"}])"), ElementsAre("turns | one speaker | two"));
}

TEST(Speakers, ListsOfTextsAreOthers) {
  EXPECT_FALSE(kSpeakersReader.knows(Json{{"turns", {"first question", "second question"}}}));
}

}  // namespace
}  // namespace keel
