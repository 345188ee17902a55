// The second half of an import: a model of the parts that a checkpoint's arguments name, with the checkpoint's tensors.
#pragma once

#include <config/apply.h>
#include <openretina/import.h>
#include <openretina/layout.h>

namespace plexiform::openretina {

constexpr const char* correct_it = "correct the argument that brings it on the command line: KEY=VALUE";

std::string shape_text(const at::Tensor& tensor);  // "(2, 3)"

// The words "key=value" of the command line, which may name what is not there yet.
std::vector<config::Override> forced(const std::vector<std::string>& overrides);

// An Error about the config gets the file's name.
template <class F>
auto about(const std::string& file, F&& body) {
  try {
    return body();
  } catch (const Error& e) {
    if (e.where().find('/') != std::string::npos || e.where() == file) throw;
    throw Error(file + (e.where().empty() ? "" : ": " + e.where()), e.problem(), e.fix());
  }
}

struct Parts {
  config::Node node;  // core, readout and losses: what the host builds
  Layout layout;      // how openretina calls their tensors
};

// The parts of a model, from openretina's arguments of it (parts() of models.h), without what its classes take and do not
// use. Throws Error for what has no counterpart here.
Parts take_apart(const config::Node& model, plugins::Catalogue& catalogue, std::vector<std::string>& notes);

// Builds the model for the sessions of made.data and loads `state`, whose names are openretina's: fills in the model, its
// config and what became of each tensor. Throws Error when one is missing, of another shape, or unknown.
//   compat  of the config: "openretina", or "" for what computes the same without its quirks
void assemble(const std::string& file, const std::vector<Named>& state, const Parts& parts, const Shape& window,
              const std::string& compat, plugins::Catalogue& catalogue, Imported& made);

}  // namespace plexiform::openretina
