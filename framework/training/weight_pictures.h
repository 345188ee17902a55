// Kernels and masks as picture files, of the components that have the ability Pictures (abilities.h).
#pragma once

#include <model/model.h>
#include <plexiform/host/observer.h>

#include <optional>
#include <string>
#include <vector>

namespace plexiform::training {

struct Picture {
  std::string name;  // "core/layer0.spatial", "readout/<session>/masks"
  std::string png;   // the file's bytes
  int64_t height = 0, width = 0;
};

// Each name's pictures side by side in one: blue below 0, white at 0, red above, all on one scale; a curve is drawn as a row
// of pixels. At most 64 of each name are shown, the first ones; small pixels are enlarged.
std::vector<Picture> weight_pictures(const model::Model& model);

struct WeightPicturesParams {
  std::optional<std::string> folder_path;
  int64_t every_n_epochs = 1, start_epoch = 0;
  bool plot_on_validation_end = false;
  void describe(auto& knob) {
    knob("folder_path", folder_path, {.doc = "folder of the pictures; null: none are drawn"});
    knob("every_n_epochs", every_n_epochs, {.doc = "epochs between two rounds of pictures", .min = 1});
    knob("start_epoch", start_epoch, {.doc = "first epoch with pictures, from 0", .min = 0});
    knob("plot_on_validation_end", plot_on_validation_end, {.doc = "accepted; they are drawn once, after validation"});
  }
};

// Writes <folder_path>/epoch_<n>/<name>.png, and epoch_init before the first epoch. A picture that cannot be written is told
// of and does not end the training.
class WeightPictures final : public host::Observer {
 public:
  WeightPictures(const WeightPicturesParams& params, const model::Model& model,
                 const std::vector<host::Observer*>& told)
      : params_(params), model_(model), told_(told) {}

  void epoch_begins(const host::Position& at) override;
  host::Next epoch_done(const host::Epoch& epoch) override;

 private:
  void draw(const std::string& name) const;

  WeightPicturesParams params_;
  const model::Model& model_;
  std::vector<host::Observer*> told_;
};

}  // namespace plexiform::training
