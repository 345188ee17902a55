#include <ATen/ops/empty.h>
#include <plexiform/safetensors.h>

#include <algorithm>
#include <bit>
#include <boost/crc.hpp>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>
#include <set>

namespace plexiform {

static_assert(std::endian::native == std::endian::little, "tensors are stored as they lie in memory");

namespace {

using Json = nlohmann::ordered_json;
using Crc64 = boost::crc_optimal<64, 0x42F0E1EBA9EA3693, ~0ULL, ~0ULL, true, true>;  // CRC-64/XZ

constexpr uint64_t longest_header = 100'000'000;  // as the reference implementation
const std::string metadata_key = "__metadata__";
const std::string checksum_key = "plexiform.crc64";
const std::string no_checksum(16, '0');

constexpr std::pair<const char*, at::ScalarType> dtypes[] = {
    {"F64", at::kDouble}, {"F32", at::kFloat}, {"F16", at::kHalf}, {"BF16", at::kBFloat16}, {"I64", at::kLong},
    {"I32", at::kInt},    {"I16", at::kShort}, {"I8", at::kChar},  {"U8", at::kByte},       {"BOOL", at::kBool}};

const char* dtype_name(at::ScalarType dtype) {
  for (const auto& [name, known] : dtypes) {
    if (known == dtype) return name;
  }
  return nullptr;
}

std::optional<at::ScalarType> dtype_of(const std::string& name) {
  for (const auto& [known, dtype] : dtypes) {
    if (known == name) return dtype;
  }
  return {};
}

std::string hex(uint64_t value) {
  std::string text(16, '0');
  for (int i = 15; i >= 0; --i, value >>= 4) text[static_cast<size_t>(i)] = "0123456789abcdef"[value & 15];
  return text;
}

// Where the sixteen digits of the checksum lie in a header that has one.
size_t checksum_place(const std::string& header) {
  const std::string before = Json(checksum_key).dump() + ":\"";
  const size_t found = header.find(before);
  return found == std::string::npos ? found : found + before.size();
}

uint64_t start(Crc64& crc, std::string header) {
  if (const size_t place = checksum_place(header); place != std::string::npos) {
    header.replace(place, no_checksum.size(), no_checksum);
  }
  const uint64_t size = header.size();
  crc.process_bytes(&size, sizeof size);
  crc.process_bytes(header.data(), header.size());
  return size;
}

// One tensor of a file that is being read.
struct Entry {
  std::string name;
  at::ScalarType dtype;
  std::vector<int64_t> shape;
  uint64_t begin = 0, end = 0;  // bytes, from the end of the header
};

class Reader {
 public:
  Reader(const std::string& file, Checksum checksum) : file_(file) {
    in_.open(file, std::ios::binary);
    if (!in_) {
      throw Error(file, std::string("cannot be read: ") + std::strerror(errno), "check the name and its permissions");
    }
    std::error_code error;
    size_ = std::filesystem::file_size(file, error);
    if (error) throw Error(file, "is not a file", "choose a .safetensors file");
    read_header(checksum);
  }

  TensorFile tensors() {
    Crc64 crc;
    start(crc, header_);
    std::vector<size_t> order(entries_.size());  // as they lie in the file
    std::iota(order.begin(), order.end(), size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
      return std::pair(entries_[a].begin, entries_[a].end) < std::pair(entries_[b].begin, entries_[b].end);
    });
    const uint64_t data = size_ - sizeof(uint64_t) - header_.size();
    uint64_t at = 0;
    for (const size_t i : order) {
      const Entry& entry = entries_[i];
      if (entry.begin != at || entry.end > data) {
        damaged("tensor '" + entry.name + "' lies at bytes " + std::to_string(entry.begin) + " to " +
                std::to_string(entry.end) + ", expected from " + std::to_string(at) + " and within " +
                std::to_string(data));
      }
      at = entry.end;
    }
    if (at != data) damaged("holds " + std::to_string(data) + " bytes of data, its tensors need " + std::to_string(at));

    TensorFile content;
    content.metadata = metadata_;
    for (const Entry& entry : entries_) {
      content.tensors.push_back({entry.name, at::empty(entry.shape, at::TensorOptions(entry.dtype))});
    }
    for (const size_t i : order) {
      at::Tensor& tensor = content.tensors[i].tensor;
      const auto bytes = static_cast<std::streamsize>(tensor.nbytes());
      auto* into = static_cast<char*>(tensor.mutable_data_ptr());
      if (bytes > 0 && !in_.read(into, bytes)) damaged("ends within tensor '" + entries_[i].name + "'");
      crc.process_bytes(into, tensor.nbytes());
      if (entries_[i].dtype == at::kBool && std::any_of(into, into + bytes, [](char b) { return b != 0 && b != 1; })) {
        damaged("tensor '" + entries_[i].name + "' holds a bool that is neither 0 nor 1");
      }
    }
    if (checksum_ && hex(crc.checksum()) != *checksum_) damaged("checksum does not agree");
    return content;
  }

 private:
  [[noreturn]] void damaged(const std::string& what) const {
    throw Error(file_, "not a sound safetensors file: " + what, "use another copy of the file, or write it again");
  }

  void read_header(Checksum checksum) {
    uint64_t length = 0;
    if (!in_.read(reinterpret_cast<char*>(&length), sizeof length)) damaged("shorter than 8 bytes");
    if (length > longest_header || length > size_ - sizeof length) {
      damaged("header of " + std::to_string(length) + " bytes in a file of " + std::to_string(size_));
    }
    header_.resize(length);
    if (!in_.read(header_.data(), static_cast<std::streamsize>(length))) damaged("ends within the header");

    const Json json = parse();
    if (!json.is_object()) damaged("header is not a JSON object");
    for (const auto& [name, value] : json.items()) {
      if (name == metadata_key) {
        read_metadata(value);
      } else {
        entries_.push_back(read_entry(name, value));
      }
    }
    if (const auto found = metadata_.find(checksum_key); found != metadata_.end()) {
      checksum_ = found->second;
      metadata_.erase(found);
      const size_t place = checksum_place(header_);
      if (checksum_->size() != no_checksum.size() || place == std::string::npos ||
          header_.compare(place, checksum_->size(), *checksum_) != 0) {
        damaged("checksum is not 16 hexadecimal digits");
      }
    } else if (checksum == Checksum::required) {
      damaged("no checksum");
    }
  }

  Json parse() const {
    std::vector<std::set<std::string>> keys;  // of the objects that are open
    const auto watch = [&](int depth, Json::parse_event_t event, Json& value) {
      if (depth > 3) damaged("header is nested too deeply");
      if (event == Json::parse_event_t::object_start) keys.emplace_back();
      if (event == Json::parse_event_t::object_end) keys.pop_back();
      if (event == Json::parse_event_t::key && !keys.back().insert(value.get<std::string>()).second) {
        damaged("'" + value.get<std::string>() + "' occurs twice");
      }
      return true;
    };
    try {
      return Json::parse(header_, watch);
    } catch (const Json::exception&) {
      damaged("header is not JSON");
    }
  }

  void read_metadata(const Json& value) {
    if (!value.is_object()) damaged("metadata is not a map of texts");
    for (const auto& [key, text] : value.items()) {
      if (!text.is_string()) damaged("metadata '" + key + "' is not a text");
      metadata_[key] = text.get<std::string>();
    }
  }

  Entry read_entry(const std::string& name, const Json& value) const {
    const std::string tensor = "tensor '" + name + "' ";
    for (const char* key : {"dtype", "shape", "data_offsets"}) {
      if (!value.is_object() || !value.contains(key)) damaged(tensor + "has no " + key);
    }
    const auto whole_numbers = [&](const char* key) {
      std::vector<uint64_t> numbers;
      if (!value[key].is_array()) damaged(tensor + key + " is " + value[key].dump());
      for (const auto& item : value[key]) {
        if (!item.is_number_unsigned()) damaged(tensor + key + " is " + value[key].dump());
        numbers.push_back(item.get<uint64_t>());
      }
      return numbers;
    };
    const std::string dtype_text =
        value["dtype"].is_string() ? value["dtype"].get<std::string>() : value["dtype"].dump();
    const auto dtype = dtype_of(dtype_text);
    if (!dtype) {
      std::string all;
      for (const auto& [known, scalar] : dtypes) all += (all.empty() ? "" : ", ") + std::string(known);
      throw Error(file_, tensor + "has dtype " + dtype_text, "convert it to one of " + all);
    }
    Entry entry{name, *dtype, {}, 0, 0};
    uint64_t bytes = c10::elementSize(*dtype);
    bool empty = false;
    const auto shape = whole_numbers("shape");
    for (const uint64_t n : shape) {
      empty |= n == 0;
      const uint64_t factor = std::max<uint64_t>(n, 1);  // so that a product of the others cannot hide behind a zero
      if (factor > (uint64_t{1} << 62) / bytes) damaged(tensor + "shape is " + value["shape"].dump());
      bytes *= factor;
      entry.shape.push_back(static_cast<int64_t>(n));
    }
    if (empty) bytes = 0;
    const auto offsets = whole_numbers("data_offsets");
    if (offsets.size() != 2 || offsets[0] > offsets[1] || offsets[1] - offsets[0] != bytes) {
      damaged(tensor + "data_offsets is " + value["data_offsets"].dump() + " for " + std::to_string(bytes) + " bytes");
    }
    entry.begin = offsets[0];
    entry.end = offsets[1];
    return entry;
  }

  std::string file_;
  std::ifstream in_;
  uint64_t size_ = 0;
  std::string header_;
  std::vector<Entry> entries_;
  std::map<std::string, std::string> metadata_;
  std::optional<std::string> checksum_;
};

}  // namespace

TensorFile read_safetensors(const std::string& file, Checksum checksum) { return Reader(file, checksum).tensors(); }

void write_safetensors(const std::string& file, const TensorFile& content,
                       const std::function<void(const void* bytes, size_t size)>& put) {
  std::vector<at::Tensor> tensors;
  std::set<std::string> names;
  for (const auto& [name, tensor] : content.tensors) {
    const std::string place = file + ": tensor '" + name + "'";
    if (name == metadata_key) throw Error(place, "has a name that the format keeps for itself", "rename it");
    if (!names.insert(name).second) throw Error(place, "occurs twice", "give it another name");
    if (!tensor.defined()) throw Error(place, "is undefined", "leave it out");
    if (!dtype_name(tensor.scalar_type())) {
      throw Error(place, std::string("has dtype ") + c10::toString(tensor.scalar_type()), "convert it");
    }
    tensors.push_back(tensor.detach().to(at::kCPU).contiguous());
  }

  // Wide elements first, so that every tensor is aligned without gaps; the header keeps the
  // caller's order.
  std::vector<size_t> order(tensors.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return tensors[a].element_size() > tensors[b].element_size(); });
  std::vector<uint64_t> begins(tensors.size());
  uint64_t end = 0;
  for (const size_t i : order) {
    begins[i] = end;
    end += tensors[i].nbytes();
  }

  Json json = Json::object();
  json[metadata_key] = content.metadata;
  json[metadata_key][checksum_key] = no_checksum;
  for (size_t i = 0; i < tensors.size(); ++i) {
    json[content.tensors[i].name] = {{"dtype", dtype_name(tensors[i].scalar_type())},
                                     {"shape", tensors[i].sizes().vec()},
                                     {"data_offsets", {begins[i], begins[i] + tensors[i].nbytes()}}};
  }
  std::string header;
  try {
    header = json.dump();
  } catch (const Json::exception&) {
    throw Error(file, "a tensor's name or the metadata is not UTF-8", "use UTF-8");
  }
  header.resize((header.size() + 7) / 8 * 8, ' ');
  if (header.size() > longest_header) {
    throw Error(file, "header of " + std::to_string(header.size()) + " bytes", "write fewer tensors or less metadata");
  }

  Crc64 crc;
  const uint64_t size = start(crc, header);
  for (const size_t i : order) crc.process_bytes(tensors[i].const_data_ptr(), tensors[i].nbytes());
  header.replace(checksum_place(header), no_checksum.size(), hex(crc.checksum()));

  put(&size, sizeof size);
  put(header.data(), header.size());
  for (const size_t i : order) put(tensors[i].const_data_ptr(), tensors[i].nbytes());
}

}  // namespace plexiform
