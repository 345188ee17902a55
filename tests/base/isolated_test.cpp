// What is known of a child process that ended before it answered.
#include <plugins/isolated.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <string>

using namespace plexiform::plugins;

namespace {

// Of a child that writes `text` to standard error and ends.
std::string last_words(const std::string& text) {
  const auto ended = run_isolated(
      [&]() -> std::string {
        (void)!write(STDERR_FILENO, text.data(), text.size());
        _exit(3);
      },
      std::chrono::seconds(10));
  CHECK(ended.problem == "ended the process (exit status 3)");
  return ended.last_words;
}

}  // namespace

TEST_CASE("the last words of a child are its last line") {
  CHECK(last_words("one\ntwo\n\n") == "two");
  CHECK(last_words("") == "");
}

TEST_CASE("a sanitizer's finding is what a child says last, whatever follows it") {
  const std::string shadow(6000, '.');  // the map of memory that AddressSanitizer prints below it
  CHECK(last_words("==7==ERROR: AddressSanitizer: heap-buffer-overflow\n"
                   "SUMMARY: AddressSanitizer: heap-buffer-overflow my_core.cpp:27 in forward\n" +
                   shadow + "\n==7==ABORTING\n") ==
        "SUMMARY: AddressSanitizer: heap-buffer-overflow my_core.cpp:27 in forward");
  CHECK(last_words("my_core.cpp:28:62: runtime error: shift exponent 50 is too large\n    #0 0x7f in forward\n") ==
        "my_core.cpp:28:62: runtime error: shift exponent 50 is too large");
}
