#include <config/override.h>
#include <config/override_functions.h>

#include <algorithm>

namespace plexiform::config {
namespace {

[[noreturn]] void fail(const std::string& problem, const std::string& fix) { throw Error("", problem, fix); }

void put_location(Node& node, const Location& location) {
  node.location = node.key_location = location;
  for (auto& item : node.items) put_location(item, location);
  for (auto& entry : node.entries) put_location(entry.second, location);
}

// ---- keys

bool letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool digit(char c) { return c >= '0' && c <= '9'; }

bool name(std::string_view text) {
  return !text.empty() && (letter(text[0]) || text[0] == '$') &&
         std::all_of(text.begin(), text.end(), [](char c) { return letter(c) || digit(c) || c == '-' || c == '$'; });
}

bool index(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), digit) && (text.size() == 1 || text[0] != '0');
}

std::vector<std::string> split(const std::string& text, char at) {
  std::vector<std::string> parts;
  size_t start = 0;
  for (size_t end; (end = text.find(at, start)) != std::string::npos; start = end + 1) {
    parts.push_back(text.substr(start, end - start));
  }
  parts.push_back(text.substr(start));
  return parts;
}

bool dotted(const std::string& text) {
  const auto parts = split(text, '.');
  if (parts.size() == 1) return name(text);
  return std::all_of(parts.begin(), parts.end(), [](const std::string& part) { return name(part) || index(part); });
}

bool group(const std::string& text) {
  const auto parts = split(text, '/');
  return parts.size() > 1 && std::all_of(parts.begin(), parts.end(), [](const std::string& part) {
           return name(part) && part.find('$') == std::string::npos;
         });
}

void check_key(const Override& override) {
  const std::string& key = override.key;
  if (key.empty()) fail("there is no key before the '='", "write key=value");
  if (!dotted(key) && !group(key)) {
    if (key.find('[') != std::string::npos) {
      fail("'" + key + "' is no key", "an item of a list is written with a dot: list.0");
    }
    fail("'" + key + "' is no key", "write names joined by dots (a.b.c), or by slashes for a group (a/b)");
  }
  if (override.package && !override.package->empty() && !dotted(*override.package)) {
    fail("'" + *override.package + "' is no package", "write group@a.b=option");
  }
}

Override parsed(const std::string& argument, const Location& location) {
  Override result;
  result.text = argument;
  result.location = location;
  size_t start = 0;
  if (argument.starts_with("++")) {
    result.action = Override::Action::force;
    start = 2;
  } else if (argument.starts_with("+")) {
    result.action = Override::Action::add;
    start = 1;
  } else if (argument.starts_with("~")) {
    result.action = Override::Action::remove;
    start = 1;
  }
  const size_t equals = argument.find('=', start);
  const auto at = std::min(argument.find('@', start), equals);
  result.key = argument.substr(start, std::min(at, equals) - start);
  if (at != equals) {
    result.package = argument.substr(at + 1, equals == std::string::npos ? equals : equals - at - 1);
  }
  check_key(result);
  if (equals == std::string::npos) {
    if (result.action == Override::Action::remove) return result;
    fail("'" + argument + "' has no value",
         "write " + result.address() + "=VALUE, or ~" + result.address() + " to remove it");
  }
  const auto elements = parse_values(std::string_view(argument).substr(equals + 1));
  if (elements.empty()) {
    result.value = Node::text("");
  } else if (elements.size() > 1) {
    result.sweep.emplace();
    result.sweep->simple = true;
    for (const auto& element : elements) result.sweep->choices.push_back(choice(element));
  } else {
    auto value = evaluate(elements[0]);
    if (auto* sweep = std::get_if<Sweep>(&value)) {
      result.sweep = std::move(*sweep);
    } else {
      result.value = std::get<Node>(std::move(value));
    }
  }
  if (result.value) put_location(*result.value, location);
  return result;
}

}  // namespace

std::string quoted_value(const std::string& text) {
  std::string value(1, '\'');
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\'' || (text[i] == '$' && i + 1 < text.size() && text[i + 1] == '{')) value += '\\';
    value += text[i];
  }
  value += '\'';
  return value;
}

void add_unless_given(std::vector<std::string>& overrides, const std::string& override) {
  const size_t equals = override.find('=');  // none: "~key"
  const std::string key = equals == std::string::npos ? override : override.substr(0, equals + 1);
  const auto same = [&](const std::string& given) { return given.starts_with(key); };
  if (std::none_of(overrides.begin(), overrides.end(), same)) overrides.push_back(override);
}

Override parse_override(const std::string& argument, int number) {
  static const auto file = std::make_shared<const std::string>("command line");
  const Location location{file, 0, number};
  try {
    return parsed(argument, location);
  } catch (const Error& e) {
    throw Error(location.text() + ": " + shortened(e.where().empty() ? argument : e.where()), e.problem(), e.fix());
  }
}

}  // namespace plexiform::config
