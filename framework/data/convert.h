// Between layouts: any recordings into a file of our own (recordings_file.h), and such a file into the generic folder
// (hdf5_folder.h) and back. Between those two whole HDF5 objects are copied, so that what nobody here knows survives;
// what recordings_file.h keeps beside stimuli and sessions lies in about/about.h5 of such a folder.
// Writing  The file or folder appears when it is complete; what is refused leaves nothing.
// Errors   Error(file or "file: /data/set", what, fix).
#pragma once

#include <data/hdf5_folder.h>
#include <data/recordings.h>

#include <string>

namespace plexiform::data {

// Where recordings are from, for the attributes of the file.
struct Provenance {
  std::string source;    // the name of the file or folder, without its place
  std::string layout;    // plexiform.data.X
  std::string settings;  // the reader's knobs, as JSON
};

// As they were read: responses and repeats as float32, stimuli as stored, with all that says how they were shown.
void write_recordings_file(const std::string& file, const Recordings& recordings, const Provenance& provenance);

enum class Stimuli { copied, linked };  // linked: the file names the .npy files, relative to its own folder

// The folder's data sets as they are, and what `params` say of them.
void pack_hdf5_folder(const Hdf5FolderParams& params, const std::string& file, const Provenance& provenance,
                      Stimuli stimuli = Stimuli::copied);

// The other way, into an existing, empty folder.
void unpack_recordings_file(const std::string& file, const std::string& folder);

}  // namespace plexiform::data
