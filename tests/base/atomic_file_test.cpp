#include <files/atomic_file.h>
#include <files/new_folder.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <csignal>
#include <filesystem>
#include <functional>

#include "../folder.h"

namespace fs = std::filesystem;
using plexiform::Error;
using plexiform::files::AtomicFile;
using plexiform::files::remove_leftovers;
using plexiform::files::write_atomically;

namespace {

// "problem | fix" of the Error that `body` throws.
std::string refusal(const std::function<void()>& body) {
  try {
    body();
    return "";
  } catch (const Error& e) {
    return e.problem() + " | " + e.fix();
  }
}

// Runs `body` in a child process and returns its text: limits and users are changed there only.
std::string in_child(const std::function<std::string()>& body) {
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const std::string text = body();
    const bool sent = ::write(ends[1], text.data(), text.size()) == static_cast<ssize_t>(text.size());
    ::_exit(sent ? 0 : 1);
  }
  ::close(ends[1]);
  std::string text(4096, 0);
  const ssize_t read = ::read(ends[0], text.data(), text.size());
  ::close(ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  CHECK(status == 0);
  return text.substr(0, static_cast<size_t>(std::max<ssize_t>(read, 0)));
}

}  // namespace

TEST_CASE("an atomic file appears when it is committed, and alone") {
  Folder folder;
  {
    AtomicFile file(folder / "a.txt");
    file.write("one ");
    file.write("two");
    CHECK_FALSE(fs::exists(folder / "a.txt"));
    file.commit();
  }
  CHECK(content(folder / "a.txt") == "one two");
  CHECK(folder.entries() == 1);
}

TEST_CASE("an atomic file that is not committed leaves the old one and nothing else") {
  Folder folder;
  write_atomically(folder / "a.txt", "old");
  {
    AtomicFile(folder / "a.txt").write("new");
  }
  CHECK(content(folder / "a.txt") == "old");
  CHECK(folder.entries() == 1);
}

TEST_CASE("an atomic file keeps the permissions of the old one and follows a link to it") {
  Folder folder;
  write_atomically(folder / "a.txt", "old");
  ::chmod((folder / "a.txt").c_str(), 0640);
  fs::create_symlink("a.txt", folder / "link");
  write_atomically(folder / "link", "new");
  CHECK(content(folder / "a.txt") == "new");
  CHECK(fs::is_symlink(folder / "link"));
  struct stat status = {};
  ::stat((folder / "a.txt").c_str(), &status);
  CHECK((status.st_mode & 0777) == 0640);
}

TEST_CASE("what cannot be written is refused with the reason and a remedy") {
  Folder folder;
  CHECK(refusal([&] { write_atomically(folder / "none/a.txt", "x"); }) ==
        "cannot be written: No such file or directory | create its folder first");
  CHECK(refusal([&] { write_atomically(folder.path.string(), "x"); }) == "is a folder | choose the name of a file");
  CHECK(refusal([&] { write_atomically("/dev/null", "x"); }) ==
        "is a device or a pipe, not a file | choose the name of a file");
  CHECK(refusal([&] { write_atomically(folder / std::string(300, 'a').c_str(), "x"); }) ==
        "cannot be written: File name too long | choose a shorter name");
  CHECK(folder.entries() == 0);
}

TEST_CASE("a folder without permission is refused and left as it was") {
  Folder folder;
  write_atomically(folder / "a.txt", "old");
  ::chmod(folder.path.c_str(), 0555);
  const std::string said = in_child([&] {
    if (::getuid() == 0 && ::setuid(65534) != 0) return std::string("no other user");
    return refusal([&] { write_atomically(folder / "a.txt", "new"); });
  });
  ::chmod(folder.path.c_str(), 0755);
  CHECK(said ==
        "cannot be written: Permission denied | choose a folder that you may write to, or change "
        "its permissions");
  CHECK(content(folder / "a.txt") == "old");
  CHECK(folder.entries() == 1);
}

TEST_CASE("a place for a folder is looked at before anything is made") {
  using plexiform::files::check_place;
  const Folder folder;
  write_atomically(folder / "file", "");
  const std::string remedy = " | choose a folder that you may write to, on a disk with free space";
  CHECK(refusal([&] { check_place(folder / "new/newer"); }) == "");
  CHECK(refusal([&] { check_place("not/there/yet"); }) == "");
  CHECK(refusal([&] { check_place(folder / "file/new"); }) == "cannot be written: Not a directory" + remedy);
  ::chmod(folder.path.c_str(), 0555);
  const std::string said = in_child([&] {
    if (::getuid() == 0 && ::setuid(65534) != 0) return std::string("no other user");
    return refusal([&] { check_place(folder / "new/newer"); });
  });
  ::chmod(folder.path.c_str(), 0755);
  CHECK(said == "cannot be written: Permission denied" + remedy);
  CHECK(folder.entries() == 1);
}

TEST_CASE("a write that runs out of room leaves the old file and no temporary one") {
  Folder folder;
  write_atomically(folder / "a.txt", "old");
  const std::string said = in_child([&] {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit = {1000, 1000};  // bytes: stands for a disk with so much room left
    ::setrlimit(RLIMIT_FSIZE, &limit);
    return refusal([&] { write_atomically(folder / "a.txt", std::string(5000, 'x')); });
  });
  CHECK(said == "cannot be written: File too large | raise the limit on file sizes (ulimit -f)");
  CHECK(content(folder / "a.txt") == "old");
  CHECK(folder.entries() == 1);
}

TEST_CASE("a writer killed at any moment leaves the old file or the new one, whole") {
  Folder folder;
  const std::string path = folder / "a.txt";
  const std::string contents[2] = {std::string(300'000, 'a'), std::string(200'000, 'b')};
  write_atomically(path, contents[0]);
  size_t most_leftovers = 0;
  for (int round = 0; round < 30; ++round) {
    const pid_t child = ::fork();
    if (child == 0) {
      for (int i = 0;; ++i) write_atomically(path, contents[i % 2]);
    }
    ::usleep(500 + 700 * round);
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    const std::string found = content(path);
    CHECK((found == contents[0] || found == contents[1]));
    most_leftovers = std::max(most_leftovers, folder.entries() - 1);
  }
  CHECK(most_leftovers > 0);  // some were killed in the middle of a write
  CHECK(remove_leftovers(folder.path.string()) == static_cast<int>(most_leftovers));
  CHECK(folder.entries() == 1);
}
