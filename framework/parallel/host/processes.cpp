// The one file that sees c10d; gloo/ makes up for headers that LibTorch's packages leave out.
#include <ATen/Parallel.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>
#include <c10/util/Logging.h>
#include <fmt/format.h>
#include <netdb.h>
#include <parallel/host/batch_norm.h>
#include <parallel/host/processes.h>
#include <parallel/host/shared_memory.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <torch/csrc/autograd/custom_function.h>
#include <unistd.h>

#define USE_C10D_GLOO  // as LibTorch was built
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <future>
#include <thread>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

namespace plexiform::parallel {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct Processes::Group {
  c10::intrusive_ptr<c10d::Store> store;
  c10::intrusive_ptr<c10d::ProcessGroupGloo> gloo;
  std::unique_ptr<SharedMemory> memory;  // of one machine, where it is to be had
  std::unique_ptr<SharedStatistics> statistics;
};

namespace {

// Without a stack of calls.
std::string first_line(const std::exception& e) {
  const auto* of_torch = dynamic_cast<const c10::Error*>(&e);
  const std::string text = of_torch ? of_torch->what_without_backtrace() : e.what();
  return text.substr(0, text.find('\n'));
}

// To another process, in words.
std::string what_happened(const std::exception& e, double timeout) {
  const std::string text = first_line(e);
  const auto says = [&](const char* words) { return text.find(words) != std::string::npos; };
  if (says("imed out") || says("imeout")) return fmt::format("another process has said nothing for {:g} s", timeout);
  if (says("onnection") || says("ead error") || says("rite error")) return "another process has ended";
  return "the processes do not understand each other: " + text;
}

// While it lives, c10d keeps its warnings and their stacks of calls to itself: what goes wrong is told in a sentence.
class Quiet {
 public:
  Quiet() : before_(FLAGS_caffe2_log_level) { FLAGS_caffe2_log_level = 3; }
  ~Quiet() { FLAGS_caffe2_log_level = before_; }
  Quiet(const Quiet&) = delete;

 private:
  const int before_;
};

bool answers(const addrinfo& address, int milliseconds) {
  const int end = socket(address.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (end < 0) return false;
  bool there = connect(end, address.ai_addr, address.ai_addrlen) == 0;
  if (pollfd waiting{end, POLLOUT, 0}; !there && errno == EINPROGRESS && poll(&waiting, 1, milliseconds) == 1) {
    int error = 0;
    socklen_t size = sizeof error;
    there = getsockopt(end, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0;
  }
  close(end);
  return there;
}

using Clock = std::chrono::steady_clock;

// Until rank 0 listens. c10d would wait, too, but for twice the time that it is given.
void wait_for_listener(const std::string& host, int port, double seconds) {
  const auto end = Clock::now() + std::chrono::duration<double>(seconds);
  while (Clock::now() < end) {
    addrinfo wanted{}, *found = nullptr;
    wanted.ai_socktype = SOCK_STREAM;
    const bool known = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &wanted, &found) == 0;
    bool there = false;
    for (const auto* one = found; known && one && !there; one = one->ai_next) there = answers(*one, 1000);
    if (known) freeaddrinfo(found);
    if (there) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  throw std::runtime_error(fmt::format("nobody has listened there for {:g} s", seconds));
}

// Throws Error unless it is an address of this machine, on which rank 0 listens: one can be bound here.
void check_own_address(const std::string& host) {
  const char* const fix = "export MASTER_ADDR=<the name or address of rank 0's machine> for all processes";
  addrinfo wanted{}, *found = nullptr;
  wanted.ai_socktype = SOCK_STREAM;
  if (const int error = getaddrinfo(host.c_str(), nullptr, &wanted, &found); error != 0)
    throw Error("MASTER_ADDR", fmt::format("{}: is not known here ({})", host, gai_strerror(error)), fix);
  bool own = false;
  for (const auto* one = found; one && !own; one = one->ai_next) {
    const int end = socket(one->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    own = end >= 0 && bind(end, one->ai_addr, one->ai_addrlen) == 0;
    if (end >= 0) close(end);
  }
  freeaddrinfo(found);
  if (!own) throw Error("MASTER_ADDR", fmt::format("{}: is not an address of this machine, rank 0's", host), fix);
}

// c10d waits without end for the answer of whoever has taken its call: after `seconds` it is left to itself, in its own thread.
c10::intrusive_ptr<c10d::Store> join_store(const std::string& host, const c10d::TCPStoreOptions& options,
                                           double seconds) {
  std::packaged_task<c10::intrusive_ptr<c10d::Store>()> call(
      [=]() -> c10::intrusive_ptr<c10d::Store> { return c10::make_intrusive<c10d::TCPStore>(host, options); });
  auto store = call.get_future();
  std::thread(std::move(call)).detach();
  if (store.wait_for(std::chrono::duration<double>(seconds)) != std::future_status::ready)
    throw std::runtime_error(
        fmt::format("who listens there has said nothing for {:g} s", options.timeout.count() / 1000.0));
  return store.get();
}

// Processes that may each use every core of this machine share them, unless the user has said how many threads they have.
void share_cores(const Launch& launch) {
  if (std::getenv("OMP_NUM_THREADS") || launch.local_size < 2) return;
  cpu_set_t mine;
  const bool known = sched_getaffinity(0, sizeof mine, &mine) == 0;
  if (known && CPU_COUNT(&mine) < sysconf(_SC_NPROCESSORS_ONLN)) return;  // the launcher has divided them
  at::set_num_threads(std::max(1, at::get_num_threads() / launch.local_size));
}

// The memory of a contiguous tensor: what only moves may be of any type.
at::Tensor bytes_of(const at::Tensor& x) { return x.view({-1}).view(at::kByte); }

at::Tensor to_bytes(const std::string& text) {
  const auto bytes = at::empty({static_cast<int64_t>(text.size())}, at::kByte);
  std::memcpy(bytes.mutable_data_ptr(), text.data(), text.size());
  return bytes;
}

std::string to_text(const at::Tensor& bytes) {
  return {static_cast<const char*>(bytes.const_data_ptr()), static_cast<size_t>(bytes.numel())};
}

// Gloo moves memory of the CPU: what lies on another device is copied there and back.
template <class Act>
void on_cpu(const at::Tensor& x, Act&& act) {
  const auto there = x.cpu();
  act(std::vector<at::Tensor>{there});
  if (!x.is_cpu()) x.copy_(there);
}

struct AllRows : torch::autograd::Function<AllRows> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& own, int64_t rows, const Processes* processes) {
    const Share share = processes->share();
    context->saved_data["rows"] = rows;
    context->saved_data["rank"] = share.rank;
    context->saved_data["ranks"] = share.ranks;
    auto sizes = own.sizes().vec();
    sizes[0] = (rows + share.ranks - 1) / share.ranks;  // of the largest share; the calls want equal ones
    at::Tensor filled = own;
    if (own.size(0) < sizes[0]) {
      filled = at::zeros(sizes, own.options());
      filled.narrow(0, 0, own.size(0)).copy_(own);
    }
    const auto all = processes->all(filled);
    std::vector<at::Tensor> shares;
    for (int64_t k = 0; k < share.ranks; ++k) {
      shares.push_back(all[k].narrow(0, 0, Share{k, share.ranks}.count(rows)));
    }
    return at::cat(shares);
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const Share share{context->saved_data["rank"].toInt(), context->saved_data["ranks"].toInt()};
    const int64_t rows = context->saved_data["rows"].toInt();
    const auto own = gradients[0].narrow(0, share.begin(rows), share.count(rows));
    return {own * static_cast<double>(share.ranks), at::Tensor(), at::Tensor()};
  }
};

}  // namespace

Processes::Processes(const Launch& launch)
    : rank_(launch.rank), local_rank_(launch.local_rank), size_(launch.size), timeout_(launch.timeout) {
  if (size_ == 1) return;
  static int joined = 0;  // a launcher's store outlives a group
  const auto timeout = std::chrono::milliseconds(static_cast<int64_t>(1000 * launch.timeout));
  const bool listens = first() && !launch.store_is_launchers;
  if (listens) check_own_address(launch.address);
  group_ = std::make_unique<Group>();
  const Quiet quiet;
  const auto begun = Clock::now();
  try {
    if (!first()) wait_for_listener(launch.address, launch.port, launch.timeout);
    c10d::TCPStoreOptions options;
    options.port = static_cast<std::uint16_t>(launch.port);
    options.isServer = listens;
    options.numWorkers = size_;
    options.waitWorkers = false;
    options.timeout = timeout;
    const std::chrono::duration<double> waited = Clock::now() - begun;
    group_->store = join_store(launch.address, options, launch.timeout - waited.count());
  } catch (const std::exception& e) {
    const std::string place = fmt::format("{}:{}", launch.address, launch.port);
    if (listens) {
      throw Error("MASTER_PORT", fmt::format("{}: cannot be listened to ({})", place, first_line(e)),
                  "export MASTER_PORT=<a free port> for all processes");
    }
    throw Error("MASTER_ADDR", fmt::format("{}: rank 0 does not answer there ({})", place, first_line(e)),
                "export MASTER_ADDR and MASTER_PORT of rank 0, the same for all processes");
  }
  try {
    const std::string name = fmt::format("plexiform/{}/{}", launch.attempt, joined++);
    const auto store = c10::make_intrusive<c10d::PrefixStore>(name, group_->store);
    c10::intrusive_ptr<c10d::ProcessGroupGloo::Options> options;
    if (launch.one_machine()) {
      options = c10d::ProcessGroupGloo::Options::create(timeout);
      options->devices.push_back(c10d::ProcessGroupGloo::createDeviceForHostname("127.0.0.1"));
    } else {
      options = c10d::ProcessGroupGloo::Options::create_default(timeout);  // of GLOO_SOCKET_IFNAME
    }
    group_->gloo = c10::make_intrusive<c10d::ProcessGroupGloo>(store, rank_, size_, options);
  } catch (const std::exception& e) {
    throw Error(fmt::format("rank {} of {}", rank_, size_),
                fmt::format("the others have not all come within {:g} s ({})", timeout_, first_line(e)),
                "start all of them with one launcher; see what the missing ones said");
  }
  wait_for_all();
  if (launch.one_machine()) share_memory();
  share_cores(launch);
  group_->statistics = std::make_unique<SharedStatistics>([this](const at::Tensor& own) { return all(own); });
}

// All of them use it, or none does.
void Processes::share_memory() {
  const std::string name = from_first(SharedMemory::new_name());
  const struct Forgetting {
    const std::string& name;
    ~Forgetting() { SharedMemory::forget_name(name); }
  } when_done{name};  // whoever is left
  auto memory = SharedMemory::open(name, rank_, size_, timeout_);
  wait_for_all();  // containers may each have a memory of that name: who does not see all the others is in another
  const bool met = memory && memory->all_live();
  if (all(at::full({1}, met ? 1 : 0, at::kByte)).all().item<bool>()) group_->memory = std::move(memory);
}

Processes::~Processes() = default;

void Processes::together(const std::function<void(Group&)>& act) const {
  check();
  try {
    act(*group_);
  } catch (const std::exception& e) {
    lost_.emplace(fmt::format("rank {} of {}", rank_, size_), what_happened(e, timeout_),
                  "see what it said; `plexiform train --resume` goes on from the last checkpoint");
    check();
  }
}

void Processes::check() const {
  if (lost_) throw Error(*lost_);
}

void Processes::sum(const at::Tensor& x) const {
  if (!several()) return;
  if (group_->memory) {  // piece by piece: all ranks' gradients at once would be R times the memory
    const auto own = x.detach().cpu().contiguous().view({-1});
    for (const auto& part : own.split(static_cast<int64_t>(SharedMemory::piece / own.element_size())))
      part.copy_(all(part).sum(0));
    if (own.const_data_ptr() != x.const_data_ptr()) x.copy_(own.view_as(x));
    return;
  }
  on_cpu(x, [&](std::vector<at::Tensor> tensors) {
    together([&](Group& group) { group.gloo->allreduce(tensors)->wait(); });
  });
}

void Processes::max(const at::Tensor& x) const {
  if (!several()) return;
  if (group_->memory) return void(x.copy_(all(x).amax(0)));
  c10d::AllreduceOptions options;
  options.reduceOp = c10d::ReduceOp::MAX;
  on_cpu(x, [&](std::vector<at::Tensor> tensors) {
    together([&](Group& group) { group.gloo->allreduce(tensors, options)->wait(); });
  });
}

void Processes::from_first(const at::Tensor& x) const {
  if (!several() || x.numel() == 0) return;
  const auto contiguous = x.detach().cpu().contiguous();
  std::vector<at::Tensor> tensors = {bytes_of(contiguous)};
  together([&](Group& group) { group.gloo->broadcast(tensors)->wait(); });
  if (!first() && contiguous.const_data_ptr() != x.const_data_ptr()) x.detach().copy_(contiguous);
}

std::string Processes::from_first(const std::string& text) const {
  if (!several()) return text;
  const auto length = at::zeros({1}, at::kLong);
  length.fill_(static_cast<int64_t>(text.size()));
  from_first(length);
  const auto bytes = first() ? to_bytes(text) : at::empty({length.item<int64_t>()}, at::kByte);
  from_first(bytes);
  return to_text(bytes);
}

at::Tensor Processes::all(const at::Tensor& own) const {
  if (!several()) return own.unsqueeze(0);
  auto sizes = own.sizes().vec();
  sizes.insert(sizes.begin(), size_);
  auto result = at::empty(sizes, own.options().requires_grad(false).device(at::kCPU));
  auto everyones = bytes_of(result), mine = bytes_of(own.detach().cpu().contiguous());
  together([&](Group& group) {
    if (group.memory) {
      group.memory->exchange(mine.const_data_ptr(), everyones.mutable_data_ptr(), mine.nbytes());
    } else {
      group.gloo->_allgather_base(everyones, mine)->wait();
    }
  });
  return result.to(own.device());
}

std::vector<std::string> Processes::all(const std::string& own) const {
  const auto length = at::zeros({1}, at::kLong);
  length.fill_(static_cast<int64_t>(own.size()));
  const auto lengths = all(length);
  const auto padded = at::zeros({lengths.max().item<int64_t>() + 1}, at::kByte);
  std::memcpy(padded.mutable_data_ptr(), own.data(), own.size());
  const auto texts = all(padded);
  std::vector<std::string> result;
  for (int64_t k = 0; k < size_; ++k) result.push_back(to_text(texts[k].narrow(0, 0, lengths[k][0].item<int64_t>())));
  return result;
}

at::Tensor Processes::all_rows(const at::Tensor& own, int64_t rows) const {
  return several() ? AllRows::apply(own, rows, this) : own;
}

void Processes::wait_for_all() const { all(at::zeros({1}, at::kByte)); }

void Processes::all_or_none(const std::function<void()>& body) const {
  std::optional<Error> own;
  try {
    body();
  } catch (const Error& e) {
    if (!several()) throw;
    own.emplace(e);
  }
  if (!several()) return;
  const auto problems = all(own ? std::string(own->what()) : "");
  for (int k = 0; k < size_; ++k) {
    const std::string& problem = problems[static_cast<size_t>(k)];
    if (problem.empty()) continue;
    if (!first()) throw Told(fmt::format("rank {}", k), problem, "see rank 0");
    if (own) throw Error(*own);
    throw Error(fmt::format("rank {}", k), problem, "give all processes the same command, plugins and data");
  }
}

std::shared_ptr<const Processes> join() {
  static std::weak_ptr<const Processes> held;
  if (auto living = held.lock()) return living;
  auto processes = std::make_shared<const Processes>(read_launch());
  held = processes;
  return processes;
}

const Processes& alone() {
  static const Processes one{Launch()};
  return one;
}

}  // namespace plexiform::parallel
