#include <config/override_functions.h>
#include <config/python.h>
#include <config/scalars.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <functional>
#include <random>

namespace plexiform::config {
namespace {

using Value = std::variant<Node, Sweep>;

[[noreturn]] void fail(const std::string& problem, const std::string& fix) { throw Error("", problem, fix); }

// The text of an argument that gives this value back.
std::string argument_text(const Node& node) {
  switch (node.kind) {
    case Kind::null:
      return "null";
    case Kind::boolean:
      return node.boolean ? "true" : "false";
    case Kind::list: {
      std::string text = "[";
      for (const auto& item : node.items) {
        text.append(text.size() > 1 ? "," : "").append(argument_text(item));
      }
      return text.append("]");
    }
    case Kind::map: {
      std::string text = "{";
      for (const auto& [key, value] : node.entries) {
        text.append(text.size() > 1 ? "," : "").append(key).append(":").append(argument_text(value));
      }
      return text.append("}");
    }
    default:
      return python_text(node);
  }
}

// An element as it was written, without the blanks inside lists and mappings.
std::string compact(const Element& element) {
  const bool map = element.kind == Element::Kind::map;
  if (!map && element.kind != Element::Kind::list) return element.source;
  std::string text = map ? "{" : "[";
  for (size_t i = 0; i < element.items.size(); ++i) {
    if (i > 0) text += ',';
    if (map) text.append(element.keys[i].source).append(":");
    text += compact(element.items[i]);
  }
  return text + (map ? '}' : ']');
}

enum class Cast { integer, real, truth, text };

Node cast_scalar(const Node& node, Cast to) {
  const auto wrong = [&](const std::string& type) {
    const std::string shown = python_text(node);
    fail("'" + shown + "' cannot become " + type, "give it a value that reads as " + type);
  };
  const std::string text = node.kind == Kind::string ? node.string : "";
  switch (to) {
    case Cast::text:
      if (node.is_null()) return Node::text("null");
      if (node.kind == Kind::boolean) return Node::text(node.boolean ? "true" : "false");
      if (node.kind == Kind::integer || node.kind == Kind::real) {
        return Node::text(python_text(node));
      }
      return node;
    case Cast::integer:
      if (node.kind == Kind::integer) return node;
      if (node.kind == Kind::boolean) return Node::number(static_cast<int64_t>(node.boolean));
      if (node.kind == Kind::real && std::abs(node.real) < 9e18) {
        return Node::number(static_cast<int64_t>(node.real));
      }
      if (python_reads_integer(text)) {
        std::string digits = text;
        std::erase(digits, '_');
        errno = 0;
        const int64_t value = std::strtoll(digits.c_str(), nullptr, 10);
        if (errno == ERANGE)
          fail("'" + text + "' does not fit in a 64-bit integer", "give a smaller number, or a text");
        return Node::number(value);
      }
      wrong("an integer");
      break;
    case Cast::real:
      if (node.kind == Kind::real) return node;
      if (node.kind == Kind::integer) return Node::number(static_cast<double>(node.integer));
      if (node.kind == Kind::boolean) return Node::number(node.boolean ? 1.0 : 0.0);
      if (python_reads_real(text)) {
        std::string digits = text;
        std::erase(digits, '_');
        return Node::number(std::strtod(digits.c_str(), nullptr));
      }
      wrong("a number");
      break;
    case Cast::truth:
      if (node.kind == Kind::boolean) return node;
      if (node.kind == Kind::integer) return Node::truth(node.integer != 0);
      if (node.kind == Kind::real) return Node::truth(node.real != 0);
      if (const Node read = read_unquoted(text); node.kind == Kind::string && read.kind == Kind::boolean) return read;
      wrong("true or false");
      break;
  }
  return node;
}

Node cast(const Node& node, Cast to) {
  Node result = node;
  if (node.is_list() || node.is_map()) {
    for (auto& item : result.items) item = cast(item, to);
    for (auto& entry : result.entries) {
      const Kind key_kind = entry.second.key_kind;
      entry.second = cast(entry.second, to);
      entry.second.key_kind = key_kind;
    }
    return result;
  }
  return cast_scalar(node, to);
}

Node single(const Element& element) {
  Value value = evaluate(element);
  if (auto* node = std::get_if<Node>(&value)) return std::move(*node);
  fail("'" + element.source + "' stands for several values", "put it alone after the '='");
}

double number(const Node& node, const std::string& shown) {
  if (node.kind == Kind::integer) return static_cast<double>(node.integer);
  if (node.kind == Kind::real) return node.real;
  fail("'" + shown + "' needs numbers", "write range(start,stop,step) or interval(start,stop)");
}

// start, start + step, ... before stop
Sweep range(const Node& start, const Node& stop, const Node& step, const std::string& shown) {
  constexpr double kMost = 1e4;
  const double first = number(start, shown), last = number(stop, shown), by = number(step, shown);
  const double count = by == 0 ? 0 : std::ceil((last - first) / by);
  if (by == 0) fail("'" + shown + "' has a step of 0", "use another step");
  if (!(count <= kMost)) {
    fail("'" + shown + "' has more than 10000 values", "use a larger step");
  }
  Sweep sweep;
  sweep.kind = Sweep::Kind::range;
  const bool whole = start.kind == Kind::integer && stop.kind == Kind::integer && step.kind == Kind::integer;
  for (double i = 0; i < count; ++i) {
    const auto at = static_cast<double>(first + i * static_cast<long double>(by));  // rounded once
    const Node value = whole ? Node::number(static_cast<int64_t>(at)) : Node::number(at);
    sweep.choices.push_back({value, python_text(value)});
  }
  return sweep;
}

// The arguments of a function by name: `names` in order, "" values for those not given.
class Arguments {
 public:
  Arguments(const Element& call, std::vector<std::string> names, size_t needed) : call_(call), found_(names.size()) {
    for (size_t i = 0; i < call.items.size(); ++i) {
      size_t slot = i;
      if (!call.names[i].empty()) {
        slot = static_cast<size_t>(std::find(names.begin(), names.end(), call.names[i]) - names.begin());
        if (slot == names.size()) {
          fail("'" + call.source + "' has no argument '" + call.names[i] + "'", did_you_mean(call.names[i], names));
        }
      }
      if (slot >= names.size() || found_[slot]) {
        fail("'" + call.source + "' has too many arguments", usage(names));
      }
      found_[slot] = &call.items[i];
    }
    for (size_t i = 0; i < needed; ++i) {
      if (!found_[i]) {
        fail("'" + call.source + "' lacks the argument '" + names[i] + "'", usage(names));
      }
    }
  }
  const Element* operator[](size_t i) const { return found_[i]; }
  Node node(size_t i, const Node& otherwise) const { return found_[i] ? single(*found_[i]) : otherwise; }

 private:
  std::string usage(const std::vector<std::string>& names) const {
    std::string text;
    for (const auto& name : names) text += (text.empty() ? "" : ",") + name;
    return "write " + call_.function + "(" + text + ")";
  }
  const Element& call_;
  std::vector<const Element*> found_;
};

Sweep call_range(const Element& call) {
  const Arguments arguments(call, {"start", "stop", "step"}, 1);
  const Node one = Node::number(int64_t{1});
  if (!arguments[1]) {
    return range(Node::number(int64_t{0}), arguments.node(0, one), arguments.node(2, one), call.source);
  }
  return range(arguments.node(0, one), arguments.node(1, one), arguments.node(2, one), call.source);
}

Sweep call_interval(const Element& call) {
  const Arguments arguments(call, {"start", "end"}, 2);
  Sweep sweep;
  sweep.kind = Sweep::Kind::interval;
  sweep.start = Node::number(number(arguments.node(0, {}), call.source));
  sweep.stop = Node::number(number(arguments.node(1, {}), call.source));
  return sweep;
}

std::vector<std::string> patterns(const Node& node, const std::string& shown) {
  std::vector<std::string> result;
  for (const auto& item : node.is_list() ? node.items : std::vector<Node>{node}) {
    if (item.kind != Kind::string) {
      fail("'" + shown + "' needs names with * and ?", "write glob(a*) or glob([a*,b*])");
    }
    result.push_back(item.string);
  }
  return result;
}

Sweep call_glob(const Element& call) {
  const Arguments arguments(call, {"include", "exclude"}, 1);
  Sweep sweep;
  sweep.kind = Sweep::Kind::glob;
  sweep.include = patterns(arguments.node(0, {}), call.source);
  if (arguments[1]) sweep.exclude = patterns(arguments.node(1, {}), call.source);
  return sweep;
}

Sweep call_choice(const Element& call) {
  Sweep sweep;
  if (call.items.empty()) {
    fail("'" + call.source + "' has nothing to choose from", "write choice(a,b)");
  }
  for (size_t i = 0; i < call.items.size(); ++i) {
    if (!call.names[i].empty()) {
      fail("'" + call.source + "' has no argument '" + call.names[i] + "'", "write choice(a,b)");
    }
    sweep.choices.push_back(choice(call.items[i]));
  }
  return sweep;
}

// tag(name, ..., values)
Sweep call_tag(const Element& call) {
  if (call.items.empty()) {
    fail("'" + call.source + "' has nothing to mark", "write tag(name,choice(a,b))");
  }
  Value value = evaluate(call.items.back());
  auto* sweep = std::get_if<Sweep>(&value);
  if (!sweep) {
    fail("'" + call.source + "' does not end in several values", "write tag(name,choice(a,b))");
  }
  for (size_t i = 0; i + 1 < call.items.size(); ++i) {
    const Node name = single(call.items[i]);
    if (name.kind != Kind::string) {
      fail("'" + call.source + "' has a tag that is no text", "write tag(name,choice(a,b))");
    }
    sweep->tags.push_back(name.string);
  }
  return std::move(*sweep);
}

bool less(const Node& a, const Node& b, const std::string& shown) {
  if (a.kind == Kind::string && b.kind == Kind::string) return a.string < b.string;
  const auto comparable = [](const Node& n) { return n.kind == Kind::integer || n.kind == Kind::real; };
  if (!comparable(a) || !comparable(b)) {
    fail("'" + shown + "' mixes kinds that have no order", "sort numbers or texts");
  }
  return number(a, shown) < number(b, shown);
}

// The values among `items`: one list, one sweep or several values. `reorder` gets them.
Value reordered(const std::vector<const Element*>& items, const std::string& shown,
                const std::function<void(std::vector<Sweep::Choice>&)>& reorder) {
  if (items.empty()) fail("'" + shown + "' has no values", "write sort(3,1,2) or shuffle(a,b)");
  if (items.size() > 1) {
    Sweep sweep;
    sweep.simple = true;
    for (const Element* item : items) sweep.choices.push_back(choice(*item));
    reorder(sweep.choices);
    return sweep;
  }
  Value value = evaluate(*items[0]);
  if (auto* sweep = std::get_if<Sweep>(&value)) {
    if (sweep->kind == Sweep::Kind::glob) {
      sweep->shuffle = true;
    } else {
      reorder(sweep->choices);
    }
    return value;
  }
  Node& node = std::get<Node>(value);
  if (!node.is_list()) {
    fail("'" + shown + "' has a single value", "write sort(3,1,2) or shuffle(a,b)");
  }
  std::vector<Sweep::Choice> choices;
  for (auto& item : node.items) choices.push_back({item, ""});
  reorder(choices);
  for (size_t i = 0; i < choices.size(); ++i) node.items[i] = choices[i].value;
  return value;
}

Value call_sort(const Element& call) {
  std::vector<const Element*> items;
  bool reverse = false;
  for (size_t i = 0; i < call.items.size(); ++i) {
    if (call.names[i].empty()) {
      items.push_back(&call.items[i]);
    } else if (call.names[i] == "reverse") {
      reverse = cast(single(call.items[i]), Cast::truth).boolean;
    } else {
      fail("'" + call.source + "' has no argument '" + call.names[i] + "'", "write sort(3,1,2,reverse=true)");
    }
  }
  return reordered(items, call.source, [&](std::vector<Sweep::Choice>& choices) {
    std::stable_sort(choices.begin(), choices.end(), [&](const auto& a, const auto& b) {
      return reverse ? less(b.value, a.value, call.source) : less(a.value, b.value, call.source);
    });
  });
}

Value call_shuffle(const Element& call) {
  std::vector<const Element*> items;
  for (const auto& item : call.items) items.push_back(&item);
  return reordered(items, call.source, [](std::vector<Sweep::Choice>& choices) {
    std::shuffle(choices.begin(), choices.end(), std::mt19937(std::random_device{}()));
  });
}

void cast_choices(Sweep& sweep, Cast to) {
  for (auto& each : sweep.choices) {
    each.value = cast(each.value, to);
    each.text = argument_text(each.value);
    if (each.value.kind == Kind::string) each.text = "'" + each.text + "'";
  }
}

Value call_cast(const Element& call, Cast to) {
  if (call.items.size() > 1) {  // int(1.5,2.5) is a sweep over both
    Sweep sweep = call_choice(call);
    sweep.simple = true;
    cast_choices(sweep, to);
    return sweep;
  }
  const Arguments arguments(call, {"value"}, 1);
  Value value = evaluate(*arguments[0]);
  if (auto* node = std::get_if<Node>(&value)) return cast(*node, to);
  Sweep sweep = std::get<Sweep>(std::move(value));
  if (sweep.kind == Sweep::Kind::glob) {
    fail("'" + call.source + "' casts the names of options", "leave the cast out");
  }
  cast_choices(sweep, to);
  if (sweep.kind == Sweep::Kind::interval) {
    sweep.start = cast(sweep.start, to);
    sweep.stop = cast(sweep.stop, to);
  }
  return sweep;
}

Value called(const Element& call) {
  const std::vector<std::pair<std::string, std::function<Value()>>> known = {
      {"choice", [&] { return Value(call_choice(call)); }},     {"range", [&] { return Value(call_range(call)); }},
      {"interval", [&] { return Value(call_interval(call)); }}, {"glob", [&] { return Value(call_glob(call)); }},
      {"tag", [&] { return Value(call_tag(call)); }},           {"sort", [&] { return call_sort(call); }},
      {"shuffle", [&] { return call_shuffle(call); }},          {"int", [&] { return call_cast(call, Cast::integer); }},
      {"float", [&] { return call_cast(call, Cast::real); }},   {"bool", [&] { return call_cast(call, Cast::truth); }},
      {"str", [&] { return call_cast(call, Cast::text); }},
  };
  std::vector<std::string> names;
  for (const auto& [name, run] : known) {
    if (name == call.function) return run();
    names.push_back(name);
  }
  fail("'" + call.function + "' is no function",
       did_you_mean(call.function, names) + " (quote the value if it is text)");
}

}  // namespace

Sweep::Choice choice(const Element& element) { return {single(element), compact(element)}; }

Value evaluate(const Element& element) {
  switch (element.kind) {
    case Element::Kind::call:
      return called(element);
    case Element::Kind::list: {
      Node node = Node::list();
      for (const auto& item : element.items) node.items.push_back(single(item));
      return node;
    }
    case Element::Kind::map: {
      Node node = Node::map();
      for (size_t i = 0; i < element.keys.size(); ++i) {
        set_entry(node, single(element.keys[i]), single(element.items[i]));
      }
      return node;
    }
    default:
      break;
  }
  std::string text;
  bool bare = element.kind == Element::Kind::text && element.bare;
  for (const auto& piece : element.pieces) {
    text += piece.interpolation ? piece.interpolation->source : piece.literal;
    if (piece.interpolation) bare = false;
  }
  Node node = bare ? read_unquoted(text) : read_string(text);
  if (node.kind == Kind::interpolation) parse_text(node.string);  // throws when it is none
  return node;
}

}  // namespace plexiform::config
