// Where tokenised sets are kept: a folder each, made beside and renamed last.
#pragma once

#include <optional>

#include "data/encoded_rows.h"

namespace keel {

// The folder of a set; nothing when it is not to be kept (too small, dataset_prepared_path: none, no folder
// can be made there, of which is warned).
std::optional<fs::path> cache_folder(const std::vector<DatasetSpec>& specs, const DataContext& context,
                                     Stage stage);

// Nothing when it is not there, or damaged (warned of).
std::optional<EncodedRows> load_cached(const fs::path& folder);

// A cache folder that is being filled.
class CacheWriter {
 public:
  // Also removes what killed runs left there.
  explicit CacheWriter(fs::path folder);
  const fs::path& dir() const { return part_.dir(); }
  // rows.store lies in dir() and is finished. Another run may have been faster: then its folder stays.
  void commit(const EncodedRows& rows);

 private:
  fs::path folder_, own_;
  PartFolder part_;
};

}  // namespace keel
