// The words after the name of a command that has no overrides.
#pragma once

#include <cli/command_line.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>

namespace plexiform::cli {

// What is wrong. CLI11 itself tells words that are not expected last one first.
inline std::string problem(const CLI::App& app, const CLI::ParseError& e) {
  if (!dynamic_cast<const CLI::ExtrasError*>(&e)) return e.what();
  return fmt::format("'{}' is not expected", fmt::join(app.remaining(/*recurse=*/true), " "));
}

// Fills the app's options. False: --help was asked for, and is printed. Throws Usage.
inline bool parse(CLI::App& app, const std::vector<std::string>& arguments) {
  try {
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));  // as CLI11 wants them
    return true;
  } catch (const CLI::CallForHelp&) {
    fmt::print("{}", app.help());
    return false;
  } catch (const CLI::ParseError& e) {
    throw Usage(fmt::format("{}\n  fix: see {} --help", problem(app, e), app.get_name()));
  }
}

}  // namespace plexiform::cli
