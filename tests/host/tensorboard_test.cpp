// Event files: read back here record by record, and by TensorBoard itself where it is installed.
#include <plexiform/host/experiment.h>
#include <simulation/retina.h>

#include <boost/crc.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cstdlib>
#include <cstring>
#include <map>

#include "../folder.h"
#include "needed_plugins.h"

using namespace plexiform::host;
using Catch::Matchers::ContainsSubstring;

namespace {

// The fields of a protocol buffers message: number -> contents; numbers are given as their bytes.
using Message = std::multimap<uint64_t, std::string>;

uint64_t varint(const std::string& bytes, size_t& at) {
  uint64_t value = 0;
  for (int shift = 0;; shift += 7) {
    const auto byte = static_cast<uint8_t>(bytes.at(at++));
    value |= uint64_t{byte & 0x7fu} << shift;
    if (byte < 0x80) return value;
  }
}

Message parsed(const std::string& bytes) {
  Message fields;
  for (size_t at = 0; at < bytes.size();) {
    const uint64_t key = varint(bytes, at), type = key & 7;
    std::string content;
    if (type == 0) {
      const uint64_t value = varint(bytes, at);
      content.assign(reinterpret_cast<const char*>(&value), sizeof value);
    } else {
      const size_t size = type == 1 ? 8 : type == 5 ? 4 : varint(bytes, at);
      content = bytes.substr(at, size);
      REQUIRE(content.size() == size);
      at += size;
    }
    fields.emplace(key >> 3, content);
  }
  return fields;
}

template <class T>
T as(const std::string& bytes) {
  T value;
  REQUIRE(bytes.size() == sizeof value);
  std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

uint32_t masked(const std::string& bytes) {
  boost::crc_optimal<32, 0x1EDC6F41, 0xFFFFFFFF, 0xFFFFFFFF, true, true> crc;
  crc.process_bytes(bytes.data(), bytes.size());
  return (crc.checksum() >> 15 | crc.checksum() << 17) + 0xa282ead8;
}

struct Value {
  int64_t step = 0;
  std::string tag;
  Message content;
};

std::vector<Value> read_events(const std::string& file) {
  const std::string bytes = content(file);
  std::vector<Value> values;
  for (size_t at = 0; at < bytes.size();) {
    const std::string length = bytes.substr(at, 8);
    const auto size = as<uint64_t>(length);
    CHECK(as<uint32_t>(bytes.substr(at + 8, 4)) == masked(length));
    const std::string event = bytes.substr(at + 12, size);
    CHECK(as<uint32_t>(bytes.substr(at + 12 + size, 4)) == masked(event));
    at += size + 16;
    const Message fields = parsed(event);
    const auto summary = fields.find(5);
    if (summary == fields.end()) {
      CHECK(fields.find(3)->second == "brain.Event:2");
      continue;
    }
    const int64_t step = fields.count(2) ? as<int64_t>(fields.find(2)->second) : 0;
    const Message all = parsed(summary->second);
    for (auto [value, end] = all.equal_range(1); value != end; ++value) {
      const Message one = parsed(value->second);
      values.push_back({step, one.find(1)->second, one});
    }
  }
  return values;
}

// A run of the quickstart with the logger; its only event file.
struct Logged {
  Folder folder;
  Result result;
  std::string file;

  explicit Logged(std::vector<std::string> more = {}) {
    plexiform::simulation::write_retina(
        folder / "data", {.sessions = 1, .neurons = 3, .frames = 1500, .test_frames = 150, .repeats = 2});
    more.insert(more.begin(),
                {"paths.data_dir=" + folder / "data", "model.hidden_channels=[2]", "trainer.max_epochs=2",
                 "+trainer.limit_train_batches=4", "dataloader.batch_size=4", "+trainer.log_every_n_steps=2",
                 "~training_callbacks.early_stopping", "+logger=tensorboard"});
    result = Experiment({"quickstart", more, {}, folder / "run", {{}, {PLUGIN_DIR}}}).train();
    for (const auto& entry : std::filesystem::directory_iterator(folder.path / "run/tensorboard")) file = entry.path();
  }
};

}  // namespace

TEST_CASE("TensorBoard's files hold an epoch's metrics, its steps, the config and pictures of the weights") {
  need_quickstart_plugins();
  const Logged run;
  std::map<std::string, size_t> steps_of;
  for (const auto& [step, tag, value] : read_events(run.file)) {
    INFO(tag << " at " << step);
    ++steps_of[tag];
    if (tag == "config") {
      CHECK_THAT(value.find(8)->second, ContainsSubstring("hidden_channels"));
      CHECK_THAT(value.find(9)->second, ContainsSubstring("text"));
    } else if (const auto image = value.find(4); image != value.end()) {
      const Message picture = parsed(image->second);
      CHECK(picture.find(4)->second.starts_with("\x89PNG"));
      CHECK(as<uint64_t>(picture.find(1)->second) >= 32);
    } else if (tag == "val_loss" || tag == "val_correlation") {
      const auto& row = run.result.history[step == 4 ? 0 : 1];
      CHECK(as<float>(value.find(2)->second) == row[tag].get<float>());
    }
  }
  CHECK(steps_of["config"] == 1);
  CHECK(steps_of["val_loss"] == 2);
  CHECK(steps_of["train_loss_step"] == 4);  // every second of 8 steps
  CHECK(std::any_of(steps_of.begin(), steps_of.end(), [](auto& one) { return one.first.starts_with("readout/"); }));
}

TEST_CASE("TensorBoard reads what the logger writes") {
  need_quickstart_plugins();
  const char* chosen = std::getenv("PLEXIFORM_TENSORBOARD_PYTHON");
  const std::string python = chosen ? chosen : TENSORBOARD_PYTHON;
  if (std::system((python + " -c 'import tensorboard' 2>/dev/null").c_str()) != 0) {
    SKIP("TensorBoard is not installed for " << python << "; PLEXIFORM_TENSORBOARD_PYTHON names another Python");
  }
  const Logged run;
  const std::string output = run.folder / "read.json";
  REQUIRE(std::system(
              (python + " " SOURCE_DIR "/tests/data/read_events.py " + run.folder / "run/tensorboard" + " > " + output)
                  .c_str()) == 0);
  const Json read = Json::parse(content(output));
  for (const char* metric : {"train_loss", "val_loss", "val_correlation", "lr"}) {
    INFO(metric);
    for (const auto& [step, value] : read["scalars"][metric].items()) {
      if (std::string(metric) == "lr") continue;
      CHECK(value.get<float>() == run.result.history[step == "4" ? 0 : 1][metric].get<float>());
    }
    CHECK(read["scalars"][metric].size() >= 2);
  }
  CHECK_THAT(read["config"].get<std::string>(), ContainsSubstring("hidden_channels"));
  CHECK(read["images"].size() >= 1);
}

TEST_CASE("weight pictures are files of the run folder, before the first epoch and after each") {
  need_quickstart_plugins();
  const Logged run({"+training_callbacks@training_callbacks=weight_visualization"});
  const std::filesystem::path pictures = run.folder.path / "run/weight_plots";
  for (const char* when : {"epoch_init", "epoch_0", "epoch_1"}) {
    INFO(when);
    size_t count = 0;
    for (const auto& file : std::filesystem::recursive_directory_iterator(pictures / when)) {
      if (!file.is_regular_file()) continue;
      CHECK(content(file.path()).starts_with("\x89PNG"));
      ++count;
    }
    CHECK(count >= 1);
  }
}
