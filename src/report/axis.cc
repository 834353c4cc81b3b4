#include "report/axis.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace keel {
namespace {

double nice_step(double range, int ticks) {
  const double raw = range / ticks, power = std::pow(10, std::floor(std::log10(raw)));
  for (const double factor : {1.0, 2.0, 5.0})
    if (factor * power >= raw * (1 - 1e-9)) return factor * power;
  return 10 * power;
}

std::string strip_zero_fraction(std::string text) {
  if (text.find('.') == std::string::npos) return text;
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text;
}

// "1.50e-05" → "1.5e-5"
std::string scientific(double value, int decimals) {
  const std::string text = fmt::format("{:.{}e}", value, decimals);
  const size_t e = text.find('e');
  return strip_zero_fraction(text.substr(0, e)) + "e" + std::to_string(std::stoi(text.substr(e + 1)));
}

// All labels of an axis in one unit, so that they can be compared at a glance.
std::string tick_label(double value, double step, double largest) {
  if (std::abs(value) < step * 1e-6) return "0";
  if (largest >= 1e9 || largest < 1e-3) return scientific(value, 2);
  if (largest >= 1e6) return strip_zero_fraction(fmt::format("{:.3f}", value / 1e6)) + "M";
  if (largest >= 1e4) return strip_zero_fraction(fmt::format("{:.3f}", value / 1e3)) + "k";
  return fmt::format("{:.{}f}", value, std::max(0, static_cast<int>(std::ceil(-std::log10(step) - 1e-9))));
}

Axis linear_axis(double low, double high, const AxisWish& wish) {
  if (wish.from_zero && low >= 0) low = 0;
  if (low == high) {
    const double room = low == 0 ? 1 : std::abs(low) * 0.1;
    low = wish.from_zero && low >= 0 ? 0 : low - (wish.to_ticks ? room : 0);
    high += room;
  }
  double step = nice_step(high - low, wish.ticks);
  if (wish.whole_numbers) step = std::max(step, 1.0);
  Axis axis{.low = low, .high = high};
  if (wish.to_ticks) {
    axis.low = std::floor(low / step + 1e-9) * step;
    axis.high = std::ceil(high / step - 1e-9) * step;
  }
  const double largest = std::max(std::abs(axis.low), std::abs(axis.high));
  const double room = step * 1e-6;
  for (double k = std::ceil(axis.low / step - 1e-6); k * step <= axis.high + room; ++k) {
    axis.ticks.push_back(k * step);
    axis.labels.push_back(tick_label(k * step, step, largest));
  }
  return axis;
}

Axis log_axis(double low, double high) {
  Axis axis{.low = low, .high = high, .log = true};
  const int first = static_cast<int>(std::floor(std::log10(low)));
  const int last = static_cast<int>(std::ceil(std::log10(high)));
  const int stride = 1 + (last - first) / 6;
  for (int decade = first; decade <= last; ++decade) {
    const double tick = std::pow(10, decade);
    if (tick < low || tick > high || (decade - first) % stride != 0) continue;
    axis.ticks.push_back(tick);
    axis.labels.push_back(format_value(tick));
  }
  return axis;
}

}  // namespace

double Axis::place(double value) const {
  if (log) return (std::log(value) - std::log(low)) / (std::log(high) - std::log(low));
  return (value - low) / (high - low);
}

Axis make_axis(double low, double high, const AxisWish& wish) {
  if (wish.log_if_wide && low > 0 && high / low > 100) return log_axis(low, high);
  return linear_axis(low, high, wish);
}

std::string format_value(double value) {
  const double size = std::abs(value);
  if (size != 0 && (size < 1e-3 || size >= 1e9)) return scientific(value, 3);
  if (value == std::round(value)) return fmt::format("{:.0f}", value);
  const int decimals = std::clamp(3 - static_cast<int>(std::floor(std::log10(size))), 0, 6);
  return strip_zero_fraction(fmt::format("{:.{}f}", value, decimals));
}

}  // namespace keel
