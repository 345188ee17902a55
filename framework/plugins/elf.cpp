#include <elf.h>
#include <plexiform/error.h>
#include <plugins/elf.h>

#include <algorithm>
#include <cstring>
#include <vector>

namespace plexiform::plugins {

namespace {

#if defined(__x86_64__)
constexpr unsigned this_machine = EM_X86_64;
#elif defined(__aarch64__)
constexpr unsigned this_machine = EM_AARCH64;
#endif

std::string machine_name(unsigned machine) {
  switch (machine) {
    case EM_X86_64:
      return "x86-64";
    case EM_AARCH64:
      return "AArch64";
    case EM_386:
      return "32-bit x86";
    case EM_ARM:
      return "32-bit Arm";
    case EM_PPC64:
      return "POWER";
    case EM_RISCV:
      return "RISC-V";
    default:
      return "machine " + std::to_string(machine);
  }
}

const char* const copy_again = "copy or build it again";
const char* const use_the_macro = "build it with plexiform_add_plugin";

// `count` records of type T from `offset`. All numbers come from the file: none is trusted.
template <class T>
std::vector<T> read_table(const File& file, uint64_t offset, uint64_t count) {
  const std::string bytes = file.read(offset, count * sizeof(T));
  if (bytes.size() != count * sizeof(T)) {
    throw Error(file.path(), "is cut short: its tables lie beyond its end", copy_again);
  }
  std::vector<T> table(count);
  std::copy_n(bytes.data(), bytes.size(), reinterpret_cast<char*>(table.data()));  // which may be of nothing
  return table;
}

bool inside(const File& file, uint64_t offset, uint64_t size) {
  return offset <= file.stamp().size && size <= file.stamp().size - offset;
}

Elf64_Ehdr read_header(const File& file) {
  const auto refuse = [&](const std::string& problem, const std::string& fix) {
    throw Error(file.path(), problem, fix);
  };
  const std::string magic = file.read(0, EI_NIDENT);
  if (magic.empty()) refuse("is empty", copy_again);
  if (magic.size() < EI_NIDENT || std::memcmp(magic.data(), ELFMAG, SELFMAG) != 0) {
    refuse("is not a shared library (no ELF header)", use_the_macro);
  }
  if (magic[EI_CLASS] != ELFCLASS64) refuse("is not a 64-bit library, this host is", "rebuild it for 64 bits");
  if (magic[EI_DATA] != ELFDATA2LSB) refuse("is big-endian, this host is little-endian", "rebuild it on this machine");
  const auto header = read_table<Elf64_Ehdr>(file, 0, 1)[0];
  if (header.e_machine != this_machine) {
    refuse("is built for " + machine_name(header.e_machine) + ", this host is " + machine_name(this_machine),
           "rebuild it on this machine");
  }
  if (header.e_type != ET_DYN) {
    refuse(header.e_type == ET_EXEC  ? "is a program, not a shared library"
           : header.e_type == ET_REL ? "is an object file, not a shared library"
                                     : "is not a shared library (ELF type " + std::to_string(header.e_type) + ")",
           use_the_macro);
  }
  return header;
}

void check_segments(const File& file, const Elf64_Ehdr& header) {
  bool loads = false;
  const bool known = header.e_phentsize == sizeof(Elf64_Phdr);
  for (const auto& segment : read_table<Elf64_Phdr>(file, header.e_phoff, known ? header.e_phnum : 0)) {
    if (segment.p_type == PT_INTERP) throw Error(file.path(), "is a program, not a shared library", use_the_macro);
    if (segment.p_type != PT_LOAD && segment.p_type != PT_DYNAMIC) continue;
    if (!inside(file, segment.p_offset, segment.p_filesz)) {
      throw Error(file.path(),
                  "is cut short: it has " + std::to_string(file.stamp().size) + " bytes, its segments need more",
                  copy_again);
    }
    loads |= segment.p_type == PT_LOAD;
  }
  if (!loads) throw Error(file.path(), "is damaged: it has no segment to load", copy_again);
}

}  // namespace

std::string read_section(const File& file, const std::string& section) {
  const Elf64_Ehdr header = read_header(file);
  check_segments(file, header);
  const bool known = header.e_shentsize == sizeof(Elf64_Shdr) && header.e_shstrndx < header.e_shnum;
  const auto table = read_table<Elf64_Shdr>(file, header.e_shoff, known ? header.e_shnum : 0);
  if (table.empty()) {
    throw Error(file.path(), "has no section table, where a plugin's note is found",
                "strip it with `strip`, which keeps the table, or not at all");
  }
  const auto& names = table[header.e_shstrndx];
  const std::string text = file.read(names.sh_offset, names.sh_size) + '\0';
  for (const auto& entry : table) {
    if (entry.sh_name >= text.size() || section != text.data() + entry.sh_name) continue;
    if (entry.sh_type == SHT_NOBITS || !inside(file, entry.sh_offset, entry.sh_size)) {
      throw Error(file.path(), "is damaged: its section " + section + " lies beyond its end", copy_again);
    }
    return file.read(entry.sh_offset, entry.sh_size);
  }
  throw Error(file.path(), "is a shared library, but no Plexiform plugin (it has no section " + section + ")",
              use_the_macro);
}

std::vector<std::string> exported_symbols(const File& file) {
  const std::string table = read_section(file, ".dynsym"), names = read_section(file, ".dynstr") + '\0';
  std::vector<std::string> all;
  for (size_t at = 0; at + sizeof(Elf64_Sym) <= table.size(); at += sizeof(Elf64_Sym)) {
    Elf64_Sym symbol;
    std::memcpy(&symbol, table.data() + at, sizeof symbol);
    const bool local = ELF64_ST_BIND(symbol.st_info) == STB_LOCAL;
    if (local || symbol.st_shndx == SHN_UNDEF || symbol.st_name >= names.size()) continue;
    all.emplace_back(names.data() + symbol.st_name);
  }
  std::sort(all.begin(), all.end());
  return all;
}

}  // namespace plexiform::plugins
