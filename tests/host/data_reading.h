// Reads what a config written as JSON names, and says why it is refused.
#pragma once

#include <config/node.h>
#include <data/recordings.h>
#include <plexiform/error.h>

#include <string>

namespace example {

inline plexiform::data::Recordings read(const plexiform::Json& values) {
  return plexiform::data::read_recordings(plexiform::config::from_json(values));
}

// The whole sentence, without the folder that the test made; "accepted" when there is none.
inline std::string refusal(const plexiform::Json& data_io, const std::string& path) {
  try {
    read({{"data_io", data_io}});
  } catch (const plexiform::Error& e) {
    std::string text = e.what();
    for (auto at = text.find(path); at != std::string::npos; at = text.find(path)) text.replace(at, path.size(), "");
    return text;
  }
  return "accepted";
}

}  // namespace example
