#include "draw.h"

#include <cmath>

namespace plexiform::conformance {

namespace {

constexpr int64_t small = 3;  // kernels, features, layers

std::string element_type(const Json& knob) {
  std::string type = knob.value("type", "");
  if (type.starts_with("list of ")) type.erase(0, 8);
  if (const size_t end = type.find(" or null"); end != std::string::npos) type.erase(end);
  return type;
}

double clamped(const Json& knob, double value) {
  if (knob.contains("max")) value = std::min(value, knob["max"].get<double>());
  if (knob.contains("min")) {
    const double min = knob["min"].get<double>();
    value = std::max(value, min);
    if (knob.contains("step")) {
      const double step = knob["step"].get<double>();
      value = min + std::floor((value - min) / step) * step;
    }
  }
  return value;
}

// A value of the element's type; null when the type is the author's own.
Json draw_element(const Json& knob, const Json& now, std::mt19937_64& random) {
  const std::string type = element_type(knob);
  const auto uniform = [&](double from, double to) { return std::uniform_real_distribution(from, to)(random); };
  if (type == "true or false") return random() % 2 == 0;
  if (knob.contains("choices")) return knob["choices"][random() % knob["choices"].size()];
  const double near = now.is_number() ? now.get<double>() : knob.value("min", 0.0);
  const double from = std::max(knob.value("min", near - 4), near - 4);
  if (type == "integer") {
    const double to = std::min(knob.value("max", near + 4), near + 4);
    return static_cast<int64_t>(clamped(knob, std::round(uniform(from, std::max(from, to)))));
  }
  if (type == "number") {
    const double to = std::min(knob.value("max", 2 * near + 1), 2 * near + 1);
    return random() % 4 == 0 ? clamped(knob, from) : clamped(knob, uniform(from, std::max(from, to)));
  }
  return nullptr;
}

}  // namespace

Json current(const Json& knobs, const Json& knob) {
  return knobs.contains(knob["name"]) ? knobs[knob["name"].get<std::string>()] : knob.value("default", Json());
}

std::optional<Json> guess(const Json& knob, int64_t channels) {
  const std::string type = element_type(knob);
  Json value;
  if (type == "true or false") value = true;
  if (type == "integer") value = static_cast<int64_t>(clamped(knob, small));
  if (type == "number") value = clamped(knob, 0.1);
  if (type == "text" && knob.contains("choices")) value = knob["choices"][0];
  if (value.is_null()) return {};
  if (!knob.value("type", "").starts_with("list of ")) return value;
  return knob["name"] == "channels" ? Json::array({channels, value, value}) : Json::array({value, value});
}

Json draw_setting(const Json& knobs, const Json& base, std::mt19937_64& random) {
  Json setting = base;
  for (const auto& knob : knobs) {
    if (random() % 3 != 0) continue;
    const std::string name = knob["name"], type = knob["type"];
    const Json now = current(base, knob);
    if (type.ends_with(" or null") && random() % 4 == 0) {
      setting[name] = nullptr;
    } else if (type.starts_with("list of ")) {
      Json list = now.is_array() ? now : Json::array();
      if (random() % 8 == 0) list.push_back(list.empty() ? Json(1) : list.back());
      for (auto& item : list) {
        if (const Json drawn = draw_element(knob, item, random); !drawn.is_null() && random() % 2 == 0) item = drawn;
      }
      if (!list.empty()) setting[name] = list;
    } else if (const Json drawn = draw_element(knob, now, random); !drawn.is_null()) {
      setting[name] = drawn;
    }
  }
  return setting;
}

}  // namespace plexiform::conformance
