// Files of probes: Keel's own lines, and public benchmark files as they are published.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/error.h"
#include "eval/probes.h"

namespace keel {

struct ProbeFileOptions {
  std::string type;       // of rows that name none; nll without a format: any corpus (texts, chats)
  std::string format;     // a name of probe_formats(); empty: Keel's own
  std::string dimension;  // of rows that name none; empty: the format's, else "domain"
  int64_t max_items = 0;  // the rows with the least hash of their id; 0: all
  std::filesystem::path context = {};  // texts that robust questions stand behind; empty: none
};

// path: a file, folder or glob. What cannot be read or used is added to problems (after twenty of a file the
// rest is counted as one); ids that stand twice are, too.
std::vector<Probe> read_probe_files(const std::filesystem::path& path, const ProbeFileOptions& options,
                                    std::vector<ErrorText>& problems);

// One kind of public file. convert: a row of it as a row of Keel's own (id, prompt, choices, …); RowFault
// when it cannot be.
struct ProbeFormat {
  const char* name;
  const char* type;
  const char* dimension;
  bool table;  // CSV with the letters of the choices as columns
  Json (*convert)(const Json& row);
};

struct RowFault {
  std::string found, wanted, hint;
};

const std::vector<ProbeFormat>& probe_formats();

// The rows' keys as the columns question, A, B, …, answer: a header line as the file has it, or one of ours
// in front when its first line is a question already (the original MMLU files).
bool has_table_header(std::string_view bytes);
constexpr std::string_view kTableHeader = "question,A,B,C,D,answer\n";

}  // namespace keel
