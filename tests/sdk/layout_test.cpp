// A plugin that was compiled against a released SDK has that release's layout built into it: what the present headers say
// may be more, at the end, and then of a later minor version, but nothing else, until the version that stands for it is raised
// (plexiform/abi.h).
// A release adds its headers as released/<version>/plexiform; they are never edited afterwards.
#include <catch2/catch_test_macros.hpp>
#include <cstdio>
#include <filesystem>
#include <map>
#include <sstream>
#include <string>
#include <vector>

namespace {

struct Line {
  std::string rules, value;
};
using Layout = std::map<std::string, std::vector<Line>>;  // by name

Layout layout(const std::string& version) {
  const std::string program = std::string(PLEXIFORM_LAYOUT_FOLDER) + "/layout" + version;
  std::FILE* output = popen(program.c_str(), "r");
  REQUIRE(output);
  std::string text;
  for (int c; (c = std::fgetc(output)) != EOF;) text += static_cast<char>(c);
  REQUIRE(pclose(output) == 0);
  Layout all;
  std::istringstream lines(text);
  for (std::string rules, name, value;
       std::getline(lines, rules, '\t') && std::getline(lines, name, '\t') && std::getline(lines, value);) {
    all[name].push_back({rules, value});
  }
  return all;
}

bool is_kept(const std::string& before, const std::string& now) {
  const std::string grows = "at least ";
  if (!before.starts_with(grows) || !now.starts_with(grows)) return before == now;
  return std::stoul(now.substr(grows.size())) >= std::stoul(before.substr(grows.size()));
}

}  // namespace

TEST_CASE("the headers only add to what each release had, at the end") {
  const Layout present = layout("");
  int releases = 0;
  for (const auto& folder : std::filesystem::directory_iterator(PLEXIFORM_TEST_FOLDER "/released")) {
    if (!folder.is_directory()) continue;
    ++releases;
    const Layout released = layout(std::string("_").append(folder.path().filename().string()));
    CHECK(released.size() > 90);
    bool grew = present.size() > released.size();
    const auto version_is_kept = [&](const std::string& rules) {
      return present.contains(rules) && released.at(rules).at(0).value == present.at(rules).at(0).value;
    };
    for (const auto& [name, lines] : released) {
      for (size_t i = 0; i < lines.size(); ++i) {
        const auto& [rules, value] = lines[i];
        if (rules == "version" || !version_is_kept(rules)) continue;
        INFO("released " << folder.path().filename().string() << ": " << name << ": " << value);
        REQUIRE(present.contains(name));
        INFO("now: " << present.at(name).at(i).value);
        CHECK(is_kept(value, present.at(name).at(i).value));
        grew = grew || value != present.at(name).at(i).value;
      }
    }
    const auto minor = [](const Layout& of) { return std::stoi(of.at("minor").at(0).value); };
    if (grew && version_is_kept("abi")) CHECK(minor(present) > minor(released));
  }
  CHECK(releases > 0);
}
