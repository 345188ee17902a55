// The words after the name of a command that has no overrides.
#pragma once

#include <cli/command_line.h>
#include <fmt/format.h>

#include <CLI/CLI.hpp>

namespace plexiform::cli {

// Fills the app's options. False: --help was asked for, and is printed. Throws Usage.
inline bool parse(CLI::App& app, const std::vector<std::string>& arguments) {
  try {
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));  // as CLI11 wants them
    return true;
  } catch (const CLI::CallForHelp&) {
    fmt::print("{}", app.help());
    return false;
  } catch (const CLI::ExtrasError&) {  // whose own words come last one first
    throw Usage(
        fmt::format("'{}' is not expected\n  fix: see {} --help", fmt::join(app.remaining(), " "), app.get_name()));
  } catch (const CLI::ParseError& e) {
    throw Usage(fmt::format("{}\n  fix: see {} --help", e.what(), app.get_name()));
  }
}

}  // namespace plexiform::cli
