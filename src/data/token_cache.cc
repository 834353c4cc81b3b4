#include "data/token_cache.h"

#include <signal.h>
#include <unistd.h>

#include <ctime>

#include "base/error.h"
#include "base/hash.h"
#include "base/log.h"
#include "corpus/corpus.h"

namespace keel {
namespace {

constexpr int kFormat = 2;  // of the folder; another one is another key
constexpr const char* kMeta = "meta.json";

fs::path default_root() {
  const char *cache = std::getenv("XDG_CACHE_HOME"), *home = std::getenv("HOME");
  if (cache != nullptr && *cache != '\0') return fs::path(cache) / "keel/tokens";
  return fs::path(home != nullptr && *home != '\0' ? home : ".") / ".cache/keel/tokens";
}

std::string today() {
  const std::time_t now = std::time(nullptr);
  std::tm day{};
  ::localtime_r(&now, &day);
  return fmt::format("{}-{}-{}", day.tm_year, day.tm_mon, day.tm_mday);
}

Json pairs(const std::vector<std::pair<std::string, std::string>>& list) {
  Json out = Json::array();
  for (const auto& [a, b] : list) out.push_back({a, b});
  return out;
}

Json key_of(const DatasetSpec& spec, const DataOptions& o) {
  Json files = Json::array();
  for (const fs::path& file : dataset_files(spec, o.dataset_dir))
    files.push_back({file.string(), hash_file(file)});
  const ChatTags& t = spec.tags;
  return {{"files", files},
          {"name", spec.label()},
          {"path", spec.path},
          {"format", spec.format},
          {"max_samples", spec.max_samples},
          {"columns", pairs(spec.columns)},
          {"order_by", spec.order_by},
          {"tags", {t.role, t.content, t.user, t.assistant, t.observation, t.function, t.system}}};
}

Json key_of(const std::vector<DatasetSpec>& specs, const DataContext& context, Stage stage) {
  const DataOptions& o = context.options;
  const std::string& chat_template = context.chat_template.source();
  Json sources = Json::array();
  for (const DatasetSpec& spec : specs) sources.push_back(key_of(spec, o));
  return {{"format", kFormat},
          {"sources", sources},
          {"dataset_info", fs::exists(fs::path(o.dataset_dir) / "dataset_info.json")
                               ? hash_file(fs::path(o.dataset_dir) / "dataset_info.json")
                               : ""},
          {"tokenizer", to_hex(hash64(context.tokenizer.to_json()))},
          {"template", to_hex(hash64(chat_template))},
          {"special", context.chat_template.special().by_name},
          {"day", chat_template.find("strftime_now") == std::string::npos ? "" : today()},
          {"stage", static_cast<int>(stage)},
          {"columns", o.columns},
          {"max_samples", o.max_samples},
          {"default_system", o.default_system},
          {"cutoff_len", o.cutoff_len},
          {"pack_length", o.pack_length},
          {"overlength", o.overlength},
          {"train_on", o.train_on},
          {"max_turn_tokens", o.max_turn_tokens},
          {"limits", {o.max_rejected, o.strict}}};
}

uint64_t bytes_of(const std::vector<DatasetSpec>& specs, const DataOptions& o) {
  uint64_t bytes = 0;
  for (const DatasetSpec& spec : specs) {
    for (const fs::path& file : dataset_files(spec, o.dataset_dir)) bytes += fs::file_size(file);
  }
  return bytes;
}

Json to_json(const Source& source) {
  Json rejections = Json::array(), files = Json::array();
  for (const Rejection& r : source.rejections) rejections.push_back(to_json(r));
  for (const fs::path& file : source.files) files.push_back(file.string());
  return {{"name", source.name}, {"schema", source.schema}, {"rejections", rejections}, {"files", files}};
}

Source source_from(const Json& json) {
  Source source{.name = json.at("name"), .schema = json.at("schema")};
  for (const Json& r : json.at("rejections")) source.rejections.push_back(rejection_from(r));
  for (const Json& file : json.at("files")) source.files.emplace_back(file.get<std::string>());
  return source;
}

// Folders that a killed process was filling: NAME.PID.part, and NAME.PID between the two renames.
void remove_leftovers(const fs::path& folder) {
  std::error_code ec;
  for (const auto& entry : fs::directory_iterator(folder.parent_path(), ec)) {
    fs::path name = entry.path().filename();
    if (name.extension() == ".part") name = name.stem();
    const std::string pid = name.extension().string();
    if (name.stem() != folder.filename() || pid.size() < 2) continue;
    const bool runs = ::kill(static_cast<pid_t>(std::atol(pid.c_str() + 1)), 0) == 0 || errno != ESRCH;
    if (!runs) fs::remove_all(entry.path(), ec);
  }
}

}  // namespace

std::optional<fs::path> cache_folder(const std::vector<DatasetSpec>& specs, const DataContext& context,
                                     Stage stage) {
  const DataOptions& o = context.options;
  const std::string& named = o.dataset_prepared_path;
  if (named == "none" || (named.empty() && bytes_of(specs, o) < kSmallestCached)) return {};
  const fs::path root = named.empty() ? default_root() : fs::path(named);
  try {
    make_folders(root);
  } catch (const UserError& e) {
    warn("the tokens are kept in memory: {}", e.what());
    return {};
  }
  return root / to_hex(hash64(key_of(specs, context, stage).dump()));
}

std::optional<EncodedRows> load_cached(const fs::path& folder) {
  if (!fs::exists(folder / kMeta)) return {};
  try {
    const Json meta = read_json(folder / kMeta);
    EncodedRows rows{.hash = meta.at("hash"), .cache = folder, .from_cache = true};
    rows.store = std::make_shared<ExampleStore>(ExampleStore::open(folder, meta.at("sizes")));
    for (const Json& source : meta.at("sources")) rows.sources.push_back(source_from(source));
    for (const Json& refused : meta.at("refused"))
      rows.refused.push_back({rejection_from(refused.at("reason")), refused.at("bad")});
    return rows;
  } catch (const std::exception& e) {
    warn("the tokens in {} cannot be used and are made anew ({})", folder.string(), e.what());
    std::error_code ec;
    fs::remove_all(folder, ec);
    return {};
  }
}

CacheWriter::CacheWriter(fs::path folder)
    : folder_(std::move(folder)),
      own_(fmt::format("{}.{}", folder_.string(), ::getpid())),
      part_((remove_leftovers(folder_), own_)) {}

void CacheWriter::commit(const EncodedRows& rows) {
  Json sources = Json::array(), refused = Json::array();
  for (const Source& source : rows.sources) sources.push_back(to_json(source));
  for (const RefusedRow& row : rows.refused)
    refused.push_back({{"reason", to_json(row.reason)}, {"bad", row.bad}});
  write_file(
      part_.dir() / kMeta,
      to_line(
          {{"hash", rows.hash}, {"sizes", rows.store->sizes()}, {"sources", sources}, {"refused", refused}}));
  part_.commit();
  std::error_code ec;
  fs::rename(own_, folder_, ec);
  if (ec) fs::remove_all(own_, ec);
}

}  // namespace keel
