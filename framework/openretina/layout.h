// A model's tensors as openretina's state dict has them: "core.<name>", "readout.<session>.<name>", or, for its models of one
// neuron or of one population, the readout's names alone.
#pragma once

#include <model/model.h>
#include <openretina/names.h>

#include <map>

namespace plexiform::openretina {

class Layout {
 public:
  // core, readout: openretina's names of them
  Layout(const std::string& core, const std::string& readout);

  bool single() const { return readout_.whole; }           // a model of one session
  bool population() const { return readout_.population; }  // and of all its neurons, not of one

  const char* only_session() const { return population() ? "population" : "neuron"; }  // the name that it gets here

  // Name and shape here of a tensor of theirs, and the other way.
  Named ours(const Named& theirs) const;
  Named theirs(const Named& ours) const;

  // What openretina's state dict has beside the model's own tensors, by its name: constants and copies.
  std::map<std::string, at::Tensor> beside(const model::Model& model) const;
  // Whether it is the name of a constant, also of one that only older versions have.
  bool constant(const std::string& theirs) const;
  // Whether openretina does not read it.
  bool unused(const std::string& theirs) const;
  // Of which tensor it is a copy; "" for others.
  std::string copied(const std::string& theirs) const;

 private:
  const Names &core_, &readout_;
};

}  // namespace plexiform::openretina
