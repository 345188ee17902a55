// What a batch knows beside the movie: the session it belongs to, and named tensors such as behaviour, pupil or eye
// position. Read by accessor only, so it can grow without breaking a compiled plugin. Valid during one forward call.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace plexiform {

struct Named {
  std::string name;
  at::Tensor tensor;
};

// The tensor of that name; undefined when there is none.
inline at::Tensor find(const std::vector<Named>& tensors, std::string_view name) {
  for (const auto& one : tensors) {
    if (one.name == name) return one.tensor;
  }
  return {};
}

class Given {
 public:
  Given() = default;
  explicit Given(std::string session, std::vector<Named> extras = {})
      : session_(std::move(session)), extras_(std::move(extras)) {}

  // The session's name; "" when a movie is shown to no session in particular.
  const std::string& session() const { return session_; }

  // The tensor of that name, batch axis first; undefined when the data have none.
  at::Tensor find(std::string_view name) const { return plexiform::find(extras_, name); }

 private:
  std::string session_;
  std::vector<Named> extras_;
};

}  // namespace plexiform
