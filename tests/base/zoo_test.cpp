// The zoo: bad plugin files of every kind, through the commands that a user types. The host survives each, says which file
// it is, what is wrong and what to do, and ends with the documented exit code. `base_test "[zoo]" -s` prints the table.
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <chrono>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "../plugin_files.h"
#include "../trainable.h"

namespace fs = std::filesystem;
using Catch::Matchers::ContainsSubstring;
using Json = nlohmann::json;

namespace {

struct Animal {
  std::string name;
  std::string file;
  std::string sentence;
  bool harmless = false;  // it looks bad, and is not
};

// Fixtures are broken when they are compiled, the others here.
std::vector<Animal> zoo(const Folder& folder) {
  std::vector<Animal> all;
  const auto fixture = [&](const std::string& name, const std::string& sentence, bool harmless = false) {
    all.push_back({name, FIXTURE_DIR "/fixture_" + name + ".plexiform.so", sentence, harmless});
  };
  const auto file = [&](const std::string& name, const std::string& bytes, const std::string& sentence) {
    write(folder / name, bytes);
    all.push_back({name, folder / name, sentence});
  };
  const auto note = [&](const std::string& name, const std::string& sentence, auto change) {
    copy_with_note(plain_plugin, folder / name, change);
    all.push_back({name, folder / name, sentence});
  };
  const auto link = [&](const std::string& name, const std::string& to, const std::string& sentence) {
    fs::create_symlink(to, folder / name);
    all.push_back({name, folder / name, sentence});
  };
  const std::string whole = content(plain_plugin);
  const auto byte = [&](const std::string& name, size_t at, char value, const std::string& sentence) {
    std::string bytes = whole;
    bytes[at] = value;
    file(name, bytes, sentence);
  };

  // Built for another host.
  note("LibTorch of another minor", "built for LibTorch 2.1.0, this host for LibTorch", [](auto& n) {
    n.torch_abi_version = uint64_t{2} << 56 | uint64_t{1} << 48;
    std::strcpy(n.torch_version, "2.1.0");
  });
  note("LibTorch of another major", "built for LibTorch 1.13.1, this host for LibTorch", [](auto& n) {
    n.torch_abi_version = uint64_t{1} << 56 | uint64_t{13} << 48;
    std::strcpy(n.torch_version, "1.13.1");
  });
  note("another ABI major", "built for plugin ABI 2.1, this host speaks 1.", [](auto& n) { n.abi_major = 2; });
  note("ABI major 0", "built for plugin ABI 0.", [](auto& n) { n.abi_major = 0; });
  fixture("newer_minor", "built for plugin ABI 1.");
  note("another tier", "is a plugin of tier 1", [](auto& n) { n.tier = 1; });
  note("another interface", "built for version 2 of the loss interface", [](auto& n) { n.loss_version = 2; });
  note("the old std::string", "the C++ library libstdc++-old",
       [](auto& n) { std::strcpy(n.cxx_abi, "libstdc++-old"); });
  note("libc++", "the C++ library libc++", [](auto& n) { std::strcpy(n.cxx_abi, "libc++"); });
  note("another platform", "built for linux-riscv64", [](auto& n) { std::strcpy(n.platform, "linux-riscv64"); });
  note("a CPU feature that is missing", "needs a CPU with features of bits",
       [](auto& n) { n.cpu_features = 1u << 30; });
  note("another std::string size", "its std::string has 24 bytes", [](auto& n) { n.sizeof_string = 24; });
  note("another Tensor size", "its Tensor has 16 bytes", [](auto& n) { n.sizeof_tensor = 16; });

  // A forged or damaged note.
  note("a note moved as text", "a transfer in text mode?", [](auto& n) { n.magic[10] = '\n'; });
  note("a tiny note", "its size is wrong", [](auto& n) { n.note_size = 4; });
  note("a huge note", "its size is wrong", [](auto& n) { n.note_size = 4'000'000'000; });
  note("4 GB of components", "its list of components is too long", [](auto& n) { n.components_size = 4'000'000'000; });
  note("text without an end", "the plugin's version is no text",
       [](auto& n) { std::memset(n.plugin_version, 'x', sizeof n.plugin_version); });
  note("text that clears the terminal", "the compiler is no text", [](auto& n) { std::strcpy(n.compiler, "\x1b[2J"); });
  note("a component twice", "it lists 'a.B' twice",
       [](auto& n) { set_components(n, listed("core", "a.B") + listed("core", "a.B")); });
  note("a component that is not there", "component 1 is not the 'a.Ghost' of its note",
       [](auto& n) { set_components(n, listed("loss", "a.Ghost")); });

  // No plugin at all.
  file("an empty file", "", "is empty");
  file("text", "#!/bin/sh\necho hello to everybody\n", "is not a shared library");
  file("a zip archive", std::string("PK\3\4\24\0\0\0\10\0", 10) + whole, "is not a shared library");
  file("half a plugin", whole.substr(0, whole.size() / 2), "is cut short");
  byte("a 32-bit library", 4, 1, "is not a 64-bit library");
  byte("a big-endian library", 5, 2, "is big-endian");
  byte("another machine's", 18, 3, "is built for 32-bit x86");
  byte("an object file", 16, 1, "is an object file, not a shared library");
  byte("a core file", 16, 4, "is not a shared library (ELF type 4)");
  std::string other = whole;
  other.replace(other.rfind(PLEXIFORM_NOTE_SECTION), std::strlen(PLEXIFORM_NOTE_SECTION), "another_sector");
  file("another library", other, "is a shared library, but no Plexiform plugin");
  all.push_back({"a program", PLEXIFORM_COMMAND, "is a program, not a shared library"});
  all.push_back({"a device", "/dev/null", "is a device, not a file"});
  all.push_back({"nothing", folder / "nothing", "cannot be opened: No such file or directory"});
  fs::create_directory(folder / "a folder");
  all.push_back({"a folder", folder / "a folder", "is a folder, not a file"});
  mkfifo((folder / "a FIFO").c_str(), 0600);
  all.push_back({"a FIFO", folder / "a FIFO", "is a FIFO, not a file"});
  link("a dangling link", folder / "gone", "is a symbolic link that leads nowhere");
  link("a link to itself", folder / "a link to itself", "is a symbolic link that leads nowhere");
  file("no permission", whole, "cannot be opened: Permission denied");
  fs::permissions(folder / "no permission", fs::perms::none);
  if (geteuid() == 0) {
    file("writable by all", whole, "every user may change it, and this process is root's");
    fs::permissions(folder / "writable by all", fs::perms::others_write, fs::perm_options::add);
  }

  // Breaks the contract.
  fixture("missing_symbol", "undefined symbol: plexiform_symbol_that_nobody_defines");
  fixture("other_entry", "has no function plexiform_plugin_entry");
  fixture("null_entry", "refuses this host");
  fixture("throwing_entry", "its entry function throws");
  fixture("short_descriptor", "its descriptor has 8 bytes");
  fixture("narrow_stride", "its components are 16 bytes apart");
  fixture("other_count", "it has 1000 components, its note lists 1");
  fixture("other_name", "component 1 is not the 'fixtures.losses.Plain' of its note");
  fixture("other_note", "its descriptor and its note disagree");
  fixture("no_knobs", "does not describe its knobs");
  fixture("operators", "registers operators with LibTorch");
  fixture("thread_at_load", "starts a thread when it is opened");

  // Ends or stops the process that opens it.
  fixture("throws_at_load", "crashed (SIGABRT) when it was opened");
  fixture("crashes_at_load", "crashed (SIGABRT) when it was opened");
  fixture("segfaults_at_load", "crashed (SIGSEGV) when it was opened");
  fixture("illegal_at_load", "crashed (SIGILL) when it was opened");
  fixture("divides_by_zero_at_load", "crashed (SIGFPE) when it was opened");
  fixture("killed_at_load", "opening it was interrupted (SIGKILL)");
  fixture("exits_at_load", "ended the process (exit status 0) when it was opened");
  fixture("hangs_at_load", "hung for 5 s when it was opened");

  fixture("wide_stride", "status   ok", true);
  fixture("prints_at_load", "status   ok", true);
  return all;
}

struct Timed : Ran {
  double seconds = 0;
};

Timed timed(const Desk& desk, const std::vector<std::string>& arguments) {
  const auto start = std::chrono::steady_clock::now();
  Timed ran{desk.run(arguments, {.seconds = 60, .without_override = true})};
  ran.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return ran;
}

// What no user should ever see.
void check_manners(const Ran& ran) {
  for (const char* word :
       {"terminate called", "frame #", "what():", "Aborted", "Segmentation", "report it with the command"}) {
    INFO(word);
    CHECK(ran.output.find(word) == std::string::npos);
  }
}

}  // namespace

TEST_CASE("every bad file is refused with its name, the reason and the remedy, and the host survives", "[zoo]") {
  const Desk desk;
  const Folder folder;
  std::string table;
  for (const auto& animal : zoo(folder)) {
    INFO(animal.name);
    const int code = animal.harmless ? 0 : 1;
    const auto inspected = timed(desk, {"plugins", "inspect", animal.file});
    INFO(inspected.output);
    CHECK(inspected.code == code);
    CHECK_THAT(inspected.output, ContainsSubstring("  file     " + animal.file));
    CHECK_THAT(inspected.output, ContainsSubstring(animal.sentence));
    CHECK((inspected.output.find("fix: ") == std::string::npos) == animal.harmless);
    check_manners(inspected);

    const auto trained = timed(desk, fixture_run(desk.folder / "run", {"--dry-run", "--plugin", animal.file}));
    INFO(trained.output);
    CHECK(trained.code == code);
    if (!animal.harmless) {
      CHECK(trained.output.starts_with(animal.file + ": "));
      CHECK_THAT(trained.output, ContainsSubstring(animal.sentence));
      CHECK_THAT(trained.output, ContainsSubstring("fix: "));
    }
    check_manners(trained);
    CHECK(inspected.seconds + trained.seconds < 30);  // a hang is given 5 s
    table += fmt::format("{:30} {} {}  {:4.1f} s  {}\n", animal.name, inspected.code, trained.code,
                         inspected.seconds + trained.seconds, animal.sentence);
  }
  SUCCEED("\ncase, exit codes of inspect and of train, time, sentence\n" + table);
}

TEST_CASE("a folder of bad files hinders no command, and each is listed with what is wrong", "[zoo]") {
  const Desk desk;
  const std::string plugins = desk.folder / "plugins";
  const auto name = [&](const std::string& kind, size_t i) {
    return plugins + "/" + kind + std::to_string(i) + ".plexiform.so";
  };
  const std::string whole = content(plain_plugin);
  for (size_t i = 0; i < 50; ++i) write(name("cut", i), whole.substr(0, whole.size() * i / 50));
  uint64_t state = 1;  // xorshift
  const auto random = [&](uint64_t below) {
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    return state % below;
  };
  for (size_t i = 0; i < 200; ++i) {
    copy_with_note(plain_plugin, name("flipped", i), [&](auto& note) { set_id(note, "flipped" + std::to_string(i)); });
    std::string bytes = content(name("flipped", i));
    for (int flip = 0; flip < 16; ++flip) bytes[random(bytes.size())] ^= static_cast<char>(1 << random(8));
    write(name("flipped", i), bytes);
  }
  const auto first = plugin_of(name("id", 1), "same_id", listed("loss", "fixtures.losses.Plain"));
  const auto second = plugin_of(name("id", 2), "same_id", listed("loss", "fixtures.losses.Plain"));
  for (size_t i : {1, 2}) {  // the second one ends the process that has the first one open
    copy_with_note(FIXTURE_DIR "/fixture_operators.plexiform.so", name("operators", i),
                   [&](auto& note) { set_id(note, "operators" + std::to_string(i)); });
  }
  fs::copy(FIXTURE_DIR "/fixture_components.plexiform.so", name("sound", 0));

  const auto ran = desk.run({"plugins", "list", "--probe", "--json", "--plugin-path", plugins}, {.seconds = 120});
  REQUIRE(ran.code == 0);
  check_manners(ran);
  std::map<std::string, Json> files;
  std::map<std::string, int> flipped;
  const Json list = Json::parse(ran.output);
  for (const auto& file : list.at("files")) files[file.at("file")] = file;
  for (const auto& [file, entry] : files) {
    INFO(entry.dump());
    const std::string status = entry.at("status");
    if (file.find("/flipped") != std::string::npos) ++flipped[status];
    if (file.find("/cut") != std::string::npos) CHECK(status == "refused");
    CHECK(status != "new");
    if (status != "refused" && status != "blocked") continue;
    REQUIRE(entry.at("problems").size() > 0);
    CHECK_FALSE(entry.at("problems")[0].at("fix").get<std::string>().empty());
  }
  CHECK(files[first].at("status") == "ok");
  CHECK(files[second].at("status") == "shadowed");
  CHECK(files[second].at("shadowed_by") == first);
  CHECK(files[name("operators", 1)].at("status") == "refused");
  CHECK(files[name("operators", 2)].at("status") == "blocked");
  CHECK(files[name("sound", 0)].at("status") == "ok");
  CHECK(flipped["blocked"] > 0);  // else the flips show nothing
  CHECK(flipped["refused"] + flipped["blocked"] + flipped["ok"] + flipped["shadowed"] == 200);
  SUCCEED(fmt::format("\n50 cut files: refused; 200 with 16 flipped bits: {} refused, {} blocked, {} opened unharmed\n",
                      flipped["refused"], flipped["blocked"], flipped["ok"]));
}

TEST_CASE("a damaged, unwritable or contested cache hinders no command", "[zoo]") {
  const Desk desk;
  desk.add("components");
  const std::vector<std::string> list = {"plugins", "list", "--probe", "--plugin-path", desk.folder / "plugins"};
  std::vector<std::unique_ptr<Command>> contest;
  for (int i = 0; i < 4; ++i) {
    contest.push_back(std::make_unique<Command>(list, desk.folder / ("output" + std::to_string(i))));
  }
  for (const auto& command : contest) CHECK(command->wait().code == 0);
  const auto sound = desk.run(list);
  CHECK(sound.code == 0);
  CHECK_THAT(sound.output, ContainsSubstring(" ok "));

  const fs::path cache = *fs::directory_iterator(desk.folder / "cache/plexiform");
  const std::string bytes = content(cache);
  CHECK(Json::accept(bytes));
  for (const std::string& damaged : {bytes.substr(0, bytes.size() / 2), std::string("\0\1\2", 3), std::string()}) {
    write(cache, damaged);
    CHECK(desk.run(list).output == sound.output);
    CHECK(content(cache) == bytes);
  }
  fs::remove_all(desk.folder / "cache");
  write(desk.folder / "cache", "a file where the folder should be");
  CHECK(desk.run(list).output == sound.output);
}
