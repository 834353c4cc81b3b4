// What a person reads while the program works. Everything goes to stderr, so stdout stays for results. On a
// terminal a progress line is redrawn in place and any message clears it first; elsewhere progress comes as
// plain lines, seldom.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string>

namespace keel {

void log_line(const std::string& text);                  // plain information
void warn_line(const std::string& text);                 // prefixed "warning: "
void progress_line(const std::string& text, bool keep);  // keep: end the line, so that it stays

template <class... Args>
void info(fmt::format_string<Args...> format, Args&&... args) {
  log_line(fmt::format(format, std::forward<Args>(args)...));
}

template <class... Args>
void warn(fmt::format_string<Args...> format, Args&&... args) {
  warn_line(fmt::format(format, std::forward<Args>(args)...));
}

std::string format_duration(double seconds);  // "45 s", "3 min 05 s", "2 h 10 min"
std::string format_count(int64_t n);          // "1,234,567"
std::string format_bytes(double bytes);       // "512 MB", "3.8 GB" (powers of 1000)

}  // namespace keel
