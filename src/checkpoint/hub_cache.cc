#include "checkpoint/hub_cache.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <optional>

#include "base/error.h"
#include "base/fs.h"
#include "base/names.h"
#include "checkpoint/hf_folder.h"

namespace keel {
namespace {

std::string env(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

std::vector<fs::path> hugging_face_caches() {
  std::vector<fs::path> out;
  for (const char* name : {"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"})
    if (!env(name).empty()) out.emplace_back(env(name));
  if (!env("HF_HOME").empty()) out.push_back(fs::path(env("HF_HOME")) / "hub");
  if (!env("XDG_CACHE_HOME").empty()) out.push_back(fs::path(env("XDG_CACHE_HOME")) / "huggingface/hub");
  if (!env("HOME").empty()) out.push_back(fs::path(env("HOME")) / ".cache/huggingface/hub");
  return out;
}

std::vector<fs::path> modelscope_caches() {
  std::vector<fs::path> out;
  for (const char* sub : {"", "models", "hub", "hub/models"})
    if (!env("MODELSCOPE_CACHE").empty()) out.push_back(fs::path(env("MODELSCOPE_CACHE")) / sub);
  for (const char* sub : {"hub/models", "hub"})
    if (!env("HOME").empty()) out.push_back(fs::path(env("HOME")) / ".cache/modelscope" / sub);
  return out;
}

std::optional<fs::path> find_snapshot(const fs::path& cache, const std::string& id,
                                      const std::string& marker) {
  std::string name = "models--" + id;
  if (const size_t slash = name.find('/'); slash != std::string::npos) name.replace(slash, 1, "--");
  const fs::path repo = cache / name;
  if (const fs::path ref = repo / "refs/main"; fs::exists(ref)) {
    const std::vector<std::string> lines = split(read_text(ref), '\n');
    if (!lines.empty() && lines[0].find('/') == std::string::npos &&
        fs::exists(repo / "snapshots" / lines[0] / marker))
      return repo / "snapshots" / lines[0];
  }
  // Fetched by revision, so without refs/main: take a snapshot only when there is no choice.
  std::error_code ec;
  std::vector<fs::path> found;
  for (fs::directory_iterator it(repo / "snapshots", ec), end; !ec && it != end; it.increment(ec))
    if (fs::exists(it->path() / marker)) found.push_back(it->path());
  return found.size() == 1 ? std::optional(found[0]) : std::nullopt;
}

std::optional<fs::path> find_modelscope(const fs::path& cache, const std::string& id,
                                        const std::string& marker) {
  std::string escaped;
  for (const char c : id) escaped += c == '.' ? std::string("___") : std::string(1, c);
  for (const std::string& name : {id, escaped})
    if (fs::exists(cache / name / marker)) return cache / name;
  return std::nullopt;
}

// "org/name" or a bare "name", of letters, digits and - _ . and without ".." (as the hub itself demands).
bool is_hub_id(const std::string& text) {
  if (text.empty() || text.find("..") != std::string::npos || text[0] == '.' || text[0] == '/') return false;
  if (text.back() == '/' || std::count(text.begin(), text.end(), '/') > 1) return false;
  return text.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_./") ==
         std::string::npos;
}

[[noreturn]] void fail_not_cached(const std::string& id, const std::string& option) {
  throw UserError(
      {.where = option,
       .found = fmt::format("\"{}\" is no folder and not in the local Hugging Face or ModelScope cache", id),
       .wanted = "a folder, or a hub id that has been downloaded",
       .hint = fmt::format("hf download {0}   (or: modelscope download --model {0})", id)});
}

}  // namespace

std::filesystem::path resolve_folder(const std::string& name_or_path, const std::string& option,
                                     const std::string& marker) {
  if (fs::is_directory(name_or_path)) return name_or_path;
  if (fs::is_regular_file(name_or_path)) {
    const bool gguf = name_or_path.ends_with(".gguf");
    throw UserError(
        {.where = option,
         .found = fmt::format("\"{}\" is a file", name_or_path),
         .wanted = "a folder with " + marker,
         .hint = gguf ? fmt::format("keel import {} NEW_FOLDER", name_or_path) : "name its folder"});
  }
  if (!is_hub_id(name_or_path))
    throw UserError({.where = option,
                     .found = fmt::format("\"{}\" does not exist", name_or_path),
                     .wanted = "a folder or a hub id such as org/name",
                     .hint = "check the path for a typo"});
  for (const fs::path& cache : hugging_face_caches())
    if (const auto dir = find_snapshot(cache, name_or_path, marker)) return *dir;
  for (const fs::path& cache : modelscope_caches())
    if (const auto dir = find_modelscope(cache, name_or_path, marker)) return *dir;
  fail_not_cached(name_or_path, option);
}

std::filesystem::path resolve_model(const std::string& name_or_path) {
  return resolve_folder(name_or_path, "model_name_or_path", "config.json");
}

}  // namespace keel
