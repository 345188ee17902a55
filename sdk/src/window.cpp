#include <ATen/ops/cat.h>
#include <ATen/ops/zeros.h>
#include <plexiform/layers/window.h>

namespace plexiform::layers {

at::Tensor Window::push(const at::Tensor& frame) {
  const auto newest = frame.unsqueeze(2);
  if (seen_ == 0) {
    frames_ = at::zeros({frame.size(0), frame.size(1), bins_, frame.size(2), frame.size(3)}, frame.options());
  }
  frames_ = at::cat({frames_.slice(2, 1), newest}, 2);
  ++seen_;
  return seen_ + zeros_ >= bins_ ? frames_ : at::Tensor();
}

}  // namespace plexiform::layers
