#include "corpus/row_parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/error.h"
#include "base/names.h"
#include "corpus/table.h"

namespace keel {
namespace {

const RowReader* reader_named(const std::string& schema) {
  if (schema.empty()) return nullptr;
  for (const RowReader& reader : row_readers()) {
    if (schema == reader.name) return &reader;
  }
  throw UserError(
      {.where = "schema", .found = fmt::format("\"{}\"", schema), .wanted = join(corpus_schemas())});
}

// By the fields that hold something; by all fields when these do not tell.
const RowReader* reader_for(const Json& row) {
  const auto readers = row_readers();
  const auto find = [&](const Json& fields) -> const RowReader* {
    const auto found = std::ranges::find_if(readers, [&](const RowReader& r) { return r.knows(fields); });
    return found == readers.end() ? nullptr : &*found;
  };
  if (std::ranges::none_of(row, [](const Json& value) { return value.is_null(); })) return find(row);
  Json filled = Json::object();
  for (const auto& [key, value] : row.items())
    if (!value.is_null()) filled[key] = value;
  const RowReader* reader = find(filled);
  return reader != nullptr ? reader : find(row);
}

Json rename_fields(const Json& row, const CorpusOptions& options) {
  Json renamed = Json::object();
  for (const auto& [from, to] : options.columns) {
    if (row.contains(from)) renamed[to] = row[from];
  }
  const auto is_mapped = [&](const std::string& name) {
    return std::ranges::any_of(options.columns,
                               [&](const auto& pair) { return pair.first == name || pair.second == name; });
  };
  for (const auto& [name, value] : row.items())
    if ((options.other_columns || name == "weight") && !is_mapped(name)) renamed[name] = value;
  return renamed;
}

MaybeFault take_row_weight(const Json& row, double& weight) {
  const auto found = row.find("weight");
  if (found == row.end() || found->is_null()) return {};
  if (!found->is_number() || !(found->get<double>() >= 0))
    return Fault{"weight", describe_value(*found), "a number from 0"};
  weight = found->get<double>();
  return {};
}

// In a table every cell is a text.
std::optional<double> number_in(const Json& value) {
  if (value.is_number()) return value.get<double>();
  if (!value.is_string()) return {};
  const auto& text = value.get_ref<const std::string&>();
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  return whole ? std::optional(number) : std::nullopt;
}

MaybeFault take_order(const Json& row, const std::string& field, double& order) {
  if (field.empty()) return {};
  const auto found = row.find(field);
  if (found == row.end()) return Fault{field, "no such field", "a number (order_by)"};
  const std::optional<double> number = number_in(*found);
  if (!number || !std::isfinite(*number)) return Fault{field, describe_value(*found), "a number (order_by)"};
  order = *number;
  return {};
}

MaybeFault unknown_row(const Json& row) {
  std::vector<std::string> known;
  for (const RowReader& reader : row_readers()) {
    if (&reader != row_readers().data()) known.push_back(fmt::format("{} ({})", reader.name, reader.fields));
  }
  return Fault{"", describe_value(row),
               "the fields of a known schema, or columns that say which is which: " + join(known, "; ")};
}

}  // namespace

RowParser::RowParser(const CorpusOptions& options)
    : options_(options), forced_(reader_named(options.schema)) {}

ParsedRow RowParser::parse(RawRow row, const std::string& file) const {
  ParsedRow out{.record = {.place = file + ":" + std::to_string(row.line)}};
  if (MaybeFault fault = read(row, out))
    out.rejected = Rejection{std::move(out.record.place), std::move(fault->field), std::move(fault->found),
                             std::move(fault->wanted)};
  return out;
}

MaybeFault RowParser::read(RawRow& raw, ParsedRow& out) const {
  if (raw.fault) return raw.fault;
  if (raw.plain) {
    if (auto fault = check_text(raw.text)) return fault;
    out.schema = kTextReader.name;
    out.record.text = std::string(raw.text);
    return {};
  }
  Json row;
  if (raw.cells)
    row = std::move(*raw.cells);
  else if (auto fault = parse_row(raw.own ? *raw.own : raw.text, row))
    return fault;
  if (auto fault = take_order(row, options_.order_by, out.record.order)) return fault;
  if (!options_.columns.empty()) row = rename_fields(row, options_);
  if (raw.cells) read_cells(row);
  if (auto fault = take_row_weight(row, out.record.weight)) return fault;
  const RowReader* reader = forced_ != nullptr ? forced_ : reader_for(row);
  if (reader == nullptr) return unknown_row(row);
  out.schema = reader->name;
  return reader->read(row, options_.tags, out.record);
}

}  // namespace keel
