// Resolves interpolations of one tree: follows paths, calls resolvers, finds cycles. Used by
// resolve.cpp only.
#pragma once

#include <config/grammar.h>
#include <config/resolve.h>

#include <deque>
#include <unordered_map>

namespace plexiform::config {

// A node and the way to it from its root, for relative paths.
struct Place {
  const Node* node = nullptr;
  std::shared_ptr<const Place> parent;  // null: a root
  std::string key;
};
using At = std::shared_ptr<const Place>;

struct PointsAtMissing {  // thrown: the value hangs on the ??? at `path`
  std::string path;
};

class Evaluator {
 public:
  Evaluator(const Node& root, const Resolvers& resolvers);  // both outlive it

  // The node at a dotted path, through interpolations; null when there is none. Throws
  // PointsAtMissing, Error.
  At find(std::string_view path);
  At find_in_hydra(std::string_view path);

  // The whole subtree; what hangs on a ??? is one. Throws Error.
  Node resolved(const At& at);
  // The value of an interpolation. Throws PointsAtMissing, Error.
  Node value(const At& at);
  // The node at the end of a chain of interpolations; null when it ends in a text or a call.
  At end_of_chain(const At& at);

 private:
  class Active;  // marks a node as being worked on, so that coming back to it is found out

  template <class Work>
  static auto in_place(const At& at, Work work) -> decltype(work());
  void grow(size_t amount);

  // Paths.
  At find(At at, std::string_view path);
  At entered(const At& at);
  At followed(const At& at);
  At select(const std::vector<std::string>& keys, At at, const std::string& shown);
  At target(const Interpolation& interpolation, const At& at);
  static At start_of(size_t dots, const At& at, const std::string& shown);
  [[noreturn]] static void not_found(const At& at, const std::vector<std::string>& keys, size_t i,
                                     const std::string& shown);

  // Texts.
  Node text_value(const std::vector<Piece>& pieces, const At& at);
  Node interpolated(const Interpolation& interpolation, const At& at);
  std::string joined(const std::vector<Piece>& pieces, const At& at);

  // Calls of resolvers (evaluator_calls.cpp).
  Node called(const Interpolation& call, const At& at);
  Node argument(const Element& element, const At& at);
  Node run(const std::string& name, const std::vector<Node>& arguments, const At& at, const std::string& written);
  At by_text(const std::string& text, const At& at, const std::string& shown);
  Node at_key(const std::string& key, const At& at, const std::string& shown);
  Node selected(const std::string& key, const Node& otherwise, const At& at, const std::string& shown);
  Node decoded(const Node& node, const At& at, const std::string& shown);

  const Resolvers& resolvers_;
  const Node hydra_holder_ = Node::map();
  const At root_, hydra_root_, hydra_;
  std::vector<At> active_;
  std::unordered_map<const Node*, Node> done_;
  std::deque<Node> owned_;  // results that a path goes on into
  size_t grown_ = 0;
};

// "model.core"
std::string path_of(const At& at);

}  // namespace plexiform::config
