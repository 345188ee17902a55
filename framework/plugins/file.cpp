#include <fcntl.h>
#include <openssl/evp.h>
#include <plexiform/error.h>
#include <plugins/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>

namespace plexiform::plugins {

namespace {

void require_regular(const std::string& path, mode_t mode) {
  if (S_ISREG(mode)) return;
  const char* kind = S_ISDIR(mode) ? "a folder" : S_ISFIFO(mode) ? "a FIFO" : S_ISSOCK(mode) ? "a socket" : "a device";
  throw Error(path, std::string("is ") + kind + ", not a file", "name the plugin's .so file");
}

[[noreturn]] void cannot_open(const std::string& path, int code) {
  struct stat link;
  if (lstat(path.c_str(), &link) == 0 && S_ISLNK(link.st_mode) && (code == ENOENT || code == ELOOP)) {
    throw Error(path, "is a symbolic link that leads nowhere", "remove it, or restore what it points to");
  }
  throw Error(path, "cannot be opened: " + std::string(std::strerror(code)),
              code == EACCES ? "check the permissions of the file and its folders"
                             : "check the path; a plugin of your own has to be built first");
}

}  // namespace

File::File(const std::string& path) : path_(path) {
  struct stat s;
  // Asked before open(): opening a device may already do something.
  if (stat(path.c_str(), &s) != 0) cannot_open(path, errno);
  require_regular(path, s.st_mode);
  // O_NONBLOCK: a FIFO put in its place meanwhile must not block.
  descriptor_ = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (descriptor_ < 0) cannot_open(path, errno);
  if (fstat(descriptor_, &s) != 0 || !S_ISREG(s.st_mode)) {
    close(descriptor_);
    require_regular(path, s.st_mode);
  }
  stamp_ = {static_cast<uint64_t>(s.st_dev), static_cast<uint64_t>(s.st_ino), static_cast<uint64_t>(s.st_size),
            s.st_mtim.tv_sec * int64_t{1'000'000'000} + s.st_mtim.tv_nsec};
}

File::~File() {
  if (descriptor_ >= 0) close(descriptor_);
}

std::string File::read(uint64_t offset, uint64_t size) const {
  if (offset >= stamp_.size) return "";
  std::string bytes(std::min(size, stamp_.size - offset), '\0');
  size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t n = pread(descriptor_, bytes.data() + done, bytes.size() - done, static_cast<off_t>(offset + done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      throw Error(path_, "cannot be read: " + std::string(std::strerror(errno)), "check the disk");
    }
    if (n == 0) break;
    done += static_cast<size_t>(n);
  }
  bytes.resize(done);
  return bytes;
}

std::string File::sha256() const {
  const std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  bool ok = context && EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr);
  constexpr uint64_t block = 1 << 20;
  for (uint64_t at = 0; ok && at < stamp_.size; at += block) {
    const std::string bytes = read(at, block);
    ok = EVP_DigestUpdate(context.get(), bytes.data(), bytes.size());
  }
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  if (!ok || !EVP_DigestFinal_ex(context.get(), digest, &size)) {
    throw Error(path_, "OpenSSL computes no SHA-256", "check its configuration (OPENSSL_CONF)");
  }
  std::string text;
  for (unsigned i = 0; i < size; ++i) {
    text += "0123456789abcdef"[digest[i] >> 4];
    text += "0123456789abcdef"[digest[i] & 15];
  }
  return text;
}

std::optional<Error> loose_permissions(const std::string& path) {
  struct stat s;
  if (stat(path.c_str(), &s) == 0 && (s.st_mode & S_IWOTH)) {
    return Error(path, "every user may change it", "chmod o-w " + path);
  }
  const std::string folder = std::filesystem::path(path).parent_path().string();
  // In a sticky folder (/tmp) only its owner can replace a file.
  if (stat(folder.c_str(), &s) == 0 && (s.st_mode & S_IWOTH) && !(s.st_mode & S_ISVTX)) {
    return Error(path, "every user may replace it, because " + folder + " is writable by all", "chmod o-w " + folder);
  }
  return std::nullopt;
}

}  // namespace plexiform::plugins
