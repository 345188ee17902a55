#include <config/evaluator.h>

namespace plexiform::config {
namespace {

// The value at `path` of `tree`, which `find` looks up.
template <class Find>
Node read(Evaluator& evaluator, const Node& tree, const std::string& path, Find find) {
  At at;
  try {
    at = find();
    if (!at) throw Error(path, "no such node in the config", did_you_mean(path, tree.keys()));
    if (at->node->kind != Kind::interpolation) return evaluator.resolved(at);
    return evaluator.value(at);
  } catch (const PointsAtMissing& missing) {
    const std::string place = at ? where(*at->node, path) : path;
    throw Error(place, "hangs on '" + missing.path + "', which is ???", "set " + missing.path + "=VALUE");
  }
}

}  // namespace

Node resolve(const Node& root, const Resolvers& resolvers) { return resolve_at(root, "", resolvers); }

Node resolve_at(const Node& root, std::string_view path, const Resolvers& resolvers) {
  Evaluator evaluator(root, resolvers);
  return read(evaluator, root, std::string(path), [&] { return evaluator.find(path); });
}

Node resolve_hydra(const Node& root, std::string_view path, const Resolvers& resolvers) {
  Evaluator evaluator(root, resolvers);
  const std::string full = std::string("hydra.").append(path);
  return read(evaluator, resolvers.hydra, full, [&] { return evaluator.find_in_hydra(path); });
}

const Node* pointed_at(const Node& root, std::string_view path) {
  const Resolvers none;
  Evaluator evaluator(root, none);
  try {
    At at = evaluator.find(path);
    if (at) at = evaluator.end_of_chain(at);
    return at ? at->node : nullptr;
  } catch (const Error&) {
    return nullptr;
  } catch (const PointsAtMissing&) {
    return nullptr;
  }
}

}  // namespace plexiform::config
