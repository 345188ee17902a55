// Recordings of Hoefling et al. 2024 (mouse, two-photon calcium imaging, 30 Hz), `plexiform.data.Hoefling2024`.
//   movies      a pickled dict: train (C, T, H, W), test (C, T', H, W), both normalised; random_sequences
//               (clips, sequences): column s holds the training clips in the order in which sequence s shows them
//   responses   HDF5, a group per session (an imaged field); data sets, <stim> being natural, chirp or mb:
//     <stim>_inferred_spikes or <stim>_spikes, or _raw_traces, _smoothed_traces, _preprocessed_traces   (N, T_ca)
//     <stim>_traces_times (N, T_ca) in s, or <stim>_traces_t0 and <stim>_traces_dt
//     <stim>_trigger_times (N or 1, triggers) in s: when each clip began
//     group_assignment (N) cell type 1 to 46; group_confidences (N, groups); d_qi, chirp_qi (N) quality indices
//     roi_ids (N), roi_mask (rows, columns): pixel -i belongs to region i; optional
//   attributes  eye, left or right: what a left eye saw is mirrored; scan_sequence_idx: which sequence
// A natural recording is [test][half of the training clips][test][the other half][test], clips of 150 frames. One copy
// of the movie serves all sessions; each has its own order of clips, mirrored for a left eye.
// response_type chirp and mb: `movies` is the stimulus instead (light_stimuli.h). Each showing of the chirp, and of each of
// the eight bars, is a training trial; there is no test, and traces have the s.d. 1 over all of it.
// Session::info gets group_assignment, cell_type (the same), roi_ids, and positions (N, 2), y and x in -1 to 1 of the
// stimulus field, from roi_mask.
#pragma once

#include <config/node.h>
#include <data/recordings.h>
#include <plexiform/params.h>

#include <string>
#include <vector>

namespace plexiform::data {

struct Hoefling2024Params {
  std::string movies, responses;
  std::string response_type = "natural", trace_type = "spikes";
  double scale_traces = 1;
  bool filter_cell_types = false;
  std::vector<int64_t> cell_types_list;
  double d_qi = 0, chirp_qi = 0, classifier_confidence = 0;
  std::string qi_logic = "or";
  bool filter_counts = true;
  int64_t count_threshold = 10;
  bool verbose = false;
  int64_t light_rate_hz = 30;
  bool std_of_training =
      true;  // no knob: compat: openretina says false, and traces are divided by the s.d. of all of it
  void describe(auto& knob) {
    knob("movies", movies, {.doc = "pickle with train, test and random_sequences; or the chirp, or the bars", .required = true});
    knob("responses", responses, {.doc = "HDF5 file with a group per session", .required = true});
    knob("response_type", response_type, {.doc = "which stimulus", .choices = {"natural", "chirp", "mb"}});
    knob("light_rate_hz", light_rate_hz,
         {.doc = "of the file of a chirp or of bars; responses are at 30", .unit = "Hz", .min = 30, .max = 60, .step = 30});
    knob("trace_type", trace_type,
         {.doc = "which traces; detrended: raw - smoothed", .choices = {"spikes", "raw", "preprocessed", "detrended"}});
    knob("scale_traces", scale_traces, {.doc = "factor of the traces, after division by their s.d.", .min = 1e-12});
    knob("filter_cell_types", filter_cell_types, {.doc = "keep the types of cell_types_list alone"});
    knob("cell_types_list", cell_types_list, {.doc = "cell types to keep", .min = 1});
    knob("d_qi", d_qi, {.doc = "least quality index of responses to the moving bar"});
    knob("chirp_qi", chirp_qi, {.doc = "least quality index of responses to the chirp"});
    knob("qi_logic", qi_logic, {.doc = "whether one index has to be good enough or both", .choices = {"or", "and"}});
    knob("classifier_confidence", classifier_confidence,
         {.doc = "least confidence in the cell type", .min = 0, .max = 1});
    knob("filter_counts", filter_counts, {.doc = "drop sessions of few cells"});
    knob("count_threshold", count_threshold, {.doc = "sessions need more cells than that", .min = 0});
    knob("verbose", verbose, {.doc = "accepted"});
  }
};

// Throws Error(file or "file: what", what, fix).
Recordings read_hoefling_2024(const Hoefling2024Params& params);

// The knobs above from openretina's nested functions.
config::Node join_hoefling(const config::Node& stimuli, const config::Node& responses);

}  // namespace plexiform::data
