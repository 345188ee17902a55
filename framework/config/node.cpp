#include <config/node.h>

namespace plexiform::config {

const Node* Node::find(std::string_view key) const {
  for (const auto& [name, node] : entries) {
    if (name == key) return &node;
  }
  return nullptr;
}

}  // namespace plexiform::config
