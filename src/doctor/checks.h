// The checks. A new one costs a file in checks/ and a line in the table of checks.cc.
#pragma once

#include <span>
#include <vector>

#include "doctor/diagnosis.h"
#include "doctor/subject.h"

namespace keel {

using Findings = std::vector<Finding>;

struct Check {
  const char* name;
  void (*run)(const Subject& subject, Findings& out);
  bool in_short;  // part of the short form at the start of training
};

std::span<const Check> checks();

void check_rejected(const Subject& subject, Findings& out);
void check_refused(const Subject& subject, Findings& out);
void check_ends(const Subject& subject, Findings& out);
void check_bos(const Subject& subject, Findings& out);
void check_duplicates(const Subject& subject, Findings& out);
void check_leaks(const Subject& subject, Findings& out);
void check_contradictions(const Subject& subject, Findings& out);
void check_replies(const Subject& subject, Findings& out);
void check_phrases(const Subject& subject, Findings& out);
void check_lengths(const Subject& subject, Findings& out);
void check_broken_tokens(const Subject& subject, Findings& out);
void check_scripts(const Subject& subject, Findings& out);
void check_personal_data(const Subject& subject, Findings& out);
void check_steps(const Subject& subject, Findings& out);

// The first three places of the rows.
std::vector<std::string> places_of(const RowSet& rows, std::span<const uint32_t> which);

// A finding about these rows: their number, their share of all rows, the first places.
Finding about_rows(const RowSet& rows, std::span<const uint32_t> which);

}  // namespace keel
