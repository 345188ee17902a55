#include <fmt/format.h>
#include <plexiform/error.h>
#include <training/event_file.h>
#include <unistd.h>

#include <array>
#include <bit>
#include <chrono>
#include <cstring>
#include <filesystem>

namespace plexiform::training {
namespace {

// ---- Protocol buffers: a message is a row of (number << 3 | type, content)

std::string varint(uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7) bytes += static_cast<char>(value | 0x80);
  return bytes + static_cast<char>(value);
}

template <class T>
std::string raw(T value) {  // little endian: x86-64 and arm64 are
  static_assert(std::endian::native == std::endian::little);
  std::string bytes(sizeof value, '\0');
  std::memcpy(bytes.data(), &value, sizeof value);
  return bytes;
}

std::string field(int number, int64_t value) { return varint(number << 3) + varint(static_cast<uint64_t>(value)); }
std::string field(int number, double value) { return varint(number << 3 | 1) + raw(value); }
std::string field(int number, float value) { return varint(number << 3 | 5) + raw(value); }
std::string field(int number, std::string_view bytes) {
  return varint(number << 3 | 2) + varint(bytes.size()) + std::string(bytes);
}

// ---- Records

uint32_t crc32c(std::string_view bytes) {
  static const auto table = [] {
    std::array<uint32_t, 256> all{};
    for (uint32_t i = 0; i < 256; ++i) {
      uint32_t c = i;
      for (int bit = 0; bit < 8; ++bit) c = c & 1 ? 0x82f63b78u ^ (c >> 1) : c >> 1;
      all[i] = c;
    }
    return all;
  }();
  uint32_t crc = ~0u;
  for (const char byte : bytes) crc = table[(crc ^ static_cast<uint8_t>(byte)) & 0xff] ^ (crc >> 8);
  return ~crc;
}

std::string checksum(std::string_view bytes) { return raw(std::rotr(crc32c(bytes), 15) + 0xa282ead8u); }

double now() { return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count(); }

std::string host_name() {
  char name[256] = "";
  gethostname(name, sizeof name - 1);
  return name;
}

}  // namespace

EventFile::EventFile(const std::string& folder)
    : path_(
          fmt::format("{}/events.out.tfevents.{}.{}.{}", folder, static_cast<int64_t>(now()), host_name(), getpid())) {
  std::filesystem::create_directories(folder);
  file_.open(path_, std::ios::binary | std::ios::app);
  write_record(field(1, now()) + field(3, std::string_view("brain.Event:2")));
}

void EventFile::scalars(int64_t step, const std::vector<std::pair<std::string, double>>& values) {
  std::string summary;
  for (const auto& [tag, value] : values) summary += field(1, field(1, tag) + field(2, static_cast<float>(value)));
  write(step, summary);
}

void EventFile::text(int64_t step, const std::string& tag, std::string_view markdown) {
  constexpr int64_t string_type = 7;
  const std::string shape = field(2, field(1, int64_t{1}));  // one dimension of size 1
  const std::string tensor = field(1, string_type) + field(2, shape) + field(8, markdown);
  const std::string metadata = field(1, field(1, std::string_view("text")));
  write(step, field(1, field(1, tag) + field(8, tensor) + field(9, metadata)));
}

void EventFile::image(int64_t step, const std::string& tag, std::string_view png, int64_t height, int64_t width) {
  constexpr int64_t rgb = 3;
  const std::string image = field(1, height) + field(2, width) + field(3, rgb) + field(4, png);
  write(step, field(1, field(1, tag) + field(4, image)));
}

void EventFile::write(int64_t step, const std::string& summary) {
  write_record(field(1, now()) + field(2, step) + field(5, summary));
}

void EventFile::write_record(const std::string& event) {
  const std::string length = raw(static_cast<uint64_t>(event.size()));
  file_ << length << checksum(length) << event << checksum(event);
  file_.flush();
  if (!file_) {
    throw Error(path_, "cannot be written",
                "free space on the disk, allow writing there, or leave out the TensorBoard logger");
  }
}

}  // namespace plexiform::training
