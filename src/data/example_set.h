// What is trained or measured: examples chosen from a store, made anew each time that one is asked for.
#pragma once

#include <cstdint>
#include <iterator>
#include <memory>
#include <vector>

#include "data/example_store.h"

namespace keel {

class ExampleSet {
 public:
  ExampleSet() = default;
  // The examples of these rows, in their order.
  ExampleSet(std::shared_ptr<const ExampleStore> store, std::span<const uint32_t> rows);
  // Of examples that lie in memory anyway (each a row of its own).
  static ExampleSet of(const std::vector<Example>& examples);

  // Best-fit packing: rows of at most `capacity` tokens, each example a segment of its own. Only examples of
  // one source share a row.
  ExampleSet packed(int64_t capacity) const;

  size_t size() const { return begins_.empty() ? 0 : begins_.size() - 1; }
  bool empty() const { return size() == 0; }
  int64_t length(size_t i) const;                                               // in tokens
  double order(size_t i) const { return store_->order(members_[begins_[i]]); }  // its row's number
  int32_t source(size_t i) const { return store_->source(members_[begins_[i]]); }
  Example operator[](size_t i) const;
  std::vector<int64_t> lengths() const;
  std::vector<int32_t> sources() const;
  std::vector<Example> all() const;
  // At most so many examples, evenly spread: fewer until they hold at most `tokens`, one whatever its length.
  std::vector<Example> spread(int64_t count, int64_t tokens) const;

  // Whether a conversation has more than one trained turn.
  bool has_conversations() const;

  class Iterator {
   public:
    using value_type = Example;
    using difference_type = std::ptrdiff_t;
    Iterator() = default;
    Iterator(const ExampleSet& set, size_t i) : set_(&set), i_(i) {}
    Example operator*() const { return (*set_)[i_]; }
    Iterator& operator++() {
      ++i_;
      return *this;
    }
    Iterator operator++(int) {
      Iterator old = *this;
      ++i_;
      return old;
    }
    bool operator==(const Iterator& other) const { return i_ == other.i_; }

   private:
    const ExampleSet* set_ = nullptr;
    size_t i_ = 0;
  };
  Iterator begin() const { return {*this, 0}; }
  Iterator end() const { return {*this, size()}; }

 private:
  std::span<const uint32_t> members(size_t i) const {
    return std::span(members_).subspan(begins_[i], begins_[i + 1] - begins_[i]);
  }

  std::shared_ptr<const ExampleStore> store_;
  std::vector<uint32_t> members_;  // examples of the store
  std::vector<size_t> begins_;     // where each of ours begins among them, and the end
  bool packed_ = false;
};

}  // namespace keel
