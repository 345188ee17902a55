// What a build with -DPLEXIFORM_SANITIZE=ON leaves out, and why. Linked into every program of such a build.
//   cmake -S . -B build/sanitized -G Ninja -DPLEXIFORM_SANITIZE=ON && cmake --build build/sanitized
//   ctest --test-dir build/sanitized --output-on-failure

extern "C" {

const char* __asan_default_options() {
  return
      // The tests look at what a crash does: the signal itself, and the host's line about it.
      "handle_segv=0:handle_sigbus=0:handle_sigill=0:handle_sigfpe=0:handle_abort=0:"
      // Two plugins may define the same thing; their symbols are hidden, which this check does not see.
      "detect_odr_violation=0:"
      // LibTorch is not instrumented: containers that cross its border are only half annotated.
      "detect_container_overflow=0:"
      // A plugin's file is opened in a child process that ends by _exit, and plugins are never unloaded.
      "detect_leaks=0:"
      // Asked for more than there is, an allocation fails as it does without a sanitizer.
      "allocator_may_return_null=1";
}

const char* __ubsan_default_options() { return "print_stacktrace=1"; }

}  // extern "C"
