// Trained models of the same sessions as one: their predictions are averaged. A folder with ensemble.json and one
// bundle (bundle.h) for each member, named 0, 1, ...: it holds all that it needs.
//
//   ensemble.json  {"format": "plexiform.ensemble/1", "members": ["0", "1", ...]}
//
// Where a bundle is read, an ensemble can be: it is a bundle of several.
#pragma once

#include <model/bundle.h>

namespace plexiform::model {

// Copies the bundles into `folder`, which is not there yet; it appears whole or not at all. Throws Error when there are
// fewer than two, or they do not belong together: other sessions, neurons, stimuli, normalisation or lag.
//   runs  run folders, bundles, or folders of sweeps, whose runs that are done all join
void write_ensemble(const std::string& folder, const std::vector<std::string>& runs);

// The bundles of an ensemble, or the one bundle that `folder` is. None: neither is there.
std::vector<std::string> members(const std::string& folder);

// All of them, read. Throws Error as read_bundle() does.
std::vector<Bundle> read_members(const std::string& folder, plugins::Catalogue& catalogue);

}  // namespace plexiform::model
