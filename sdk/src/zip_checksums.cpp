#include "zip_checksums.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string_view>

namespace plexiform {
namespace {

// Little-endian; 0 where the bytes end before.
uint64_t number(std::string_view bytes, size_t at, size_t width) {
  uint64_t value = 0;
  if (at + width > bytes.size()) return 0;
  for (size_t k = width; k-- > 0;) value = value << 8 | static_cast<unsigned char>(bytes[at + k]);
  return value;
}

constexpr uint64_t end_record = 22, longest_comment = 0xffff, locator = 20, end_record_64 = 56, elsewhere = 0xffffffff;
constexpr size_t entry_header = 46;

}  // namespace

std::map<std::string, uint32_t> zip_checksums(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  const uint64_t size = std::filesystem::file_size(file);
  const auto read = [&](uint64_t at, uint64_t count) {
    std::string bytes(at < size ? std::min(count, size - at) : 0, 0);
    in.seekg(static_cast<std::streamoff>(at));
    in.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    return bytes;
  };
  const uint64_t last = size - std::min(size, end_record + longest_comment);
  const std::string tail = read(last, size);
  const size_t end = tail.rfind("PK\x05\x06");
  if (end == tail.npos) return {};
  uint64_t length = number(tail, end + 12, 4), start = number(tail, end + 16, 4);
  if (length == elsewhere || start == elsewhere) {  // they are in the record of 64 bits
    const std::string record = read(number(read(last + end - locator, locator), 8, 8), end_record_64);
    length = number(record, 40, 8);
    start = number(record, 48, 8);
  }
  const std::string directory = read(start, length);
  std::map<std::string, uint32_t> sums;
  for (size_t at = 0; at + entry_header <= directory.size() && directory.compare(at, 4, "PK\x01\x02") == 0;) {
    const size_t name_length = number(directory, at + 28, 2);
    const std::string name = directory.substr(at + entry_header, name_length);
    sums[name.substr(name.find('/') + 1)] = static_cast<uint32_t>(number(directory, at + 16, 4));
    at += entry_header + name_length + number(directory, at + 30, 2) + number(directory, at + 32, 2);
  }
  return sums;
}

}  // namespace plexiform
