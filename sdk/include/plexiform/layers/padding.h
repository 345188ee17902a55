// Zero padding of a space-time convolution, as a knob.
//   false, "valid"     none
//   true, "same"       the output is as large as the input
//   "same_space"       the output is as high and wide as the input; none in time
//   n                  n zeros on each side of every axis
//   [time, height, width]
// In space the odd zero of an even kernel with "same" lies to the right and at the bottom. In time
// all zeros, as many as are due on both sides together, lie before the first bin: an output bin
// never sees a later one.
#pragma once

#include <plexiform/params.h>

#include <array>

namespace plexiform::layers {

// Zeros before and after the data of one axis.
struct Zeros {
  int64_t before = 0, after = 0;
  int64_t total() const { return before + after; }
};

struct Padding {
  enum class Rule { sides, same, same_space };
  Rule rule = Rule::sides;
  std::array<int64_t, 3> sides = {0, 0, 0};  // of time, height, width; for Rule::sides

  static Padding same() { return {.rule = Rule::same}; }
  static Padding same_space() { return {.rule = Rule::same_space}; }

  // kernel: its length on that axis, in bins or px.
  // both_sides: split as in space. The output bin is then in the middle of what it sees: acausal.
  Zeros in_time(int64_t kernel, bool both_sides = false) const;
  Zeros in_height(int64_t kernel) const { return in_space(1, kernel); }
  Zeros in_width(int64_t kernel) const { return in_space(2, kernel); }

  static const char* type_name() {
    return "true, false, \"same\", \"same_space\", \"valid\", an integer or [time, height, width]";
  }

 private:
  Zeros in_space(size_t axis, int64_t kernel) const;
};
void from_json(const Json& json, Padding& padding);  // std::invalid_argument for anything else
void to_json(Json& json, const Padding& padding);

// One padding for several layers, or a list with one for each. [1, 2, 2] is one: three integers are
// time, height, width.
struct Paddings {
  std::vector<Padding> each = {Padding{}};

  bool fits(size_t layers) const { return each.size() == 1 || each.size() == layers; }
  const Padding& of(size_t layer) const { return each.size() == 1 ? each.front() : each.at(layer); }

  static const char* type_name() { return "a padding, or a list of them with one per layer"; }
};
void from_json(const Json& json, Paddings& paddings);
void to_json(Json& json, const Paddings& paddings);

}  // namespace plexiform::layers
