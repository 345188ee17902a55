#include <elf.h>
#include <plexiform/error.h>
#include <plugins/note.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch_test_macros.hpp>

#include "../plugin_files.h"

using namespace plexiform;
using namespace plexiform::plugins;

namespace {

// "problem | fix" of a file that cannot be read as a plugin, "" for one that can.
std::string refusal(const std::string& file) {
  try {
    read_note(File(file));
    return "";
  } catch (const Error& e) {
    CHECK(e.where() == file);
    return e.problem() + " | " + e.fix();
  }
}

// All mismatches of the plain plugin's note after `change`, as "problem | fix", one a line.
std::string mismatches_after(const std::function<void(Note&, HostBuild&)>& change) {
  Note note = read_note(File(plain_plugin));
  HostBuild host = this_host();
  host.torch_version = "2.13.0";
  note.torch_version = "2.13.0";
  host.torch_abi_version = note.fields.torch_abi_version = uint64_t{2} << 56 | uint64_t{13} << 48;
  host.cxx_abi = note.cxx_abi = "libstdc++-cxx11";
  host.platform = note.platform = "linux-x86_64";
  change(note, host);
  std::string all;
  for (const auto& [problem, fix] : mismatches(note, host)) all += (all.empty() ? "" : "\n") + problem + " | " + fix;
  return all;
}

}  // namespace

TEST_CASE("a plugin's note is read from its file, which is not mapped") {
  const Note note = read_note(File(plain_plugin));
  CHECK(note.plugin_id == "fixture_plain");
  CHECK(note.plugin_version == PLEXIFORM_VERSION);
  REQUIRE(note.components.size() == 1);
  CHECK(note.components[0].kind == "loss");
  CHECK(note.components[0].name == "fixtures.losses.Plain");
  CHECK(note.components[0].alias_of.empty());
  CHECK(note.components[0].summary == "a loss that is never built");
  CHECK(mismatches(note, this_host()).empty());
  CHECK_FALSE(is_mapped(plain_plugin));
}

TEST_CASE("the SDK's macro lists components and their aliases in the note") {
  const Note note = read_note(File(mistakes_plugin));
  REQUIRE(note.components.size() == 2);
  CHECK(note.components[0].name == "fixtures.losses.Mistakes");
  CHECK(note.components[1].name == "elsewhere.Wide");
  CHECK(note.components[1].alias_of == "fixtures.losses.Mistakes");
}

TEST_CASE("what is no plugin is refused with what it is") {
  const Folder folder;
  const std::string build = "build it with plexiform_add_plugin", again = "copy or build it again";

  write(folder / "empty", "");
  CHECK(refusal(folder / "empty") == "is empty | " + again);

  write(folder / "text", "#!/bin/sh\necho hello to everybody\n");
  CHECK(refusal(folder / "text") == "is not a shared library (no ELF header) | " + build);

  std::string bytes = content(plain_plugin);
  bytes[4] = 1;  // EI_CLASS
  write(folder / "32-bit", bytes);
  CHECK(refusal(folder / "32-bit") == "is not a 64-bit library, this host is | rebuild it for 64 bits");

  bytes = content(plain_plugin);
  bytes[18] = 3;  // e_machine: EM_386
  write(folder / "other machine", bytes);
  CHECK(refusal(folder / "other machine").starts_with("is built for 32-bit x86, this host is "));

  CHECK(refusal(PLEXIFORM_COMMAND) == "is a program, not a shared library | " + build);
  CHECK(refusal(folder.path) == "is a folder, not a file | name the plugin's .so file");
  CHECK(refusal(folder / "absent") == "cannot be opened: No such file or directory | check the path; a plugin of your own has to be built first");

  REQUIRE(mkfifo((folder / "fifo").c_str(), 0600) == 0);
  CHECK(refusal(folder / "fifo") == "is a FIFO, not a file | name the plugin's .so file");
  CHECK(refusal("/dev/null") == "is a device, not a file | name the plugin's .so file");

  std::filesystem::create_symlink(folder / "gone", folder / "dangling");
  std::filesystem::create_symlink(folder / "loop", folder / "loop");
  const std::string nowhere = "is a symbolic link that leads nowhere | remove it, or restore what it points to";
  CHECK(refusal(folder / "dangling") == nowhere);
  CHECK(refusal(folder / "loop") == nowhere);

  if (geteuid() != 0) {  // root reads everything
    write(folder / "secret", content(plain_plugin));
    std::filesystem::permissions(folder / "secret", std::filesystem::perms::none);
    CHECK(refusal(folder / "secret") ==
          "cannot be opened: Permission denied | check the permissions of the file and its folders");
  }
}

TEST_CASE("a shared library without a note is no plugin") {
  const Folder folder;
  std::string bytes = content(plain_plugin);
  const std::string name = PLEXIFORM_NOTE_SECTION;
  bytes.replace(bytes.rfind(name), name.size(), "another_sector");
  write(folder / "library.so", bytes);
  CHECK(refusal(folder / "library.so") ==
        "is a shared library, but no Plexiform plugin (it has no section plexiform_note) | build it with "
        "plexiform_add_plugin");
}

TEST_CASE("a plugin cut at any of 50 places is refused") {
  const Folder folder;
  const std::string whole = content(plain_plugin);
  for (size_t i = 0; i < 50; ++i) {
    const size_t size = whole.size() * i / 50;
    write(folder / "cut", whole.substr(0, size));
    INFO(size << " of " << whole.size() << " bytes");
    CHECK_FALSE(refusal(folder / "cut").empty());
  }
  write(folder / "cut", whole);
  CHECK(refusal(folder / "cut").empty());
}

TEST_CASE("a segment that reaches beyond the end of the file is refused: touching it would be SIGBUS") {
  const Folder folder;
  std::string bytes = content(plain_plugin);
  Elf64_Ehdr header;
  std::memcpy(&header, bytes.data(), sizeof header);
  for (unsigned i = 0; i < header.e_phnum; ++i) {
    const size_t at = header.e_phoff + i * sizeof(Elf64_Phdr);
    Elf64_Phdr segment;
    std::memcpy(&segment, bytes.data() + at, sizeof segment);
    if (segment.p_type != PT_LOAD) continue;
    for (const uint64_t size : {uint64_t{bytes.size()} + 1, ~uint64_t{0}}) {  // the second one overflows a sum
      std::string damaged = bytes;
      auto longer = segment;
      longer.p_filesz = size;
      std::memcpy(damaged.data() + at, &longer, sizeof longer);
      write(folder / "damaged", damaged);
      CHECK(refusal(folder / "damaged") == "is cut short: it has " + std::to_string(bytes.size()) +
                                               " bytes, its segments need more | copy or build it again");
    }
  }
}

TEST_CASE("a plugin with random bits flipped never harms the reader") {
  const Folder folder;
  const std::string whole = content(plain_plugin);
  uint64_t state = 1;  // xorshift
  const auto random = [&](uint64_t below) {
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    return state % below;
  };
  int refused = 0;
  for (int i = 0; i < 400; ++i) {
    std::string bytes = whole;
    // Mostly where the reader looks: the header, the segments, the note, the tables at the end.
    const size_t note = whole.find(PLEXIFORM_NOTE_MAGIC);
    for (int flip = 0; flip < 16; ++flip) {
      const uint64_t parts[] = {random(1024), note + random(512), whole.size() - 1 - random(3000),
                                random(whole.size())};
      bytes[parts[random(4)]] ^= static_cast<char>(1 << random(8));
    }
    write(folder / "flipped", bytes);
    refused += !refusal(folder / "flipped").empty();
  }
  CHECK(refused > 200);
}

TEST_CASE("a damaged note is refused with what is wrong in it") {
  const Folder folder;
  const auto after = [&](const std::function<void(plexiform_note&)>& change) {
    return refusal(copy_with_note(plain_plugin, folder / "damaged", change));
  };
  const std::string again = " | copy or build it again";
  // A transfer in text mode turns CR LF into LF.
  CHECK(after([](auto& note) { std::memcpy(note.magic, "\x89plexiform\n\x1a\n\0", 14); }) ==
        "has a damaged note: its first bytes are wrong (a transfer in text mode?)" + again);
  CHECK(after([](auto& note) { note.note_size = 8; }) == "has a damaged note: its size is wrong" + again);
  CHECK(after([](auto& note) { note.note_size = 1 << 30; }) == "has a damaged note: its size is wrong" + again);
  CHECK(after([](auto& note) { std::memset(note.plugin_id, 'x', sizeof note.plugin_id); }) ==
        "has a damaged note: the plugin's id is no text" + again);
  CHECK(after([](auto& note) { std::strcpy(note.compiler, "\x1b[2J"); }) ==  // would clear the terminal
        "has a damaged note: the compiler is no text" + again);
  CHECK(after([](auto& note) { std::strcpy(note.compiler, "\xff"); }) ==
        "has a damaged note: the compiler is no text" + again);
  CHECK(after([](auto& note) { note.plugin_id[0] = 0; }) == "has a damaged note: it has no plugin id" + again);
  CHECK(after([](auto& note) { note.components_size = 4097; }) ==
        "has a damaged note: its list of components is too long" + again);
  CHECK(after([](auto& note) { note.components_size = 5; }) ==
        "has a damaged note: its list of components is cut short" + again);
  CHECK(after([](auto& note) { set_components(note, "core a.B\n"); }) ==
        "has a damaged note: a component has too few fields" + again);
  CHECK(after([](auto& note) { set_components(note, listed("core", "a.B") + listed("core", "a.B")); }) ==
        "has a damaged note: it lists 'a.B' twice" + again);
}

TEST_CASE("a plugin of another host is refused with both sides and the remedy") {
  const std::string rebuild = "rebuild the plugin with this host's sdk/";
  CHECK(mismatches_after([](Note&, HostBuild&) {}) == "");
  CHECK(mismatches_after([](Note& n, HostBuild&) { n.fields.abi_major = 2; }) ==
        "built for plugin ABI 2.1, this host speaks 1.1 | update Plexiform, or " + rebuild);
  CHECK(mismatches_after([](Note& n, HostBuild&) { n.fields.abi_major = 0; }) ==
        "built for plugin ABI 0.1, this host speaks 1.1 | " + rebuild);
  CHECK(mismatches_after([](Note& n, HostBuild&) { n.fields.abi_minor = 2; }) ==
        "built for plugin ABI 1.2, this host speaks 1.1 | update Plexiform, or " + rebuild);
  CHECK(mismatches_after([](Note& n, HostBuild&) { n.fields.tier = 1; }) ==
        "is a plugin of tier 1, this host loads tier 0 | update Plexiform");
  CHECK(mismatches_after([](Note& n, HostBuild&) { n.fields.loss_version = 2; }) ==
        "built for version 2 of the loss interface, this host speaks 1 | update Plexiform, or " + rebuild);
  CHECK(mismatches_after([](Note& n, HostBuild&) {
          n.torch_version = "2.12.1";
          n.fields.torch_abi_version = uint64_t{2} << 56 | uint64_t{12} << 48 | uint64_t{1} << 40;
        }) == "built for LibTorch 2.12.1, this host for LibTorch 2.13.0 | rebuild the plugin with LibTorch 2.13.0");
  CHECK(mismatches_after([](Note& n, HostBuild&) { n.cxx_abi = "libc++"; }) ==
        "built with the C++ library libc++, this host with libstdc++-cxx11 | "
        "rebuild the plugin with a compiler that uses libstdc++-cxx11");
  CHECK(mismatches_after([](Note& n, HostBuild&) { n.platform = "linux-aarch64"; }) ==
        "built for linux-aarch64, this host for linux-x86_64 | rebuild the plugin on this platform");
  CHECK(mismatches_after([](Note& n, HostBuild& h) {
          n.fields.cpu_features = PLEXIFORM_CPU_AVX2 | PLEXIFORM_CPU_AVX512F;
          h.cpu_features = PLEXIFORM_CPU_AVX | PLEXIFORM_CPU_AVX2;
        }) ==
        "needs a CPU with AVX-512F, this one has AVX, AVX2 | "
        "rebuild the plugin without -march flags, or use another machine");
  CHECK(mismatches_after([](Note& n, HostBuild& h) {
          n.fields.sizeof_string = 24;
          h.sizeof_string = 32;
        }) == "its std::string has 24 bytes, this host's has 32 | " + rebuild);
  CHECK(mismatches_after([](Note& n, HostBuild& h) {
          n.fields.sizeof_core = 8;
          h.sizeof_core = 16;
        }) == "its Core has 8 bytes, this host's has 16 | " + rebuild);
}

TEST_CASE("LibTorch's patch version and interfaces that a plugin does not use are not compared") {
  CHECK(mismatches_after([](Note& n, HostBuild&) {
          n.torch_version = "2.13.1";
          n.fields.torch_abi_version |= uint64_t{1} << 40;
        }) == "");
  CHECK(mismatches_after([](Note& n, HostBuild&) { n.fields.core_version = 7; }) == "");
}

TEST_CASE("all reasons are reported together") {
  const auto all = mismatches_after([](Note& n, HostBuild&) {
    n.fields.abi_minor = 9;
    n.platform = "linux-aarch64";
    n.cxx_abi = "libc++";
  });
  CHECK(std::count(all.begin(), all.end(), '\n') == 2);
}

TEST_CASE("the components of a plugin of another ABI major are still known by name") {
  const Folder folder;
  const Note note = read_note(File(copy_with_note(plain_plugin, folder / "next", [](auto& n) { n.abi_major = 2; })));
  REQUIRE(note.components.size() == 1);
  CHECK(note.components[0].name == "fixtures.losses.Plain");
}

TEST_CASE("SHA-256 is that of FIPS 180-4's example") {
  const Folder folder;
  write(folder / "abc", "abc");
  CHECK(File(folder / "abc").sha256() == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  write(folder / "none", "");
  CHECK(File(folder / "none").sha256() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}
