// Text that came from outside (models, configs, folder names) need not be UTF-8; what Keel writes must be.
#pragma once

#include <string>
#include <string_view>

namespace keel {

// Every ill-formed piece becomes U+FFFD, one for each maximal part that could have begun a character (the
// practice recommended in chapter 3 of the Unicode standard). Well-formed text comes back unchanged.
std::string repair_utf8(std::string_view text);

}  // namespace keel
