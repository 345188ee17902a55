// Hyperparameters: one plain struct per component, whose fields are listed once in
//
//   void describe(auto& knob) { knob("kernel", kernel, {.doc = "filter side", .unit = "px", .min = 1, .step = 2}); }
//
// Each visitor below is a small class with one templated call operator: the reader fills the fields and refuses unknown
// keys, wrong types and values out of range; the lister lists name, type, default, range and doc as JSON (documentation
// and schema); the writer gives the values back for the run record. A rule across fields goes into an optional
// `void check() const` that throws Error(knob name, problem, fix).
// A type of the author's own is a knob when `static const char* type_name()`, `from_json` and `to_json` exist for it.
#pragma once

#include <plexiform/error.h>

#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace plexiform {

using Json = nlohmann::ordered_json;

// What is known of a knob beside its type and default. Ranges are inclusive and hold for each element of a list.
struct About {
  const char* doc = "";
  const char* unit = "";
  std::optional<double> min = {}, max = {};
  std::optional<double> step = {};        // allowed are min, min + step, min + 2 step, ...
  std::vector<const char*> choices = {};  // of a string
  bool required = false;                  // no default: the config has to say it
};

namespace knobs {

template <class T>
struct Type {
  static_assert(!sizeof(T),
                "a knob is bool, int64_t (not int), double (not float), std::string or Json, a std::optional or "
                "std::vector of these, or a type with type_name(), from_json and to_json");
};
template <class T>
  requires requires { T::type_name(); }
struct Type<T> {  // a type of the author's own
  static std::string name() { return T::type_name(); }
  static void read(const Json& json, T& value) { json.get_to(value); }
};
template <>
struct Type<bool> {
  static std::string name() { return "true or false"; }
  static void read(const Json& json, bool& value) {
    if (!json.is_boolean()) throw std::invalid_argument("");
    value = json.get<bool>();
  }
};
template <>
struct Type<int64_t> {
  static std::string name() { return "integer"; }
  static void read(const Json& json, int64_t& value) {
    if (json.is_number_float() && std::abs(json.get<double>()) < 9e15 &&
        json.get<double>() == std::floor(json.get<double>())) {
      value = static_cast<int64_t>(json.get<double>());
    } else if (json.is_number_integer()) {
      value = json.get<int64_t>();
    } else {
      throw std::invalid_argument("");
    }
  }
};
template <>
struct Type<double> {
  static std::string name() { return "number"; }
  static void read(const Json& json, double& value) {
    if (!json.is_number()) throw std::invalid_argument("");
    value = json.get<double>();
  }
};
template <>
struct Type<std::string> {
  static std::string name() { return "text"; }
  static void read(const Json& json, std::string& value) {
    if (!json.is_string()) throw std::invalid_argument("");
    value = json.get<std::string>();
  }
};
template <class T>
struct Type<std::optional<T>> {
  static std::string name() { return Type<T>::name() + " or null"; }
  static void read(const Json& json, std::optional<T>& value) {
    if (json.is_null()) {
      value.reset();
    } else {
      Type<T>::read(json, value.emplace());
    }
  }
};
template <class T>
struct Type<std::vector<T>> {
  static std::string name() { return "list of " + Type<T>::name(); }
  static void read(const Json& json, std::vector<T>& value) {
    if (!json.is_array()) throw std::invalid_argument("");
    value.clear();
    for (const auto& item : json) {
      T element{};
      Type<T>::read(item, element);
      value.push_back(std::move(element));
    }
  }
};
template <>
struct Type<Json> {  // any value: a node that somebody else reads
  static std::string name() { return "anything"; }
  static void read(const Json& json, Json& value) { value = json; }
};

template <class T>
Json to_json(const T& value) {
  return Json(value);
}
template <class T>
Json to_json(const std::optional<T>& value) {
  return value ? to_json(*value) : Json();
}

inline std::string number(double x) {
  if (!std::isfinite(x)) return std::isnan(x) ? "nan" : x > 0 ? "inf" : "-inf";  // JSON has no words for them
  Json json = x;
  if (x == std::floor(x) && std::abs(x) < 1e15) json = static_cast<int64_t>(x);
  return json.dump();
}

inline std::string range(const About& about) {
  std::string text;
  if (about.min && about.max) {
    text = number(*about.min) + " to " + number(*about.max);
  } else if (about.min) {
    text = "at least " + number(*about.min);
  } else if (about.max) {
    text = "at most " + number(*about.max);
  }
  if (about.step && *about.step != 1) text += " in steps of " + number(*about.step);
  return text;
}

// " (filter side, px)"
inline std::string hint(const About& about) {
  std::string text = about.doc;
  if (*about.unit) text += (text.empty() ? "" : ", ") + std::string(about.unit);
  return text.empty() ? text : " (" + text + ")";
}

// "an integer"
inline std::string with_article(const std::string& type) {
  if (type.starts_with("a ") || type.starts_with("an ") || type.starts_with("true or") || type == "anything")
    return type;
  return (std::strchr("aeiou", type[0]) ? "an " : "a ") + type;
}

// "an integer, 1 to 9 in steps of 2 (filter side, px)"
inline std::string allowed(const About& about, const std::string& type) {
  const std::string limits = range(about);
  return with_article(type) + (limits.empty() ? "" : ", " + limits) + hint(about);
}

// "use 13 or 15 (filter side, px)"
inline std::string remedy(const About& about, const std::string& type, double value) {
  if (about.step && about.min && value > *about.min && (!about.max || value < *about.max)) {
    const double below = *about.min + std::floor((value - *about.min) / *about.step) * *about.step;
    const double above = below + *about.step;
    return "use " + number(below) + (!about.max || above <= *about.max ? " or " + number(above) : "") + hint(about);
  }
  const std::string limits = range(about);
  return "use " + (limits.empty() ? allowed(about, type) : limits + hint(about));
}

inline void check_number(const std::string& name, double value, const About& about, const std::string& type) {
  const bool outside = !std::isfinite(value) || (about.min && value < *about.min) || (about.max && value > *about.max);
  bool off_step = false;
  if (!outside && about.step) {
    const double steps = (value - about.min.value_or(0)) / *about.step;
    off_step = std::abs(steps - std::round(steps)) > 1e-9;
  }
  if (outside || off_step) throw Error(name, "is " + number(value), remedy(about, type, value));
}

template <class T>
void check(const std::string& name, const T& value, const About& about, const std::string& type) {
  if constexpr (std::is_same_v<T, int64_t> || std::is_same_v<T, double>) {
    check_number(name, static_cast<double>(value), about, type);
  } else if constexpr (std::is_same_v<T, std::string>) {
    if (about.choices.empty()) return;
    const std::vector<std::string> known(about.choices.begin(), about.choices.end());
    if (std::find(known.begin(), known.end(), value) == known.end()) {
      std::string all;
      for (const auto& choice : known) all += (all.empty() ? "" : ", ") + choice;
      const auto near = nearest(value, known);
      throw Error(name, "is '" + value + "'",
                  (near.empty() ? "" : "did you mean '" + near + "'? ") + "use one of: " + all);
    }
  }
}
template <class T>  // before the optional of a list, which would not find it
void check(const std::string& name, const std::vector<T>& value, const About& about, const std::string& type);
template <class T>
void check(const std::string& name, const std::optional<T>& value, const About& about, const std::string& type) {
  if (value) check(name, *value, about, type);
}
template <class T>
void check(const std::string& name, const std::vector<T>& value, const About& about, const std::string& type) {
  for (size_t i = 0; i < value.size(); ++i) check(name + "." + std::to_string(i), value[i], about, type);
}

template <class Params>
struct Names {
  std::vector<std::string> names;
  void operator()(const char* name, auto&, const About& = {}) { names.push_back(name); }
};

struct Reader {
  const Json& values;
  template <class T>
  void operator()(const char* name, T& field, const About& about = {}) {
    const auto found = values.find(name);
    if (found == values.end()) {
      if (about.required) {
        throw Error(name, "is missing", "set it: " + allowed(about, Type<T>::name()));
      }
      return;
    }
    try {
      Type<T>::read(*found, field);
    } catch (const Error&) {
      throw;
    } catch (const std::exception&) {
      const std::string type = Type<T>::name();
      const std::string value = found->is_number_float() ? number(found->get<double>()) : found->dump();
      throw Error(name, "is " + value + ", not " + with_article(type), "use " + allowed(about, type));
    }
    check(name, field, about, Type<T>::name());
  }
};

struct Lister {
  Json entries = Json::array();
  template <class T>
  void operator()(const char* name, T& field, const About& about = {}) {
    Json entry = {{"name", name}, {"type", Type<T>::name()}, {"doc", about.doc}};
    if (*about.unit) entry["unit"] = about.unit;
    if (about.required) {
      entry["required"] = true;
    } else {
      entry["default"] = knobs::to_json(field);
    }
    if (about.min) entry["min"] = *about.min;
    if (about.max) entry["max"] = *about.max;
    if (about.step) entry["step"] = *about.step;
    if (!about.choices.empty()) entry["choices"] = about.choices;
    entries.push_back(std::move(entry));
  }
};

struct Writer {
  Json values = Json::object();
  template <class T>
  void operator()(const char* name, T& field, const About& = {}) {
    values[name] = knobs::to_json(field);
  }
};

}  // namespace knobs

// Fills `params` from a JSON object. Error's `where` is the knob's name ("kernel", "kernels.1").
template <class Params>
void read_params(Params& params, const Json& values) {
  if (!values.is_object()) {
    throw Error("", "is " + values.dump() + ", not a mapping", "write one 'key: value' per line");
  }
  knobs::Names<Params> known;
  params.describe(known);
  for (const auto& [key, value] : values.items()) {
    if (std::find(known.names.begin(), known.names.end(), key) == known.names.end()) {
      throw Error(key, "no such parameter", did_you_mean(key, known.names));
    }
  }
  knobs::Reader reader{values};
  params.describe(reader);
  if constexpr (requires { params.check(); }) params.check();
}

// [{"name", "type", "doc", "unit"?, "default" | "required", "min"?, "max"?, "step"?, "choices"?}]
template <class Params>
Json list_params(Params params) {
  knobs::Lister lister;
  params.describe(lister);
  return lister.entries;
}

// {"knob": value} of every knob, defaults included.
template <class Params>
Json write_params(Params params) {
  knobs::Writer writer;
  params.describe(writer);
  return writer.values;
}

}  // namespace plexiform
