// The folder of a run, held by one process at a time.
#pragma once

#include <filesystem>

namespace keel {

class OutputFolder {
 public:
  enum class Use {
    fresh,  // refuses a folder that holds something; what a failed start left (rejected.jsonl) is no obstacle
    overwrite,  // removes an earlier run of keel, nothing else
    resume,     // takes up an earlier run, without what it wrote by halves; a folder that is not there yet is
                // fine
  };

  // UserError: as above, or another process holds it (its number is named). A start that fails before
  // anything is written leaves no folder.
  OutputFolder(std::filesystem::path dir, Use use);
  ~OutputFolder();
  OutputFolder(const OutputFolder&) = delete;
  OutputFolder& operator=(const OutputFolder&) = delete;

 private:
  void lock();

  std::filesystem::path dir_;
  int lock_ = -1;
};

// All but the lock is removed.
void empty_output_folder(const std::filesystem::path& dir);

}  // namespace keel
