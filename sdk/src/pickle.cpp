#include <plexiform/pickle.h>

#include <bit>
#include <cstring>
#include <unordered_map>

namespace plexiform {

using Kind = PickleValue::Kind;

namespace {

// The machine that pickles are programs for: a stack of values, marks in it, and a memo.
class Machine {
 public:
  Machine(std::string_view bytes, const std::string& where, std::deque<PickleValue>& values)
      : bytes_(bytes), where_(where), values_(values) {}

  size_t at() const { return at_; }

  const PickleValue* run() {
    while (true) {
      const auto opcode = number<uint8_t>();
      if (opcode == '.') return pop();
      step(opcode);
    }
  }

 private:
  [[noreturn]] void damaged(const std::string& what) const {
    throw Error(where_, "not a sound pickle: " + what + " at byte " + std::to_string(at_),
                "use another copy of the file, or write it again");
  }

  std::string_view take(uint64_t size) {
    if (size > bytes_.size() - at_) damaged("it ends within a value");
    const auto taken = bytes_.substr(at_, size);
    at_ += size;
    return taken;
  }
  template <class T>
  T number() {
    T value;
    std::memcpy(&value, take(sizeof value).data(), sizeof value);
    return value;
  }
  std::string_view line() {
    const size_t end = bytes_.find('\n', at_);
    if (end == std::string_view::npos) damaged("a line has no end");
    const auto text = take(end - at_);
    take(1);
    return text;
  }

  PickleValue* make(Kind kind) {
    values_.emplace_back().kind = kind;
    return &values_.back();
  }
  void push(PickleValue* value) { stack_.push_back(value); }
  PickleValue* top() {
    if (stack_.size() <= floor()) damaged("a value is missing");
    return stack_.back();
  }
  PickleValue* pop() {
    PickleValue* value = top();
    stack_.pop_back();
    return value;
  }
  size_t floor() const { return marks_.empty() ? 0 : marks_.back(); }
  // The values since the last mark, which goes.
  std::vector<PickleValue::Ref> since_mark() {
    if (marks_.empty()) damaged("a mark is missing");
    const auto from = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
    std::vector<PickleValue::Ref> taken(from, stack_.end());
    stack_.erase(from, stack_.end());
    marks_.pop_back();
    return taken;
  }

  void integer(int64_t value) {
    auto* made = make(Kind::integer);
    made->integer = value;
    push(made);
  }
  void big_integer(uint64_t size) {  // little-endian, two's complement
    if (size > 8) return bytes(size);
    const auto digits = take(size);
    uint64_t value = size > 0 && (digits.back() & 0x80) ? ~uint64_t{0} : 0;
    for (size_t i = size; i-- > 0;) value = value << 8 | static_cast<uint8_t>(digits[i]);
    integer(static_cast<int64_t>(value));
  }
  void boolean(bool value) {
    auto* made = make(Kind::boolean);
    made->integer = value;
    push(made);
  }
  void text(uint64_t size) {
    auto* made = make(Kind::text);
    made->text = take(size);
    push(made);
  }
  void bytes(uint64_t size) {
    auto* made = make(Kind::bytes);
    made->bytes = take(size);
    push(made);
  }
  void collection(Kind kind, std::vector<PickleValue::Ref> items) {
    auto* made = make(kind);
    made->items = std::move(items);
    push(made);
  }
  void tuple(size_t size) {
    std::vector<PickleValue::Ref> items(size);
    for (size_t i = size; i-- > 0;) items[i] = pop();
    collection(Kind::tuple, std::move(items));
  }
  void add_items(const std::vector<PickleValue::Ref>& items) {
    auto& into = top()->items;
    into.insert(into.end(), items.begin(), items.end());
  }
  void add_entries(const std::vector<PickleValue::Ref>& items) {
    if (items.size() % 2 != 0) damaged("a key has no value");
    for (size_t i = 0; i < items.size(); i += 2) top()->entries.push_back({items[i], items[i + 1]});
  }
  void name(std::string_view module, std::string_view name) {
    auto* made = make(Kind::name);
    made->text = std::string(module) + "." + std::string(name);
    push(made);
  }
  void object() {  // of the callable and the arguments on the stack
    auto* made = make(Kind::object);
    made->arguments = pop();
    made->maker = pop();
    push(made);
  }
  void remember(uint64_t index) { memo_[index] = top(); }
  void recall(uint64_t index) {
    const auto found = memo_.find(index);
    if (found == memo_.end()) damaged("a value that was never seen is recalled");
    push(found->second);
  }

  void step(uint8_t opcode) {
    switch (opcode) {
      case 0x80:  // PROTO
        if (const int version = number<uint8_t>(); version > 5) damaged("protocol " + std::to_string(version));
        return;
      case 0x95:  // FRAME
        number<uint64_t>();
        return;
      case '(':  // MARK
        return marks_.push_back(stack_.size());
      case '0':  // POP
        if (stack_.size() > floor()) {
          stack_.pop_back();
        } else {
          since_mark();
        }
        return;
      case '1':  // POP_MARK
        since_mark();
        return;
      case '2':  // DUP
        return push(top());
      case 'N':  // NONE
        return push(make(Kind::none));
      case 0x88:  // NEWTRUE
        return boolean(true);
      case 0x89:  // NEWFALSE
        return boolean(false);
      case 'J':  // BININT
        return integer(number<int32_t>());
      case 'K':  // BININT1
        return integer(number<uint8_t>());
      case 'M':  // BININT2
        return integer(number<uint16_t>());
      case 0x8a:  // LONG1
        return big_integer(number<uint8_t>());
      case 0x8b:  // LONG4
        return big_integer(number<uint32_t>());
      case 'G': {  // BINFLOAT, big-endian
        auto* made = make(Kind::real);
        made->real = std::bit_cast<double>(__builtin_bswap64(number<uint64_t>()));
        return push(made);
      }
      case 0x8c:  // SHORT_BINUNICODE
        return text(number<uint8_t>());
      case 'X':  // BINUNICODE
        return text(number<uint32_t>());
      case 0x8d:  // BINUNICODE8
        return text(number<uint64_t>());
      case 'U':  // SHORT_BINSTRING: Python 2's text
        return text(number<uint8_t>());
      case 'T':  // BINSTRING
        return text(number<uint32_t>());
      case 'C':  // SHORT_BINBYTES
        return bytes(number<uint8_t>());
      case 'B':  // BINBYTES
        return bytes(number<uint32_t>());
      case 0x8e:  // BINBYTES8
      case 0x96:  // BYTEARRAY8
        return bytes(number<uint64_t>());
      case ']':  // EMPTY_LIST
        return push(make(Kind::list));
      case 'l':  // LIST
        return collection(Kind::list, since_mark());
      case 'a': {  // APPEND
        const auto* item = pop();
        return add_items({item});
      }
      case 'e':   // APPENDS
      case 0x90:  // ADDITEMS
        return add_items(since_mark());
      case ')':  // EMPTY_TUPLE
        return push(make(Kind::tuple));
      case 't':  // TUPLE
        return collection(Kind::tuple, since_mark());
      case 0x85:  // TUPLE1
      case 0x86:
      case 0x87:
        return tuple(opcode - 0x84u);
      case 0x8f:  // EMPTY_SET
        return push(make(Kind::set));
      case 0x91:  // FROZENSET
        return collection(Kind::set, since_mark());
      case '}':  // EMPTY_DICT
        return push(make(Kind::dict));
      case 'd': {  // DICT
        const auto items = since_mark();
        push(make(Kind::dict));
        return add_entries(items);
      }
      case 's': {  // SETITEM
        const auto* value = pop();
        const auto* key = pop();
        return add_entries({key, value});
      }
      case 'u':  // SETITEMS
        return add_entries(since_mark());
      case 'c': {  // GLOBAL
        const auto module = line();
        return name(module, line());
      }
      case 0x93: {  // STACK_GLOBAL
        const auto *last = pop(), *first = pop();
        if (first->kind != Kind::text || last->kind != Kind::text) damaged("a name that is no text");
        return name(first->text, last->text);
      }
      case 'R':   // REDUCE
      case 0x81:  // NEWOBJ
        return object();
      case 0x92: {  // NEWOBJ_EX: keyword arguments too
        const auto* keywords = pop();
        object();
        top()->entries = keywords->entries;
        return;
      }
      case 'b': {  // BUILD
        const auto* state = pop();
        top()->state = state;
        return;
      }
      case 'Q': {  // BINPERSID
        auto* made = make(Kind::persistent);
        made->arguments = pop();
        return push(made);
      }
      case 'q':  // BINPUT
        return remember(number<uint8_t>());
      case 'r':  // LONG_BINPUT
        return remember(number<uint32_t>());
      case 0x94:  // MEMOIZE
        return remember(memo_.size());
      case 'h':  // BINGET
        return recall(number<uint8_t>());
      case 'j':  // LONG_BINGET
        return recall(number<uint32_t>());
      default:
        damaged("opcode " + std::to_string(opcode) + " is not one that is read");
    }
  }

  const std::string_view bytes_;
  const std::string& where_;
  std::deque<PickleValue>& values_;
  size_t at_ = 0;
  std::vector<PickleValue*> stack_;
  std::vector<size_t> marks_;
  std::unordered_map<uint64_t, PickleValue*> memo_;
};

}  // namespace

Pickle::Pickle(std::string_view bytes, const std::string& where) {
  Machine machine(bytes, where, values_);
  root_ = machine.run();
  size_ = machine.at();
}

bool PickleValue::made_by(std::string_view name) const {
  return kind == Kind::object && maker->kind == Kind::name && maker->text == name;
}

PickleValue::Ref PickleValue::find(std::string_view key) const {
  if (kind != Kind::dict && kind != Kind::object) return nullptr;
  Ref found = nullptr;
  for (const auto& [name, value] : entries) {
    if (name->kind == Kind::text && name->text == key) found = value;  // the last one counts, as in Python
  }
  return found;
}

std::string PickleValue::what() const {
  static constexpr const char* plain[] = {"None",  "a bool", "an integer", "a float", "a text",
                                          "bytes", "a list", "a tuple",    "a set",   "a dict"};
  if (kind <= Kind::dict) return plain[static_cast<size_t>(kind)];
  if (kind == Kind::name) return "the name " + text;
  if (kind == Kind::persistent) return "a storage";
  return "a " + (maker->kind == Kind::name ? maker->text : "made object");
}

}  // namespace plexiform
