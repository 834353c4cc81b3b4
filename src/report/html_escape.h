// Text from data on its way into a page.
#pragma once

#include <string>
#include <string_view>

namespace keel {

// Safe as element content and inside a quoted attribute: & < > " ' become entities, control characters other
// than tab and newline and bytes that are not UTF-8 become U+FFFD.
std::string escape_html(std::string_view text);

// At most max_characters of the text (cut between characters), with a note of how much was left out.
std::string shorten(std::string_view text, size_t max_characters);

}  // namespace keel
