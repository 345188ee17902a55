// An environment variable for the life of the object; "" unsets it.
#pragma once

#include <cstdlib>
#include <optional>
#include <string>

class Environment {
 public:
  Environment(const char* name, const std::string& value) : name_(name) {
    if (const char* old = std::getenv(name)) old_ = old;
    set(value.empty() ? std::nullopt : std::optional(value));
  }
  ~Environment() { set(old_); }
  Environment(const Environment&) = delete;

 private:
  void set(const std::optional<std::string>& value) const {
    value ? setenv(name_, value->c_str(), 1) : unsetenv(name_);
  }
  const char* name_;
  std::optional<std::string> old_;
};
