// An ensemble that openretina published in 2024, made models here. Its folder has three files for each member, by the seed that
// it was trained with: config_00000.yaml (the model's arguments), data_info_00000.pkl (sessions and sizes) and
// state_dict_00000.pth.tar. Nothing in them is run: only Python's lists, tuples, arrays and tensors are read.
#pragma once

#include <openretina/import.h>

namespace plexiform::openretina {

// The members in the order of their seeds. They compute what openretina's do without compat: openretina, whose quirks are
// those of later classes.
//   overrides  "key=value" for arguments of the model, of all members
// Throws Error(file, what, fix): a file is missing or damaged, the model is another than SFB3d_core_SxF3d_readout or one
// that openretina does not run (legacy.h), members of different sessions or stimuli.
std::vector<Imported> import_legacy(const std::string& folder, const std::vector<std::string>& overrides,
                                    plugins::Catalogue& catalogue);

}  // namespace plexiform::openretina
