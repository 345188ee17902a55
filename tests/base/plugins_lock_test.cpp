#include <plexiform/error.h>
#include <plugins/lock.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers.hpp>

#include "../plugin_files.h"

using namespace plexiform;
using namespace plexiform::plugins;

namespace {

const std::string a(64, 'a'), b(64, 'b'), c(64, 'c');

std::string message(const std::string& where, const std::string& problem, const std::string& fix) {
  return Error(where, problem, fix).what();
}

}  // namespace

TEST_CASE("a lock names each plugin of a run once, and reads back") {
  const Folder folder;
  const Pin net{"net", "1.0.0", a}, loss{"loss", "0.2.0", b};
  Lock::of({net, loss, net}).write(folder / "plugins.lock");
  CHECK(Lock::named(folder / "plugins.lock").pins() == std::vector{net, loss});
  CHECK(content(folder / "plugins.lock").find(R"("sha256": ")" + a + '"') != std::string::npos);
}

TEST_CASE("a plugin is held to the lock by its content alone") {
  const Folder folder;
  const std::string file = folder / "plugins.lock";
  Lock::of({{"net", "1.0.0", a}, {"net", "2.0.0", b}}).write(file);
  const auto lock = Lock::named(file);
  CHECK_NOTHROW(lock.check({"net", "1.0.0", a}, "/x/net.so"));
  CHECK_NOTHROW(lock.check({"net", "2.0.0", b}, "/y/net.so"));
  CHECK_THROWS_WITH(lock.check({"net", "1.0.0", c}, "/x/net.so"),
                    message("/x/net.so",
                            "is net 1.0.0 (SHA-256 " + c + "), but " + file + " pins net 1.0.0 (SHA-256 " + a +
                                ") and net 2.0.0 (SHA-256 " + b + ")",
                            "bring back the pinned file, or leave --locked out"));
  CHECK_THROWS_WITH(lock.check({"other", "1.0.0", a}, "/x/o.so"),
                    message("/x/o.so", "is other 1.0.0 (SHA-256 " + a + "), but " + file + " does not list it",
                            "bring back the pinned file, or leave --locked out"));
}

TEST_CASE("a damaged lock file is refused") {
  const Folder folder;
  const std::string file = folder / "plugins.lock";
  CHECK_THROWS_WITH(Lock::named(file),
                    message(file, "cannot be read", "name a lock file: each run has one, plugins.lock, in its folder"));
  Lock::of({{"net", "1.0.0", a}}).write(file);
  const std::string whole = content(file);
  std::vector<std::string> damaged = {"", "[]", "{}", "null", "\x89PNG"};
  for (size_t size = 1; size + 2 < whole.size(); size += 7) damaged.push_back(whole.substr(0, size));
  for (const char* word : {"plexiform.plugins/1", "plugins\":", "sha256", "aaa", "version"}) {
    std::string bytes = whole;
    bytes[bytes.find(word)] = '?';
    damaged.push_back(bytes);
  }
  for (const auto& bytes : damaged) {
    INFO(bytes);
    write(file, bytes);
    CHECK_THROWS_WITH(Lock::named(file),
                      message(file, "is no lock file, or a damaged one", "take the plugins.lock of a run"));
  }
}
