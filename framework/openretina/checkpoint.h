// A checkpoint of openretina (Lightning's .ckpt): the tensors of its state dict, and what its model was built from. Nothing of
// the file is run: it is read as data (plexiform/torch_file.h), and a file that names anything but the classes which
// such checkpoints are made of is refused.
// Errors   Error(file, what, fix).
#pragma once

#include <ATen/core/Tensor.h>
#include <config/node.h>
#include <plexiform/torch_file.h>

#include <optional>

namespace plexiform::openretina {

class Checkpoint {
 public:
  explicit Checkpoint(const std::string& file);

  const std::string& file() const { return file_; }
  const std::vector<Named>& state() const { return state_; }  // in the file's order

  // Whether the model was built with that argument, and it was not None.
  bool has(std::string_view argument) const;
  std::vector<std::string> arguments() const;

  // Arguments, and what lies in them, by dotted path ("core", "data_info.input_shape"): numbers, texts, lists and mappings,
  // configs of omegaconf with their interpolations resolved; null when there is none. Throws Error, naming it, for a value
  // that is none of these.
  config::Node value(const std::string& path) const;

  // Of an argument that is a whole pickled module of PyTorch, or an object of openretina's: its class; "" when it is none.
  std::string module_class(const std::string& path) const;
  // And an attribute of it, or of a module within it ("core", "features.layer0.conv", "padding").
  config::Node attribute(const std::string& path, const std::string& module, const std::string& name) const;
  // The names of the modules directly within a module.
  std::vector<std::string> modules(const std::string& path, const std::string& module) const;

 private:
  const PickleValue* find(const std::string& path) const;
  const PickleValue* find_module(const std::string& path, const std::string& module) const;

  const std::string file_;
  const TorchFile content_;
  const PickleValue* arguments_ = nullptr;
  std::vector<Named> state_;
};

}  // namespace plexiform::openretina
