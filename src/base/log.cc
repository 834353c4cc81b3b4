#include "base/log.h"

#include <unistd.h>

#include <cstdio>
#include <mutex>

#include "base/utf8.h"

namespace keel {
namespace {

struct Console {
  std::mutex mutex;
  bool terminal = ::isatty(STDERR_FILENO) != 0;
  bool line_open = false;
};

Console& console() {
  static Console c;  // the one terminal of the process
  return c;
}

void put(const std::string& text) {
  Console& c = console();
  const std::lock_guard lock(c.mutex);
  if (c.line_open) std::fputs("\r\033[K", stderr);
  c.line_open = false;
  std::fprintf(stderr, "%s\n", for_terminal(text).c_str());
}

}  // namespace

void log_line(const std::string& text) { put(text); }
void warn_line(const std::string& text) { put("warning: " + text); }

void progress_line(const std::string& text, bool keep) {
  Console& c = console();
  if (!c.terminal || keep) {
    if (keep) put(text);
    return;
  }
  const std::lock_guard lock(c.mutex);
  std::fprintf(stderr, "\r\033[K%s", for_terminal(text).c_str());
  std::fflush(stderr);
  c.line_open = true;
}

std::string format_duration(double seconds) {
  const auto s = static_cast<long>(seconds + 0.5);
  if (s < 60) return fmt::format("{} s", s);
  if (s < 3600) return fmt::format("{} min {:02} s", s / 60, s % 60);
  return fmt::format("{} h {:02} min", s / 3600, s % 3600 / 60);
}

std::string format_count(int64_t n) {
  const std::string digits = std::to_string(n);
  std::string text;
  for (size_t i = 0; i < digits.size(); ++i) {
    const bool behind_a_digit = i > 0 && digits[i - 1] != '-';
    if (behind_a_digit && (digits.size() - i) % 3 == 0) text += ',';
    text += digits[i];
  }
  return text;
}

std::string format_bytes(double bytes) {
  if (bytes < 1e6) return fmt::format("{:.0f} kB", bytes / 1e3);
  if (bytes < 1e9) return fmt::format("{:.0f} MB", bytes / 1e6);
  return fmt::format("{:.1f} GB", bytes / 1e9);
}

}  // namespace keel
