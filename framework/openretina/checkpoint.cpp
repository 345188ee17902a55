#include <openretina/checkpoint.h>

#include <algorithm>
#include <array>

namespace plexiform::openretina {

using config::Node;
using Kind = PickleValue::Kind;
using Value = const PickleValue*;

namespace {

// What checkpoints of openretina name. A name that ends in '.' or '_' stands for all that begin so.
constexpr std::array known_names = {
    "__builtin__.bytearray",
    "__builtin__.bytes",
    "__builtin__.complex",
    "__builtin__.dict",
    "__builtin__.float",
    "__builtin__.frozenset",
    "__builtin__.int",
    "__builtin__.list",
    "__builtin__.long",
    "__builtin__.object",
    "__builtin__.set",
    "__builtin__.slice",
    "__builtin__.str",
    "__builtin__.tuple",
    "__builtin__.unicode",
    "_codecs.encode",  // how NumPy's bytes are written
    "collections.OrderedDict",
    "collections.defaultdict",
    "copy_reg._reconstructor",
    "datetime.",
    "functools.partial",
    "lightning.",
    "numpy.core.multiarray.",
    "numpy._core.multiarray.",
    "numpy.dtype",
    "numpy.ndarray",
    "numpy.float32",
    "numpy.float64",
    "numpy.int64",
    "omegaconf.base.",
    "omegaconf.dictconfig.DictConfig",
    "omegaconf.listconfig.ListConfig",
    "omegaconf.nodes.",
    "openretina.",
    "pathlib.",
    "pytorch_lightning.",
    "torch.BFloat16Storage",
    "torch.BoolStorage",
    "torch.ByteStorage",
    "torch.DoubleStorage",
    "torch.FloatStorage",
    "torch.HalfStorage",
    "torch.IntStorage",
    "torch.LongStorage",
    "torch.Size",
    "torch._C._nn.",
    "torch._utils._rebuild_",
    "torch.device",
    "torch.exp",
    "torch.nn.functional.",
    "torch.nn.modules.",
    "torch.nn.parameter.",
    "torch.optim.",
    "typing.",
};

bool is_known(std::string name) {
  if (name.starts_with("builtins.")) name = "__builtin__." + name.substr(9);
  if (name.starts_with("copyreg.")) name = "copy_reg." + name.substr(8);
  return std::any_of(known_names.begin(), known_names.end(), [&](std::string_view known) {
    return known.ends_with('.') || known.ends_with('_') ? name.starts_with(known) : name == known;
  });
}

bool is_config(const PickleValue& value) {
  return value.made_by("omegaconf.dictconfig.DictConfig") || value.made_by("omegaconf.listconfig.ListConfig");
}
bool is_config_value(const PickleValue& value) {
  return value.kind == Kind::object && value.maker->kind == Kind::name &&
         value.maker->text.starts_with("omegaconf.nodes.");
}

// What an object of omegaconf holds.
Value held(const PickleValue& object) {
  const auto* found = object.state ? object.state->find(is_config(object) ? "_content" : "_val") : nullptr;
  return found && is_config_value(object) && is_config_value(*found) ? held(*found) : found;
}

// The entry of a dict, a list or one of omegaconf's by a key written out, or null.
Value child(const PickleValue& value, const std::string& key) {
  if (is_config(value)) return held(value) ? child(*held(value), key) : nullptr;
  if (const auto* entry = value.find(key)) return entry;
  if (value.items.empty() || key.empty() || key.size() > 4 || !std::all_of(key.begin(), key.end(), ::isdigit))
    return nullptr;
  const size_t index = std::stoul(key);
  return index < value.items.size() ? value.items[index] : nullptr;
}

Value descend(Value value, const std::string& path) {
  size_t from = 0;
  while (value && from < path.size()) {
    const size_t dot = std::min(path.find('.', from), path.size());
    value = child(*value, path.substr(from, dot - from));
    from = dot + 1;
  }
  return value;
}

// Turns a value into a node of our configs.
class Translator {
 public:
  explicit Translator(std::string file) : file_(std::move(file)) {}

  // root: where interpolations begin; path: what errors call it
  Node node(const PickleValue& value, Value root, const std::string& path, int depth = 0) const {
    if (depth > 40) refuse(path, "holds itself");
    switch (value.kind) {
      case Kind::none:
        return {};
      case Kind::boolean:
        return Node::truth(value.integer != 0);
      case Kind::integer:
        return Node::number(value.integer);
      case Kind::real:
        return Node::number(value.real);
      case Kind::text:
        return text(value.text, root, path, depth);
      case Kind::list:
      case Kind::tuple:
        return list(value, root, path, depth);
      case Kind::dict:
        return map(value, root, path, depth);
      default:
        break;
    }
    if (is_config(value)) {
      const auto* content = held(value);
      return content ? node(*content, top(value), path, depth + 1) : Node();
    }
    if (is_config_value(value)) return held(value) ? node(*held(value), root, path, depth + 1) : Node();
    if (value.made_by("torch.Size") || value.made_by("pathlib.PosixPath")) {
      const auto& given = value.arguments->items;
      if (value.made_by("torch.Size") && given.size() == 1) return node(*given[0], root, path, depth + 1);
      return Node::text("a path");
    }
    if (value.made_by("collections.OrderedDict")) return map(value, root, path, depth);
    refuse(path, "is " + value.what());
  }

 private:
  [[noreturn]] void refuse(const std::string& path, const std::string& what) const {
    throw Error(file_, "the model's argument '" + path + "' " + what + ", which has no counterpart here",
                "give its value on the command line: " + path + "=...");
  }

  // The config that a config is a part of.
  static Value top(const PickleValue& config) {
    Value at = &config;
    for (int i = 0; i < 40; ++i) {
      const auto* parent = at->state ? at->state->find("_parent") : nullptr;
      if (!parent || !is_config(*parent)) break;
      at = parent;
    }
    return at;
  }

  Node text(const std::string& text, Value root, const std::string& path, int depth) const {
    if (text == "???") return {};
    if (!root || text.find("${") == std::string::npos) return Node::text(text);
    const bool whole = text.starts_with("${") && text.find('}') == text.size() - 1;
    const auto* found = whole ? descend(root, text.substr(2, text.size() - 3)) : nullptr;
    if (!found) refuse(path, "is the interpolation " + text);
    return node(*found, root, path, depth + 1);
  }

  Node list(const PickleValue& value, Value root, const std::string& path, int depth) const {
    Node made = Node::list();
    for (size_t i = 0; i < value.items.size(); ++i) {
      made.items.push_back(node(*value.items[i], root, path + "." + std::to_string(i), depth + 1));
    }
    return made;
  }

  Node map(const PickleValue& value, Value root, const std::string& path, int depth) const {
    Node made = Node::map();
    for (const auto& [key, entry] : value.entries) {
      if (key->kind != Kind::text) refuse(path, "has the key " + key->what());
      made[key->text] = node(*entry, root, path + "." + key->text, depth + 1);
    }
    return made;
  }

  const std::string file_;
};

}  // namespace

Checkpoint::Checkpoint(const std::string& file) : file_(file), content_(file) {
  for (const auto& value : content_.values()) {
    if (value.kind != Kind::name || is_known(value.text)) continue;
    throw Error(file, "names " + value.text + ", which no checkpoint of openretina is made of",
                "do not open it with anything that unpickles: loading it would run that. Nothing was run here");
  }
  const auto* weights = content_.root().find("state_dict");
  if (!weights) {
    throw Error(file, "holds no state_dict: it is no checkpoint of Lightning",
                "give a .ckpt that openretina's training wrote");
  }
  for (const auto& [name, value] : weights->entries) {
    const auto tensor = name->kind == Kind::text ? content_.tensor(*value) : at::Tensor();
    if (!tensor.defined()) {
      throw Error(file,
                  "'" + (name->kind == Kind::text ? name->text : name->what()) + "' in its state_dict is " +
                      value->what() + ", not a tensor",
                  "use the checkpoint as openretina wrote it");
    }
    state_.push_back({name->text, tensor});
  }
  arguments_ = content_.root().find("hyper_parameters");
}

const PickleValue* Checkpoint::find(const std::string& path) const {
  return arguments_ ? descend(arguments_, path) : nullptr;
}

bool Checkpoint::has(std::string_view argument) const {
  const auto* found = find(std::string(argument));
  return found && found->kind != Kind::none;
}

std::vector<std::string> Checkpoint::arguments() const {
  std::vector<std::string> names;
  if (!arguments_) return names;
  for (const auto& [name, value] : arguments_->entries) {
    if (name->kind == Kind::text) names.push_back(name->text);
  }
  return names;
}

Node Checkpoint::value(const std::string& path) const {
  const auto* found = find(path);
  return found ? Translator(file_).node(*found, nullptr, path) : Node();
}

std::string Checkpoint::module_class(const std::string& path) const {
  const auto* found = find(path);
  const bool object = found && found->kind == Kind::object && found->maker->kind == Kind::name && found->state;
  const bool module = object && (found->state->find("_modules") || found->maker->text.starts_with("openretina."));
  return module ? found->maker->text : "";
}

const PickleValue* Checkpoint::find_module(const std::string& path, const std::string& module) const {
  const auto* at = find(path);
  size_t from = 0;
  while (at && from < module.size()) {
    const size_t dot = std::min(module.find('.', from), module.size());
    const auto* within = at->state ? at->state->find("_modules") : nullptr;
    at = within ? within->find(module.substr(from, dot - from)) : nullptr;
    from = dot + 1;
  }
  return at && at->kind == Kind::object ? at : nullptr;
}

Node Checkpoint::attribute(const std::string& path, const std::string& module, const std::string& name) const {
  const auto* at = find_module(path, module);
  const auto* found = at && at->state ? at->state->find(name) : nullptr;
  return found ? Translator(file_).node(*found, nullptr, path + "." + name) : Node();
}

std::vector<std::string> Checkpoint::modules(const std::string& path, const std::string& module) const {
  std::vector<std::string> names;
  const auto* at = find_module(path, module);
  const auto* within = at && at->state ? at->state->find("_modules") : nullptr;
  if (!within) return names;
  for (const auto& [name, value] : within->entries) names.push_back(name->text);
  return names;
}

}  // namespace plexiform::openretina
