#include <plexiform/error.h>
#include <plugins/catalogue.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers.hpp>

#include "../environment.h"
#include "../plugin_files.h"

using namespace plexiform;
using namespace plexiform::plugins;
namespace fs = std::filesystem;

namespace {

Catalogue discover(const Sources& sources) { return Catalogue::discover(sources, Cache("")); }

std::vector<std::string> names(const Catalogue& catalogue) {
  std::vector<std::string> all;
  for (const auto& file : catalogue.files()) all.push_back(fs::path(file.path).filename());
  return all;
}

std::string refusal(const Catalogue& catalogue, const std::string& target, const std::string& kind) {
  try {
    catalogue.find(target, kind);
    return "";
  } catch (const Error& e) {
    return e.what();
  }
}

std::string message(const std::string& where, const std::string& problem, const std::string& fix) {
  return Error(where, problem, fix).what();
}

}  // namespace

TEST_CASE("plugins are searched in the documented order") {
  const Folder named, first, second, data;
  const Environment path("PLEXIFORM_PLUGIN_PATH", first.path.string() + ":relative::" + second.path.string());
  const Environment xdg("XDG_DATA_HOME", data.path.string());
  const auto sources = search_order({"one.plexiform.so"}, {named.path.string()});
  CHECK(sources.files == std::vector<std::string>{"one.plexiform.so"});
  REQUIRE(sources.folders.size() == 5);
  CHECK(sources.folders[0] == named.path);
  CHECK(sources.folders[1] == first.path);
  CHECK(sources.folders[2] == second.path);
  CHECK(sources.folders[3] == data / "plexiform/plugins-abi1");
  CHECK(sources.folders[4] == PLUGIN_DIR);
}

TEST_CASE("the user's folder follows the XDG rules") {
  const Environment home("HOME", "/home/ada");
  {
    const Environment xdg("XDG_DATA_HOME", "");
    CHECK(Sources::user_folder() == "/home/ada/.local/share/plexiform/plugins-abi1");
  }
  {
    const Environment xdg("XDG_DATA_HOME", "not/absolute");
    CHECK(Sources::user_folder() == "/home/ada/.local/share/plexiform/plugins-abi1");
  }
  const Environment homeless("HOME", "");
  CHECK(Sources::user_folder() == "");
}

TEST_CASE("the working directory is never searched") {
  const Folder here;
  plugin_of(here / "here.plexiform.so", "here", listed("core", "here.Core"));
  const fs::path before = fs::current_path();
  fs::current_path(here.path);
  const Environment path("PLEXIFORM_PLUGIN_PATH", ":.:./:");
  const auto catalogue = discover(search_order());
  fs::current_path(before);
  for (const auto& file : catalogue.files()) CHECK(file.path != here / "here.plexiform.so");
}

TEST_CASE("a folder that is named and is not there is an error") {
  CHECK_THROWS_WITH(search_order({}, {"/nowhere/at/all"}),
                    message("/nowhere/at/all", "is no folder", "name the folder that holds the plugins"));
}

TEST_CASE("one level of a folder is searched, by name, for our suffix") {
  const Folder folder;
  fs::create_directory(folder / "below");
  for (const char* name : {"b.plexiform.so", "a.plexiform.so", "c.so", ".d.plexiform.so", "e.plexiform.so.bak",
                           ".plexiform.so", "below/f.plexiform.so"}) {
    plugin_of(folder / name, name, "");
  }
  CHECK(names(discover({{}, {folder.path.string()}})) == std::vector<std::string>{"a.plexiform.so", "b.plexiform.so"});
}

TEST_CASE("a named file is taken whatever it is called") {
  const Folder folder;
  const auto catalogue = discover({{plugin_of(folder / "mine", "mine", listed("core", "my.Core"))}, {}});
  CHECK(catalogue.find("my.Core", "core").file->path == folder / "mine");
}

TEST_CASE("one file at several paths is one plugin") {
  const Folder folder;
  plugin_of(folder / "a.plexiform.so", "a", listed("core", "a.Core"));
  fs::create_symlink(folder / "a.plexiform.so", folder / "b.plexiform.so");
  fs::create_hard_link(folder / "a.plexiform.so", folder / "c.plexiform.so");
  const auto catalogue = discover({{folder / "c.plexiform.so"}, {folder.path.string(), folder.path.string()}});
  CHECK(names(catalogue) == std::vector<std::string>{"c.plexiform.so"});
}

TEST_CASE("the earlier file of a plugin id shadows the later ones") {
  const Folder first, second;
  plugin_of(first / "net.plexiform.so", "net", listed("core", "lab.Net"));
  plugin_of(second / "net.plexiform.so", "net", listed("core", "lab.Net") + listed("core", "lab.Wider"));
  const auto catalogue = discover({{}, {first.path.string(), second.path.string()}});
  REQUIRE(catalogue.files().size() == 2);
  CHECK(catalogue.files()[0].status() == Status::fresh);
  CHECK(catalogue.files()[1].status() == Status::shadowed);
  CHECK(catalogue.files()[1].shadowed_by == first / "net.plexiform.so");
  CHECK(catalogue.find("lab.Net", "core").file == &catalogue.files()[0]);
  CHECK(refusal(catalogue, "lab.Wider", "core") == message("",
                                                           "'lab.Wider' is only in " + (second / "net.plexiform.so") +
                                                               ", which " + (first / "net.plexiform.so") + " shadows",
                                                           "pin it: net@" PLEXIFORM_VERSION ":lab.Wider"));
  CHECK(catalogue.find("lab.Net", "core").file == &catalogue.files()[0]);
}

TEST_CASE("a version that is pinned is found behind another one") {
  const Folder folder;
  const auto version = [&](const std::string& name, const char* number) {
    return copy_with_note(plain_plugin, folder / name, [&](plexiform_note& note) {
      set_id(note, "net");
      set_components(note, listed("core", "lab.Net"));
      std::strcpy(note.plugin_version, number);
    });
  };
  const auto catalogue = discover({{version("new", "2.0.0"), version("old", "1.9.0")}, {}});
  CHECK(catalogue.find("lab.Net", "core").file->path == folder / "new");
  CHECK(catalogue.find("net:lab.Net", "core").file->path == folder / "new");
  CHECK(catalogue.find("net@1.9.0:lab.Net", "core").file->path == folder / "old");
  CHECK(refusal(catalogue, "net@1.8.0:lab.Net", "core").find("no core is named 'net@1.8.0:lab.Net'") == 0);
}

TEST_CASE("a name that two plugins offer is an error when it is used, and can be pinned") {
  const Folder folder;
  const auto a = plugin_of(folder / "a.plexiform.so", "a", listed("core", "lab.Net") + listed("core", "a.Only"));
  const auto b = plugin_of(folder / "b.plexiform.so", "b", listed("core", "lab.Net"));
  const auto catalogue = discover({{}, {folder.path.string()}});
  CHECK(refusal(catalogue, "lab.Net", "core") ==
        message("", "'lab.Net' is offered by 2 plugins: " + a + " and " + b, "say which: a:lab.Net or b:lab.Net"));
  CHECK(catalogue.find("a.Only", "core").file->path == a);
  CHECK(catalogue.find("b:lab.Net", "core").file->path == b);
  CHECK(catalogue.find("b:lab.Net", "core").component.name == "lab.Net");
}

TEST_CASE("a component's own name goes before another's alias, and two aliases are an error") {
  const Folder folder;
  const std::string aliased =
      listed("core", "a.Net") + listed("core", "other.Net", "a.Net") + listed("core", "third.Net", "a.Net");
  plugin_of(folder / "a.plexiform.so", "a", aliased);
  const auto own =
      plugin_of(folder / "b.plexiform.so", "b", listed("core", "other.Net") + listed("core", "third.Net", "other.Net"));
  const auto catalogue = discover({{}, {folder.path.string()}});
  CHECK(catalogue.find("other.Net", "core").file->path == own);
  CHECK(refusal(catalogue, "third.Net", "core").find("'third.Net' is offered by 2 plugins") == 0);
}

TEST_CASE("an unknown name is answered with the nearest one") {
  const Folder folder;
  plugin_of(folder / "a.plexiform.so", "a", listed("core", "lab.cores.Simple") + listed("loss", "lab.losses.Simple"));
  const auto catalogue = discover({{}, {folder.path.string()}});
  CHECK(refusal(catalogue, "lab.cores.Simpel", "core") ==
        message("", "no core is named 'lab.cores.Simpel'", "did you mean 'lab.cores.Simple'?"));
  CHECK(refusal(catalogue, "a:lab.cores.Simpel", "core") ==
        message("", "no core is named 'a:lab.cores.Simpel'", "did you mean 'a:lab.cores.Simple'?"));
  CHECK(refusal(catalogue, "lab.losses.Simple", "core") ==
        message("", "'lab.losses.Simple' is a loss, not a core", "did you mean 'lab.cores.Simple'?"));
  CHECK(refusal(discover({}), "a.B", "core") ==
        message("", "no core is named 'a.B'",
                "name a folder of plugins with --plugin-path; `plexiform plugins list` shows what is found"));
}

TEST_CASE("a name that is only in a refused file says so, and why") {
  const Folder folder;
  const auto file = copy_with_note(plain_plugin, folder / "old.plexiform.so", [](plexiform_note& note) {
    note.abi_minor = 7;
    std::strcpy(note.cxx_abi, "libc++");
  });
  const auto catalogue = discover({{}, {folder.path.string()}});
  CHECK(catalogue.files()[0].status() == Status::refused);
  CHECK(refusal(catalogue, "fixtures.losses.Plain", "loss") ==
        message(file,
                "built for plugin ABI 1.7, this host speaks 1.1; built with the C++ library libc++, this host with " +
                    this_host().cxx_abi,
                "update Plexiform, or rebuild the plugin with this host's sdk/; rebuild the plugin with a compiler "
                "that uses " +
                    this_host().cxx_abi));
}

TEST_CASE("a refused file shadows too: another build of the plugin would give other results") {
  const Folder first, second;
  const auto refused =
      copy_with_note(plain_plugin, first / "a.plexiform.so", [](plexiform_note& note) { note.abi_major = 2; });
  fs::copy(plain_plugin, second / "a.plexiform.so");
  const auto catalogue = discover({{}, {first.path.string(), second.path.string()}});
  CHECK(refusal(catalogue, "fixtures.losses.Plain", "loss").find(refused + ": built for plugin ABI 2.1") == 0);
}

TEST_CASE("a named file that is refused stops the command") {
  const Folder folder;
  write(folder / "mine", "text");
  plugin_of(folder / "a.plexiform.so", "a", listed("core", "a.Core"));
  const auto catalogue = discover({{folder / "mine"}, {folder.path.string()}});
  CHECK(refusal(catalogue, "a.Core", "core") ==
        message(folder / "mine", "is not a shared library (no ELF header)", "build it with plexiform_add_plugin"));
}

TEST_CASE("bad files in a folder are listed with a reason and hinder no other") {
  const Folder folder;
  write(folder / "text.plexiform.so", "text");
  fs::create_directory(folder / "folder.plexiform.so");
  fs::create_symlink(folder / "gone", folder / "link.plexiform.so");
  plugin_of(folder / "z.plexiform.so", "z", listed("core", "z.Core"));
  const auto catalogue = discover({{}, {folder.path.string()}});
  REQUIRE(catalogue.files().size() == 4);
  for (int i : {0, 1, 2}) {
    CHECK(catalogue.files()[i].status() == Status::refused);
    CHECK(catalogue.files()[i].problems.size() == 1);
  }
  CHECK(catalogue.find("z.Core", "core").file->path == folder / "z.plexiform.so");
}

TEST_CASE("a file that everybody may change is refused to root, and warned about to others") {
  const Folder folder;
  const auto file = plugin_of(folder / "a.plexiform.so", "a", listed("core", "a.Core"));
  const auto check = [&](const std::string& loose) {
    const auto catalogue = discover({{file}, {}});
    const auto& found = catalogue.files()[0];
    if (geteuid() == 0) {
      REQUIRE(found.problems.size() == 1);
      CHECK(found.problems[0].problem == loose + ", and this process is root's");
    } else {
      CHECK(found.status() == Status::fresh);
      CHECK(found.warning.value().problem == loose);
    }
  };
  CHECK_FALSE(discover({{file}, {}}).files()[0].warning);
  CHECK(discover({{file}, {}}).files()[0].problems.empty());
  fs::permissions(file, fs::perms::others_write, fs::perm_options::add);
  check("every user may change it");
  fs::permissions(file, fs::perms::others_write, fs::perm_options::remove);
  fs::permissions(folder.path, fs::perms::others_write, fs::perm_options::add);
  check("every user may replace it, because " + folder.path.string() + " is writable by all");
  fs::permissions(folder.path, fs::perms::sticky_bit, fs::perm_options::add);  // as /tmp: only its owner may
  CHECK(discover({{file}, {}}).files()[0].problems.empty());
  CHECK_FALSE(discover({{file}, {}}).files()[0].warning);
}
