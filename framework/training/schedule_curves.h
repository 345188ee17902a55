// The schedules that are one curve each, for schedule.cpp.
#pragma once

#include <training/schedule.h>

#include <utility>

namespace plexiform::training {

// What all of them accept: PyTorch's counter, which a checkpoint has here.
struct CurveParams {
  int64_t last_epoch = -1;
  std::optional<bool> verbose;
  void describe(auto& knob) {
    knob("last_epoch", last_epoch, {.doc = "accepted; --resume goes on where a run stopped", .min = -1, .max = -1});
    knob("verbose", verbose, {.doc = "accepted; the rate is a column of metrics.csv"});
  }
};

using MakeSchedule = std::unique_ptr<Schedule> (*)(const Json& knobs, const ScheduleContext& context);

// By PyTorch's class name.
const std::vector<std::pair<std::string, MakeSchedule>>& curves();

}  // namespace plexiform::training
