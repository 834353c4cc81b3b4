#include "eval/probe_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <set>

#include "base/fs.h"
#include "base/hash.h"
#include "base/names.h"
#include "corpus/corpus.h"
#include "corpus/files.h"
#include "corpus/rows.h"
#include "corpus/table.h"
#include "corpus/unpack.h"
#include "eval/probe_variants.h"

namespace keel {
namespace {

constexpr size_t kMostProblems = 20;  // told of one file

const ProbeFormat* find_format(const std::string& name) {
  const auto found =
      std::ranges::find_if(probe_formats(), [&](const ProbeFormat& f) { return name == f.name; });
  return found == probe_formats().end() ? nullptr : &*found;
}

// Reads the files of one path.
class Reading {
 public:
  Reading(const ProbeFileOptions& options, std::vector<ErrorText>& problems)
      : options_(options), format_(find_format(options.format)), problems_(problems) {
    if (options.context.empty()) return;
    for (Record& record : read_corpus(options.context, {.max_rejected = 0}).records)
      if (!record.text.empty()) context_.push_back(std::move(record.text));
    if (context_.empty())
      throw UserError({options.context.string(), "no text", "rows {\"text\": …} to stand before questions"});
  }

  void read(const fs::path& file) {
    const DataFile data(file);
    const std::string_view bytes = without_bom(data.bytes());
    file_ = file;
    told_ = untold_ = 0;
    if (format_ && format_->table) {
      read_table(bytes);
    } else {
      const auto row = [&](std::string_view text, int64_t line) {
        Json value;
        auto fault = parse_row(text, value);
        take(std::move(fault), std::move(value), line);
        return true;
      };
      const bool array = file_kind(bytes, ".jsonl") == FileKind::json_array;
      array ? split_array(bytes, row) : split_lines(bytes, row);
    }
    if (untold_ > 0)
      problems_.push_back({.where = file_.string(), .found = fmt::format("{} more bad rows", untold_)});
  }

  // Rows of any corpus: texts and conversations whose NLL is measured. An id is the hash of the content.
  void read_corpus_rows(const fs::path& path) {
    for (const Record& record : read_corpus(path, {.max_rejected = 0}).records) {
      Json row = record.text.empty() ? Json{{"messages", record.messages}} : Json{{"text", record.text}};
      if (!record.tools.is_null()) row["tools"] = record.tools;
      row["id"] = to_hex(hash64(to_line(row)));
      add(row, record.place, "");
    }
  }

  std::vector<Probe> take_probes() { return std::move(probes_); }

 private:
  void read_table(std::string_view bytes) {
    const bool header = has_table_header(bytes);
    const std::string with_header = header ? "" : std::string(kTableHeader) + std::string(bytes);
    const int64_t before = header ? 0 : 1;
    split_table(header ? bytes : std::string_view(with_header), ',', file_,
                [&](std::optional<Fault> fault, Json row, int64_t line) {
                  take(std::move(fault), std::move(row), line - before);
                  return true;
                });
  }

  void take(std::optional<Fault> fault, Json row, int64_t line) {
    const std::string where = fmt::format("{}:{}", file_.string(), line);
    if (fault)
      return tell(
          {where, fault->field.empty() ? fault->found : fault->field + ": " + fault->found, fault->wanted});
    const std::string id = fmt::format("{}-{}", file_.stem().string(), line);
    if (!format_) return add(row, where, id);
    try {
      Json own = format_->convert(row);
      if (own.contains("id"))
        own["id"] = fmt::format("{}-{}", file_.stem().string(), own["id"].get<std::string>());
      add(own, where, id);
    } catch (const RowFault& f) {
      tell({where, f.found, f.wanted, f.hint});
    }
  }

  void add(const Json& row, const std::string& where, const std::string& id) {
    const std::string by_format = format_ ? format_->dimension : "domain";
    std::vector<ErrorText> wrong;
    auto probes = parse_probes(row,
                               {.id = id,
                                .dimension = options_.dimension.empty() ? by_format : options_.dimension,
                                .lang = "en",
                                .type = type_of_rows(),
                                .where = where},
                               context_, wrong);
    for (ErrorText& problem : wrong) tell(std::move(problem));
    if (probes.empty()) return;
    const auto [first, fresh] = places_.emplace(probes.front().row_id(), where);
    if (!fresh)
      return tell({where, fmt::format("id \"{}\" for the second time", first->first), "an id of its own",
                   "the first one stands at " + first->second});
    std::ranges::move(probes, std::back_inserter(probes_));
  }

  // Of rows that name none.
  std::string type_of_rows() const {
    if (format_) return format_->type;
    return options_.type.empty() ? "contains" : options_.type;
  }

  void tell(ErrorText problem) {
    if (told_ == kMostProblems) {
      ++untold_;
      return;
    }
    ++told_;
    problems_.push_back(std::move(problem));
  }

  const ProbeFileOptions& options_;
  const ProbeFormat* format_;
  std::vector<ErrorText>& problems_;
  fs::path file_;
  size_t told_ = 0, untold_ = 0;
  std::vector<std::string> context_;
  std::map<std::string, std::string> places_;  // of ids
  std::vector<Probe> probes_;
};

// Which ones are kept does not depend on their order in the file.
void keep_some(std::vector<Probe>& probes, int64_t most) {
  std::set<uint64_t> hashes;
  for (const Probe& p : probes) hashes.insert(hash64(p.row_id()));
  if (most <= 0 || hashes.size() <= static_cast<size_t>(most)) return;
  const uint64_t last = *std::next(hashes.begin(), most - 1);
  std::erase_if(probes, [&](const Probe& p) { return hash64(p.row_id()) > last; });
}

}  // namespace

std::vector<Probe> read_probe_files(const fs::path& path, const ProbeFileOptions& options,
                                    std::vector<ErrorText>& problems) {
  const size_t before = problems.size();
  std::vector<Probe> probes;
  try {
    Reading reading(options, problems);
    if (options.type == "nll" && options.format.empty()) {
      reading.read_corpus_rows(path);
    } else {
      for (const fs::path& file : corpus_files(path)) reading.read(file);
    }
    probes = reading.take_probes();
  } catch (const UserError& e) {
    problems.push_back(e.text());
  }
  if (probes.empty() && problems.size() == before)
    problems.push_back({.where = path.string(), .found = "no probe in the file"});
  keep_some(probes, options.max_items);
  return probes;
}

}  // namespace keel
