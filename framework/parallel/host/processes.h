// The processes that train one model together, each on its share of every batch, and what they tell each other, through
// LibTorch's own c10d with Gloo; sum, max and all go through memory that they share where they are on one machine
// (shared_memory.h). Alone, this process is rank 0 of 1, and everything here returns at once what it was given.
// Notation  R processes; a rank is the number of one of them; own: of this process.
// Order     every process makes the same calls in the same order, with tensors of the same shape and type.
// Errors    Error when another process has ended, or been silent for Launch::timeout. A component within whose code a call was
//           made may be blamed for that: check() throws it as it is.
// Threads   one at a time.
#pragma once

#include <ATen/core/Tensor.h>
#include <parallel/launch.h>
#include <parallel/share.h>
#include <plexiform/error.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace plexiform::parallel {

// Why this process stops has been passed on to the first one, which tells the user.
struct Told : Error {
  using Error::Error;
};

class Processes {
 public:
  // Waits until all of them have come, at most Launch::timeout. While the object lives, batch statistics of components are
  // those of all ranks' rows (batch_norm.h). Throws Error(variable, what, fix).
  explicit Processes(const Launch& launch);
  ~Processes();

  int rank() const { return rank_; }
  int local_rank() const { return local_rank_; }  // on this machine
  int size() const { return size_; }
  bool first() const { return rank_ == 0; }  // the one that writes
  bool several() const { return size_ > 1; }
  Share share() const { return {rank_, size_}; }

  void sum(const at::Tensor& x) const;         // in place, over all ranks; each has the same bits then
  void max(const at::Tensor& x) const;         // in place
  void from_first(const at::Tensor& x) const;  // in place: rank 0's
  std::string from_first(const std::string& text) const;
  at::Tensor all(const at::Tensor& own) const;  // (R, ...), in the order of ranks
  std::vector<std::string> all(const std::string& own) const;
  // The shares of all ranks, one after another: `rows` rows. Differentiable; gradients reach own rows R-fold, so that the mean
  // of the ranks' gradients is that of one process.
  at::Tensor all_rows(const at::Tensor& own, int64_t rows) const;
  void wait_for_all() const;
  // Runs `body`, in which no other call is made. Where it throws an Error in any process, all stop: the first with that Error,
  // its own if there are several, the others with Told.
  void all_or_none(const std::function<void()>& body) const;

  void check() const;  // throws again what a call has thrown

 private:
  struct Group;
  void share_memory();
  void together(const std::function<void(Group&)>& act) const;

  int rank_ = 0, local_rank_ = 0, size_ = 1;
  double timeout_ = 0;
  std::unique_ptr<Group> group_;  // none: alone
  mutable std::optional<Error> lost_;
};

// Those of the environment variables (read_launch), joined when they are first asked for and as long as someone holds them.
std::shared_ptr<const Processes> join();

// This process alone.
const Processes& alone();

}  // namespace plexiform::parallel
