#include <plexiform/layers/padding.h>

namespace plexiform::layers {

namespace {

Zeros halves(int64_t zeros) { return {zeros / 2, zeros - zeros / 2}; }

int64_t count(const Json& json) {
  if (!json.is_number_integer() || json.get<int64_t>() < 0) throw std::invalid_argument("");
  return json.get<int64_t>();
}

bool is_per_axis(const Json& json) {
  return json.is_array() && json.size() == 3 &&
         std::all_of(json.begin(), json.end(), [](const Json& n) { return n.is_number(); });
}

}  // namespace

Zeros Padding::in_time(int64_t kernel, bool both_sides) const {
  if (rule == Rule::same_space) return {};
  const Zeros zeros = rule == Rule::same ? halves(kernel - 1) : Zeros{sides[0], sides[0]};
  return both_sides ? zeros : Zeros{zeros.total(), 0};
}

Zeros Padding::in_space(size_t axis, int64_t kernel) const {
  return rule == Rule::sides ? Zeros{sides[axis], sides[axis]} : halves(kernel - 1);
}

void from_json(const Json& json, Padding& padding) {
  padding = {};
  if (json == true || json == "same") {
    padding.rule = Padding::Rule::same;
  } else if (json == "same_space") {
    padding.rule = Padding::Rule::same_space;
  } else if (is_per_axis(json)) {
    for (size_t axis = 0; axis < 3; ++axis) padding.sides[axis] = count(json[axis]);
  } else if (json != false && json != "valid") {
    padding.sides.fill(count(json));
  }
}

void to_json(Json& json, const Padding& padding) {
  switch (padding.rule) {
    case Padding::Rule::same:
      json = "same";
      break;
    case Padding::Rule::same_space:
      json = "same_space";
      break;
    case Padding::Rule::sides:
      json = padding.sides;
      break;
  }
}

void from_json(const Json& json, Paddings& paddings) {
  const bool one = !json.is_array() || is_per_axis(json);
  paddings.each.clear();
  for (const auto& item : one ? Json::array({json}) : json) {
    paddings.each.push_back(item.get<Padding>());
  }
  if (paddings.each.empty()) throw std::invalid_argument("");
}

void to_json(Json& json, const Paddings& paddings) {
  if (paddings.each.size() == 1) {
    json = paddings.each.front();
  } else {
    json = paddings.each;
  }
}

}  // namespace plexiform::layers
