// A file that TensorBoard reads: one record per epoch's metrics, text or picture.
// Format   a record is: length (8 bytes), checksum of it (4), an Event message of protocol buffers, checksum of that (4), all
//          little endian; a checksum is CRC-32C, rotated right by 15 bits, plus 0xa282ead8. Fields by number:
//          Event  1 wall_time, 2 step, 3 file_version, 5 summary      Summary  1 value
//          Value  1 tag, 2 simple_value, 4 image, 8 tensor, 9 metadata (its 1.1 names the plugin "text")
// Source   tensorflow/core/{lib/io/record_writer.h, util/event.proto, framework/summary.proto}
#pragma once

#include <cstdint>
#include <fstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace plexiform::training {

class EventFile {
 public:
  // Makes <folder>/events.out.tfevents.<seconds>.<host>.<process>; a run that is resumed adds another one, and TensorBoard
  // joins them. Throws Error when it cannot be written.
  explicit EventFile(const std::string& folder);

  // Numbers of one step, each under its tag ("val_correlation/retina_1").
  void scalars(int64_t step, const std::vector<std::pair<std::string, double>>& values);
  // Markdown.
  void text(int64_t step, const std::string& tag, std::string_view markdown);
  // A PNG file's bytes.
  void image(int64_t step, const std::string& tag, std::string_view png, int64_t height, int64_t width);

  const std::string& path() const { return path_; }

 private:
  void write(int64_t step, const std::string& summary);
  void write_record(const std::string& event);

  std::string path_;
  std::ofstream file_;
};

}  // namespace plexiform::training
