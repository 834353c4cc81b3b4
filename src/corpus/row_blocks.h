// The rows of a file, parsed a block at a time: while the threads parse one block, the caller finds the rows
// of the next and takes those of the one before.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "corpus/row_parser.h"
#include "corpus/unpack.h"

namespace keel {

class RowBlocks {
 public:
  using Sink = std::function<void(std::vector<ParsedRow>)>;

  // parser and file have to outlive the blocks. name: of the file, in each row's place. sink is called by the
  // thread that adds rows, in their order.
  RowBlocks(const RowParser& parser, const DataFile& file, std::string name, size_t threads, Sink sink);
  ~RowBlocks();
  RowBlocks(RowBlocks&&) = delete;

  // bytes: what the row counts for in the size of a block.
  void add(RawRow row, size_t bytes);
  void finish();  // the sink gets what it has not got yet

  size_t waiting() const;  // rows that the sink has not got yet

 private:
  struct Parsing;
  void parse_block();
  void deliver();

  const RowParser& parser_;
  const DataFile& file_;
  std::string name_;
  size_t threads_, bytes_ = 0;
  Sink sink_;
  std::vector<RawRow> rows_;          // of the block to come
  std::unique_ptr<Parsing> parsing_;  // the block under way
  std::vector<ParsedRow> parsed_;     // the block before
};

}  // namespace keel
