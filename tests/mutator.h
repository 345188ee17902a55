// Breaks texts of configs and command lines, from a fixed seed.
#pragma once

#include <algorithm>
#include <random>
#include <string>
#include <vector>

class Mutator {
 public:
  explicit Mutator(unsigned seed) : random_(seed) {}

  size_t below(size_t n) { return random_() % n; }

  template <class T>
  const T& one_of(const std::vector<T>& choices) {
    return choices[below(choices.size())];
  }

  // `times` pieces are cut out, put in, doubled or replaced.
  std::string mutated(std::string text, size_t times) {
    static const std::vector<std::string> parts = {":",           ": ",
                                                   "-",           "- ",
                                                   " ",           "  ",
                                                   "\n",          "\t",
                                                   "'",           "\"",
                                                   "[",           "]",
                                                   "{",           "}",
                                                   ",",           "#",
                                                   "&",           "*",
                                                   "!",           "|",
                                                   ">",           "%",
                                                   "@",           "${",
                                                   "${a.b}",      "}",
                                                   "???",         "null",
                                                   "<<",          "\\",
                                                   "\r",          "...",
                                                   "---",         "\xff",
                                                   "\x01",        "\xc3\xa9",
                                                   "_self_",      "override ",
                                                   "optional ",   "@_global_",
                                                   "@x",          "010",
                                                   "1e400",       "defaults:\n",
                                                   "${oc.env:X,", "int(",
                                                   "=",           "+",
                                                   "~",           "99999999999999999999",
                                                   "${.",         "${..",
                                                   "${hydra:",    "${oc.select:",
                                                   "${now:%",     "choice(",
                                                   "range(",      "shuffle(",
                                                   "tag(a,",      "(",
                                                   ")",           "/",
                                                   ".",           "0",
                                                   "-m"};
    for (size_t i = 0; i < times; ++i) {
      const size_t at = below(text.size() + 1);
      const size_t length = std::min(below(9), text.size() - at);
      switch (below(4)) {
        case 0:
          text.erase(at, length);
          break;
        case 1:
          text.insert(at, one_of(parts));
          break;
        case 2:
          text.insert(at, text.substr(below(text.size() + 1), length));
          break;
        default:
          text.replace(at, length, one_of(parts));
      }
    }
    return text;
  }

 private:
  std::mt19937 random_;
};
