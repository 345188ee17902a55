#include <ATen/ops/as_strided.h>
#include <ATen/ops/empty.h>
#include <caffe2/serialize/inline_container.h>
#include <plexiform/safetensors.h>
#include <plexiform/torch_file.h>

#include <boost/crc.hpp>
#include <filesystem>
#include <fstream>
#include <map>

#include "zip_checksums.h"

namespace plexiform {

using Kind = PickleValue::Kind;

namespace {

constexpr std::pair<const char*, at::ScalarType> storages[] = {
    {"torch.DoubleStorage", at::kDouble},     {"torch.FloatStorage", at::kFloat}, {"torch.HalfStorage", at::kHalf},
    {"torch.BFloat16Storage", at::kBFloat16}, {"torch.LongStorage", at::kLong},   {"torch.IntStorage", at::kInt},
    {"torch.ShortStorage", at::kShort},       {"torch.CharStorage", at::kChar},   {"torch.ByteStorage", at::kByte},
    {"torch.BoolStorage", at::kBool}};

[[noreturn]] void damaged(const std::string& file, const std::string& what) {
  throw Error(file, "not a sound file of torch.save: " + what, "use another copy of the file, or write it again");
}

std::string beginning(const std::string& file, uint64_t size) {
  std::ifstream in(file, std::ios::binary);
  std::error_code error;
  const auto there = std::filesystem::file_size(file, error);
  if (!in || error) throw Error(file, "cannot be read", "check the name and its permissions");
  std::string bytes(std::min<uint64_t>(size, there), 0);
  in.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  return bytes;
}
std::string whole(const std::string& file) { return beginning(file, ~uint64_t{0}); }

bool is_zip(const std::string& bytes) { return bytes.starts_with("PK\x03\x04"); }
bool is_old(const std::string& bytes) { return bytes.starts_with("\x80\x02\x8a\x0a"); }  // a pickled magic number

// Runs `body`; what LibTorch says of a damaged archive becomes an Error.
template <class F>
auto archived(const std::string& file, F&& body) {
  try {
    return body();
  } catch (const c10::Error& e) {
    damaged(file, e.what_without_backtrace());
  }
}

}  // namespace

// Where the bytes of the pickle and of the storages lie.
class TorchFile::Archive {
 public:
  struct Bytes {
    std::shared_ptr<const void> owner;
    std::string_view view;
  };
  virtual ~Archive() = default;
  virtual std::unique_ptr<Pickle> pickle() = 0;
  virtual Bytes storage(const std::string& key) = 0;

  std::map<std::string, at::Tensor> storages;  // those that were read, one-dimensional
};

namespace {

// ("storage", type, key, device, elements), as a tensor names its storage.
struct StorageId {
  std::string key;
  at::ScalarType dtype;
};
StorageId storage_id(const PickleValue& value, const std::string& file) {
  const auto* id = value.kind == Kind::persistent ? value.arguments : nullptr;
  if (!id || id->items.size() < 5 || id->items[0]->text != "storage" || id->items[1]->kind != Kind::name ||
      id->items[2]->kind != Kind::text) {
    damaged(file, "a tensor has no storage");
  }
  const std::string& type = id->items[1]->text;
  for (const auto& [name, dtype] : storages) {
    if (name == type) return {id->items[2]->text, dtype};
  }
  throw Error(file, "has a tensor of type " + type, "convert it to a plain dtype");
}

class ZipArchive final : public TorchFile::Archive {
 public:
  explicit ZipArchive(const std::string& file)
      : file_(file), limit_(std::filesystem::file_size(file)), reader_(file), checksums_(zip_checksums(file)) {
    if (reader_.hasRecord("byteorder") && read("byteorder").view != "little") {
      throw Error(file, "has big-endian numbers", "write it again on a little-endian machine");
    }
  }
  std::unique_ptr<Pickle> pickle() override {
    pickled_ = read("data.pkl");
    return std::make_unique<Pickle>(pickled_.view, file_);
  }
  Bytes storage(const std::string& key) override { return read("data/" + key); }

 private:
  Bytes read(const std::string& record) {
    if (!reader_.hasRecord(record)) damaged(file_, "has no record " + record);
    if (reader_.getRecordSize(record) > limit_) damaged(file_, "record " + record + " is larger than the file");
    auto [data, size] = reader_.getRecord(record);
    const auto owner = std::make_shared<at::DataPtr>(std::move(data));
    check(record, owner->get(), size);
    return {owner, {static_cast<const char*>(owner->get()), size}};
  }
  void check(const std::string& record, const void* data, size_t size) const {
    const auto known = checksums_.find(record);
    if (known == checksums_.end()) damaged(file_, "its directory has no record " + record);
    if (known->second == 0) return;  // left out
    boost::crc_32_type crc;
    crc.process_bytes(data, size);
    if (crc.checksum() != known->second) damaged(file_, "the checksum of record " + record + " does not agree");
  }

  const std::string file_;
  const size_t limit_;
  Bytes pickled_;  // as long as what was made of it
  caffe2::serialize::PyTorchStreamReader reader_;
  const std::map<std::string, uint32_t> checksums_;
};

// Five pickles (magic number, protocol, system, object, keys of the storages), then each storage: the number of its
// elements in 8 bytes, and their bytes.
class OldArchive final : public TorchFile::Archive {
 public:
  explicit OldArchive(const std::string& file) : file_(file), content_(std::make_shared<std::string>(whole(file))) {}

  std::unique_ptr<Pickle> pickle() override {
    std::string_view rest = *content_;
    auto next = [&] {
      auto pickle = std::make_unique<Pickle>(rest, file_);
      rest.remove_prefix(pickle->size());
      return pickle;
    };
    for (int i = 0; i < 3; ++i) next();
    auto object = next();
    std::map<std::string, size_t> widths;
    for (const auto& value : object->values()) {
      if (value.kind != Kind::persistent) continue;
      const auto [key, dtype] = storage_id(value, file_);
      widths[key] = c10::elementSize(dtype);
    }
    const auto keys = next();
    for (const auto* key : keys->root().items) {
      uint64_t elements = 0;
      if (rest.size() < sizeof elements) damaged(file_, "it ends within a storage");
      std::memcpy(&elements, rest.data(), sizeof elements);
      rest.remove_prefix(sizeof elements);
      const size_t width = widths[key->text];
      if (width == 0 || elements > rest.size() / width) damaged(file_, "it ends within a storage");
      places_[key->text] = rest.substr(0, elements * width);
      rest.remove_prefix(elements * width);
    }
    return object;
  }
  Bytes storage(const std::string& key) override {
    const auto found = places_.find(key);
    if (found == places_.end()) damaged(file_, "has no storage " + key);
    return {content_, found->second};
  }

 private:
  const std::string file_;
  const std::shared_ptr<const std::string> content_;
  std::map<std::string, std::string_view> places_;
};

}  // namespace

TorchFile::TorchFile(const std::string& file) : file_(file) {
  const std::string first = beginning(file, 4);
  if (!is_zip(first) && !is_old(first)) {
    throw Error(file, "was not written by torch.save", "choose a file of torch.save");
  }
  archived(file, [&] {
    if (is_zip(first)) {
      archive_ = std::make_unique<ZipArchive>(file);
    } else {
      archive_ = std::make_unique<OldArchive>(file);
    }
    pickle_ = archive_->pickle();
  });
}

TorchFile::~TorchFile() = default;

at::Tensor TorchFile::storage(const PickleValue& value) const {
  const auto [key, dtype] = storage_id(value, file_);
  auto& known = archive_->storages[key];
  if (known.defined()) return known;
  return archived(file_, [&, dtype = dtype, key = key] {
    const auto bytes = archive_->storage(key);
    const size_t count = bytes.view.size() / c10::elementSize(dtype);
    known = at::empty({static_cast<int64_t>(count)}, dtype);
    if (dtype == at::kBool) {  // any other byte than 0 and 1 has no meaning
      for (size_t i = 0; i < count; ++i) known.mutable_data_ptr<bool>()[i] = bytes.view[i] != 0;
    } else if (count > 0) {
      std::memcpy(known.mutable_data_ptr(), bytes.view.data(), count * c10::elementSize(dtype));
    }
    return known;
  });
}

at::Tensor TorchFile::tensor(const PickleValue& value) const {
  const auto* made = &value;
  if (made->made_by("torch._utils._rebuild_parameter")) {
    made = made->arguments->items.empty() ? made : made->arguments->items[0];
  }
  if (!made->made_by("torch._utils._rebuild_tensor_v2")) return {};
  const auto& arguments = made->arguments->items;  // storage, offset, size, stride, ...
  if (arguments.size() < 4) damaged(file_, "a tensor lacks its shape");
  const auto from = storage(*arguments[0]);
  std::vector<int64_t> size, stride;
  for (const auto* n : arguments[2]->items) size.push_back(n->integer);
  for (const auto* n : arguments[3]->items) stride.push_back(n->integer);
  const int64_t limit = from.numel(), offset = arguments[1]->integer;
  if (std::find(size.begin(), size.end(), 0) != size.end()) {
    return archived(file_, [&] { return at::empty(size, from.options()); });
  }
  // The last element has to lie in the storage, and a tensor is no larger than that: no views that repeat elements.
  int64_t last = offset, count = 1;
  bool fits = size.size() == stride.size() && offset >= 0 && offset < limit;
  for (size_t i = 0; fits && i < size.size(); ++i) {
    fits = size[i] > 0 && stride[i] >= 0 && size[i] <= limit / count &&
           size[i] - 1 <= (limit - 1 - last) / std::max<int64_t>(stride[i], 1);
    if (!fits) break;
    last += (size[i] - 1) * stride[i];
    count *= size[i];
  }
  if (!fits) damaged(file_, "a tensor lies outside of its storage");
  return from.as_strided(size, stride, offset).clone().contiguous();
}

std::vector<Named> read_state_dict(const std::string& file) {
  if (const auto first = beginning(file, 4); !is_zip(first) && !is_old(first)) {
    return read_safetensors(file).tensors;
  }
  const TorchFile content(file);
  const PickleValue* dict = &content.root();
  if (const auto* inner = dict->find("state_dict")) dict = inner;
  if (dict->kind != Kind::dict && !dict->made_by("collections.OrderedDict")) {
    throw Error(file, "holds " + dict->what() + ", not a state dict", "save model.state_dict(), and give that file");
  }
  std::vector<Named> tensors;
  for (const auto& [name, value] : dict->entries) {
    if (name->kind != Kind::text) throw Error(file, "has " + name->what() + " as a name", "use texts as names");
    const auto tensor = content.tensor(*value);
    if (!tensor.defined()) {
      throw Error(file, "'" + name->text + "' is " + value->what() + ", not a tensor", "save tensors alone");
    }
    tensors.push_back({name->text, tensor});
  }
  return tensors;
}

}  // namespace plexiform
