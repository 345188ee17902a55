// What a Python pickle holds, as data. Nothing of it is run and nothing imported: a class or function is its name, and an
// object is what it would have been made from. So any file can be read, and whoever looks at the values takes what it
// knows and refuses the rest by name.
// Reads protocols 2 to 5, the binary opcodes that PyTorch, NumPy and Lightning use.
// Source  the opcodes: CPython, Lib/pickletools.py.
#pragma once

#include <plexiform/error.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace plexiform {

// A value may occur in several places, and in itself: whoever follows it has to remember where it was.
struct PickleValue {
  enum class Kind {
    none,
    boolean,  // integer 0 or 1
    integer,  // of more than 64 bits: bytes, least first
    real,
    text,  // UTF-8
    bytes,
    list,  // items; a tuple's and a set's as well
    tuple,
    set,
    dict,    // entries
    name,    // of a class or function, "module.name" in `text`
    object,  // what calling `maker` with the items of `arguments` gives, with `state`, items and entries added to it
    persistent,  // kept outside of the pickle; `arguments` says what
  };
  using Ref = const PickleValue*;

  Kind kind = Kind::none;
  int64_t integer = 0;
  double real = 0;
  std::string text;
  std::string_view bytes;  // of the pickle as it was given
  std::vector<Ref> items;
  std::vector<std::pair<Ref, Ref>> entries;
  Ref maker = nullptr, arguments = nullptr, state = nullptr;

  // Whether it is an object made by that class or function.
  bool made_by(std::string_view name) const;
  // The entry under that text, or null; of a dict, and of an object that is one (collections.OrderedDict).
  Ref find(std::string_view key) const;
  // For errors: "a list", "a numpy.ndarray".
  std::string what() const;
};

// The values of one pickle; they live as long as it does, and as the bytes that it was made of: a movie is not copied.
class Pickle {
 public:
  // Throws Error(where, ...) when `bytes` are damaged, or have an opcode that is not read.
  Pickle(std::string_view bytes, const std::string& where);

  const PickleValue& root() const { return *root_; }
  // All of them, in the order in which they were made.
  const std::deque<PickleValue>& values() const { return values_; }
  // Bytes that were read: a file may go on behind its pickle.
  size_t size() const { return size_; }

 private:
  std::deque<PickleValue> values_;
  const PickleValue* root_ = nullptr;
  size_t size_ = 0;
};

}  // namespace plexiform
