#include "config/yaml_documents.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <sstream>

namespace keel {
namespace {

class DocumentCounter final : public YAML::EventHandler {
 public:
  int64_t count() const { return last_with_content_; }

  // The parser begins a document wherever the last one ended, also before a token that it never takes.
  void OnDocumentStart(const YAML::Mark& mark) override {
    if (documents_ > 0 && mark.pos <= begin_)
      throw YAML::ParserException(mark, "this character cannot stand here");
    begin_ = mark.pos;
    ++documents_;
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override { found(); }
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t, const std::string&) override {
    found();
  }
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {
    found();
  }
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {
    found();
  }
  void OnMapEnd() override {}

 private:
  void found() { last_with_content_ = documents_; }

  int64_t documents_ = 0, last_with_content_ = 0;
  int begin_ = 0;
};

}  // namespace

int64_t count_documents(const std::string& text) {
  std::istringstream stream(text);
  YAML::Parser parser(stream);
  DocumentCounter counter;
  while (parser.HandleNextDocument(counter)) {
  }
  return counter.count();
}

}  // namespace keel
