// The whole of report.html.
#pragma once

#include <string>
#include <string_view>

#include "report/run_folder.h"

namespace keel {

std::string render_page(const RunFolder& folder);

// From the doctype to the end of <head>, for every page that is written.
std::string page_head(const std::string& title, std::string_view style);

std::string_view page_style();  // the page's CSS: light and dark, screen, phone and paper

}  // namespace keel
