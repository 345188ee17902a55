#include <fnmatch.h>
#include <plexiform/error.h>
#include <training/frozen.h>

#include <algorithm>

namespace plexiform::training {

void freeze(const model::Model& model, const std::vector<std::string>& patterns) {
  const auto parameters = model.parameters();
  std::vector<std::string> names;
  for (const auto& parameter : parameters) names.push_back(parameter.name);
  for (const auto& pattern : patterns) {
    bool any = false;
    for (const auto& [name, tensor] : parameters) {
      if (fnmatch(pattern.c_str(), name.c_str(), 0) != 0) continue;
      tensor.requires_grad_(false);
      any = true;
    }
    if (!any && pattern != "core.*") {  // a core may have no parameters
      throw Error("frozen", "'" + pattern + "' matches no parameter", did_you_mean(pattern, names));
    }
  }
  if (std::none_of(parameters.begin(), parameters.end(), [](const Named& one) { return one.tensor.requires_grad(); })) {
    throw Error("frozen", "leaves no parameter to train", "freeze fewer: " + did_you_mean("", names));
  }
}

}  // namespace plexiform::training
