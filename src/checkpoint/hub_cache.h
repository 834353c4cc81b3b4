// Hub ids ("org/name") in the local caches. Layouts: huggingface_hub keeps models--ORG--NAME/{refs/main,
// snapshots/REVISION/}, ModelScope keeps plain ORG/NAME folders with every '.' of the name as "___".
#pragma once

#include <filesystem>
#include <string>

namespace keel {

// A folder as it is, or the cached folder of a hub id that holds the file `marker`. option: for the message.
std::filesystem::path resolve_folder(const std::string& name_or_path, const std::string& option,
                                     const std::string& marker);

}  // namespace keel
