// Where tests find the checkout's files and the optional real data (KEEL_SHARED, or `shared` beside the
// checkout).
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

namespace keel::test {

inline std::filesystem::path source_dir() { return KEEL_SOURCE_DIR; }
inline std::filesystem::path golden_dir() { return source_dir() / "tests/golden/data"; }

inline std::filesystem::path shared_dir() {
  if (const char* given = std::getenv("KEEL_SHARED")) return given;
  return source_dir().parent_path() / "shared";
}

// A fresh folder that is removed with the object.
class TempDir {
 public:
  TempDir() {
    std::string name = (std::filesystem::temp_directory_path() / "keel-test-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~TempDir() {
    std::error_code ec;
    std::filesystem::remove_all(path_, ec);
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

}  // namespace keel::test

// Skips the test, saying why, when a piece of the optional data is not there.
#define KEEL_NEED_SHARED(path)                                                            \
  do {                                                                                    \
    if (!std::filesystem::exists(keel::test::shared_dir() / (path)))                      \
      GTEST_SKIP() << "needs " << (path) << " of the optional shared data (KEEL_SHARED)"; \
  } while (false)
