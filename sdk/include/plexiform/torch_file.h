// Files that Python's torch.save wrote (a zip archive, and what came before PyTorch 1.6), without running what is in them.
//
//   TorchFile file("model.ckpt");
//   if (auto* weights = file.root().find("state_dict")) ... file.tensor(*value)
//
// and, for weights alone, of these files and of safetensors:
//
//   for (const auto& [name, tensor] : read_state_dict("vgg16.pth")) ...
//
// Errors   Error(file, what, fix). A damaged or wicked file never crashes, and its tensors never ask for more memory than
//          the file's size.
// Source   the archive and its pickle: PyTorch, torch/serialization.py and torch/_utils.py.
#pragma once

#include <ATen/core/Tensor.h>
#include <plexiform/given.h>
#include <plexiform/pickle.h>

#include <memory>

namespace plexiform {

class TorchFile {
 public:
  explicit TorchFile(const std::string& file);
  ~TorchFile();

  const PickleValue& root() const { return pickle_->root(); }
  const std::deque<PickleValue>& values() const { return pickle_->values(); }  // all that there is in it

  // The tensor (CPU, contiguous, without grad) that a value stands for; undefined when it is none.
  at::Tensor tensor(const PickleValue& value) const;

  class Archive;  // of the implementation

 private:
  at::Tensor storage(const PickleValue& value) const;

  const std::string file_;
  std::unique_ptr<Archive> archive_;
  std::unique_ptr<Pickle> pickle_;
};

// Tensors by name, in their order: from safetensors, from a state dict that torch.save wrote, or from a checkpoint that
// has one under "state_dict". Anything else in a state dict is refused by name.
std::vector<Named> read_state_dict(const std::string& file);

}  // namespace plexiform
