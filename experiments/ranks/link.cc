#include "experiments/ranks/link.h"

#ifdef METAPROMPT_PROCESSES
#include <ATen/ATen.h>
#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <functional>
#include <mutex>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "torch/csrc/distributed/c10d/PrefixStore.hpp"
#include "torch/csrc/distributed/c10d/ProcessGroupGloo.hpp"
#include "torch/csrc/distributed/c10d/TCPStore.hpp"
#endif

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "metaprompt/base/status_macros.h"
#include "metaprompt/base/text.h"

namespace metaprompt {

#ifdef METAPROMPT_PROCESSES

namespace {

// A bound for waits that other means end: see Interrupt.
constexpr std::chrono::hours kForever(24 * 365);
constexpr std::chrono::milliseconds kBetweenAttempts(50);
constexpr size_t kMostMessageBytes = size_t{1} << 30;

// The text of an error without the place in the source, [FILE:LINE], with which Gloo begins.
std::string WithoutPlace(absl::string_view text) {
  const size_t end = absl::StartsWith(text, "[") ? text.find("] ") : absl::string_view::npos;
  return OneLine(end == absl::string_view::npos ? text : text.substr(end + 2));
}

// Calls a function of c10d, whose errors are exceptions.
template <typename Call>
absl::Status Guarded(Call call) {
  try {
    call();
    return absl::OkStatus();
  } catch (const c10::Error& error) {
    return absl::UnavailableError(WithoutPlace(error.what_without_backtrace()));
  } catch (const std::exception& error) {
    return absl::UnavailableError(WithoutPlace(error.what()));
  }
}

// Chooses the store without libuv, if LibTorch has a choice: newer ones take libuv, which Debian's was built without.
template <typename Options>
auto UseSockets(Options* options, int /*preferred*/) -> decltype(options->useLibUV, void()) {
  options->useLibUV = false;
}
template <typename Options>
void UseSockets(Options* /*options*/, int64_t /*otherwise*/) {}

bool IsLoopback(const std::string& ip) { return absl::StartsWith(ip, "127.") || ip == "::1"; }

// The address of this machine from which packets to `host` leave; empty if the host is not known or not reachable.
// Nothing is sent.
std::string AddressTowards(const std::string& host, int port) {
  addrinfo hints = {};
  hints.ai_socktype = SOCK_DGRAM;
  addrinfo* found = nullptr;
  std::string address;
  if (getaddrinfo(host.c_str(), absl::StrCat(port).c_str(), &hints, &found) != 0) {
    return address;
  }
  for (const addrinfo* one = found; one != nullptr && address.empty(); one = one->ai_next) {
    const int fd = socket(one->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    sockaddr_storage local = {};
    socklen_t size = sizeof(local);
    char text[NI_MAXHOST];
    if (fd >= 0 && connect(fd, one->ai_addr, one->ai_addrlen) == 0 &&
        getsockname(fd, reinterpret_cast<sockaddr*>(&local), &size) == 0 &&
        getnameinfo(reinterpret_cast<sockaddr*>(&local), size, text, sizeof(text), nullptr, 0, NI_NUMERICHOST) == 0) {
      address = text;
    }
    if (fd >= 0) {
      close(fd);
    }
  }
  freeaddrinfo(found);
  return address;
}

// Whether a program can listen on the port. (c10d finds out, too, but then also prints warnings.)
bool IsFree(int port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  const bool free = bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0 || errno != EADDRINUSE;
  close(fd);
  return free;
}

// Waits until somebody listens there, and returns whether anybody does. (c10d waits, too, but prints a warning for each
// attempt.)
bool AwaitListener(const std::string& host, int port, std::chrono::seconds patience) {
  const auto begin = std::chrono::steady_clock::now();
  bool listens = false;
  while (!listens && std::chrono::steady_clock::now() - begin < patience) {
    addrinfo hints = {};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    if (getaddrinfo(host.c_str(), absl::StrCat(port).c_str(), &hints, &found) == 0) {
      for (const addrinfo* one = found; one != nullptr && !listens; one = one->ai_next) {
        const int fd = socket(one->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        listens = connect(fd, one->ai_addr, one->ai_addrlen) == 0;
        close(fd);
      }
      freeaddrinfo(found);
    }
    if (!listens) {
      std::this_thread::sleep_for(kBetweenAttempts);
    }
  }
  return listens;
}

}  // namespace

class Link::Parts {
 public:
  Parts(Place place, std::chrono::seconds patience) : place_(std::move(place)), patience_(patience) {}
  ~Parts() {
    if (interrupted_) {
      static_cast<void>(group_.release());  // NOLINT: its destructor may wait for a process that is gone
    }
  }

  absl::Status OpenStore();
  absl::Status Connect();
  // The address on which this rank listens to the others.
  absl::StatusOr<std::string> OwnAddress();
  absl::Status Transfer(const std::function<c10::intrusive_ptr<c10d::Work>(std::vector<at::Tensor>*)>& begin,
                        void* bytes, size_t size);
  void Interrupt();

  c10d::TCPStore& store() { return *store_; }
  c10d::ProcessGroupGloo& group() { return *group_; }
  std::mutex& begin_mutex() { return begin_mutex_; }

 private:
  const Place place_;
  const std::chrono::seconds patience_;
  c10::intrusive_ptr<c10d::TCPStore> store_;
  c10::intrusive_ptr<c10d::ProcessGroupGloo> group_;
  std::mutex begin_mutex_;
  std::mutex mutex_;  // guards pending_
  std::set<c10d::Work*> pending_;
  std::atomic<bool> interrupted_ = false;
};

absl::Status Link::Parts::OpenStore() {
  if (place_.rank == 0 && place_.port != 0 && !IsFree(place_.port)) {
    return absl::UnavailableError(absl::StrCat(
        "rank 0 cannot listen on port ", place_.port, ": another program, or another rank 0, listens there; ",
        place_.launcher == "torchrun" ? "start torchrun with another --master-port"
                                      : "set MASTER_PORT to another port"));
  }
  if (place_.rank > 0 && !AwaitListener(place_.address, place_.port, patience_)) {
    return absl::UnavailableError(absl::StrCat(place_.Text(), ": rank 0 did not answer at ", place_.address, ":",
                                               place_.port, " within ", patience_.count(), " s"));
  }
  c10d::TCPStoreOptions options;
  options.port = static_cast<uint16_t>(place_.port);
  options.isServer = place_.rank == 0;
  options.waitWorkers = false;
  options.timeout = patience_;
  UseSockets(&options, 0);
  const absl::Status opened = Guarded([&] { store_ = c10::make_intrusive<c10d::TCPStore>(place_.address, options); });
  return opened.ok() ? opened
                     : absl::UnavailableError(absl::StrCat(place_.Text(), " cannot ",
                                                           place_.rank == 0 ? "listen on " : "reach rank 0 at ",
                                                           place_.address, ":", place_.port, ": ", opened.message()));
}

absl::StatusOr<std::string> Link::Parts::OwnAddress() {
  if (place_.on_this_machine == place_.size) {
    return std::string("127.0.0.1");
  }
  std::vector<std::string> all;
  const absl::Status exchanged = Guarded([&] {
    const std::string mine = AddressTowards(place_.address, place_.port);
    store_->set(absl::StrCat("address/", place_.rank), std::vector<uint8_t>(mine.begin(), mine.end()));
    for (int r = 0; r < place_.size; ++r) {
      const std::vector<uint8_t> one = store_->get(absl::StrCat("address/", r));
      all.emplace_back(one.begin(), one.end());
    }
  });
  RETURN_IF_ERROR(exchanged);
  // A process on the machine of rank 0 may reach it by an address that is only valid there.
  const std::string& mine = all[static_cast<size_t>(place_.rank)];
  const auto elsewhere = std::find_if(all.begin(), all.end(), [](const std::string& one) { return !IsLoopback(one); });
  return IsLoopback(mine) && elsewhere != all.end() ? AddressTowards(*elsewhere, place_.port) : mine;
}

absl::Status Link::Parts::Connect() {
  std::string address;
  const char* const interface = std::getenv("GLOO_SOCKET_IFNAME");  // as in PyTorch
  if (interface == nullptr) {
    ASSIGN_OR_RETURN(address, OwnAddress());
  }
  const absl::Status connected = Guarded([&] {
    const auto options = c10d::ProcessGroupGloo::Options::create(patience_);
    options->threads = 1;
    options->devices.push_back(interface != nullptr ? c10d::ProcessGroupGloo::createDeviceForInterface(interface)
                               : address.empty()    ? c10d::ProcessGroupGloo::createDefaultDevice()
                                                    : c10d::ProcessGroupGloo::createDeviceForHostname(address));
    group_ = c10::make_intrusive<c10d::ProcessGroupGloo>(c10::make_intrusive<c10d::PrefixStore>("gloo", store_),
                                                         place_.rank, place_.size, options);
  });
  return connected.ok() ? connected
                        : absl::UnavailableError(absl::StrCat(
                              place_.Text(), " cannot connect with the other ranks: ", connected.message()));
}

absl::Status Link::Parts::Transfer(const std::function<c10::intrusive_ptr<c10d::Work>(std::vector<at::Tensor>*)>& begin,
                                   void* bytes, size_t size) {
  if (size == 0) {
    return absl::OkStatus();
  }
  c10::intrusive_ptr<c10d::Work> work;
  bool whole = false;
  const absl::Status done = Guarded([&] {
    std::vector<at::Tensor> tensors = {at::from_blob(bytes, {static_cast<int64_t>(size)}, at::kByte)};
    {
      const std::lock_guard<std::mutex> lock(begin_mutex_);
      work = begin(&tensors);
    }
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      pending_.insert(work.get());
    }
    whole = !interrupted_ && work->wait(kForever);
  });
  if (work != nullptr) {
    const std::lock_guard<std::mutex> lock(mutex_);
    pending_.erase(work.get());
  }
  return interrupted_          ? absl::CancelledError("interrupted")
         : done.ok() && !whole ? absl::UnavailableError("the transfer was aborted")
                               : done;
}

void Link::Parts::Interrupt() {
  interrupted_ = true;
  const std::lock_guard<std::mutex> lock(mutex_);
  for (c10d::Work* work : pending_) {
    work->abort();
  }
}

Link::Link(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Link::~Link() = default;

absl::StatusOr<std::unique_ptr<Link>> Link::Open(const Place& place, std::chrono::seconds patience) {
  std::signal(SIGPIPE, SIG_IGN);  // the write to a process that is gone fails, and does not end this one
  auto parts = std::make_unique<Parts>(place, patience);
  RETURN_IF_ERROR(parts->OpenStore());
  return std::unique_ptr<Link>(new Link(std::move(parts)));
}

int Link::port() const { return parts_->store().getPort(); }

absl::StatusOr<int64_t> Link::Add(const std::string& key, int64_t number) {
  int64_t sum = 0;
  RETURN_IF_ERROR(Guarded([&] { sum = parts_->store().add(key, number); }));
  return sum;
}

absl::Status Link::Set(const std::string& key, const std::string& value) {
  return Guarded([&] { parts_->store().set(key, std::vector<uint8_t>(value.begin(), value.end())); });
}

absl::StatusOr<bool> Link::Has(const std::string& key) {
  bool has = false;
  RETURN_IF_ERROR(Guarded([&] { has = parts_->store().check({key}); }));
  return has;
}

absl::StatusOr<std::string> Link::Get(const std::string& key) {
  std::string value;
  RETURN_IF_ERROR(Guarded([&] {
    const std::vector<uint8_t> bytes = parts_->store().get(key);
    value.assign(bytes.begin(), bytes.end());
  }));
  return value;
}

absl::Status Link::Connect() { return parts_->Connect(); }

absl::Status Link::Send(int to, Lane lane, const void* bytes, size_t size) {
  return parts_->Transfer(
      [&](std::vector<at::Tensor>* tensors) { return parts_->group().send(*tensors, to, static_cast<int>(lane)); },
      const_cast<void*>(bytes), size);
}

absl::Status Link::Receive(int from, Lane lane, void* bytes, size_t size) {
  return parts_->Transfer(
      [&](std::vector<at::Tensor>* tensors) { return parts_->group().recv(*tensors, from, static_cast<int>(lane)); },
      bytes, size);
}

absl::Status Link::SendMessage(int to, Lane lane, const google::protobuf::MessageLite& message) {
  const std::string bytes = message.SerializeAsString();
  const uint64_t size = bytes.size();
  RETURN_IF_ERROR(Send(to, lane, &size, sizeof(size)));
  return Send(to, lane, bytes.data(), bytes.size());
}

absl::Status Link::ReceiveMessage(int from, Lane lane, google::protobuf::MessageLite* message) {
  uint64_t size = 0;
  RETURN_IF_ERROR(Receive(from, lane, &size, sizeof(size)));
  std::string bytes;
  if (size <= kMostMessageBytes) {
    bytes.resize(size);
    RETURN_IF_ERROR(Receive(from, lane, bytes.data(), size));
  }
  if (size > kMostMessageBytes || !message->ParseFromString(bytes)) {
    return absl::InternalError(absl::StrCat("rank ", from, " sent something that is not a ", message->GetTypeName()));
  }
  return absl::OkStatus();
}

void Link::Interrupt() { parts_->Interrupt(); }

#else  // without Gloo: only Open can be called

class Link::Parts {};

Link::Link(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Link::~Link() = default;

absl::StatusOr<std::unique_ptr<Link>> Link::Open(const Place& place, std::chrono::seconds /*patience*/) {
  return absl::UnimplementedError(
      absl::StrCat("this is ", place.Text(),
                   ", but this program was built with a LibTorch whose headers lack Gloo, and "
                   "runs in one process only"));
}

int Link::port() const { return 0; }
absl::StatusOr<int64_t> Link::Add(const std::string&, int64_t) { return absl::UnimplementedError(""); }
absl::Status Link::Set(const std::string&, const std::string&) { return absl::UnimplementedError(""); }
absl::StatusOr<bool> Link::Has(const std::string&) { return absl::UnimplementedError(""); }
absl::StatusOr<std::string> Link::Get(const std::string&) { return absl::UnimplementedError(""); }
absl::Status Link::Connect() { return absl::UnimplementedError(""); }
absl::Status Link::Send(int, Lane, const void*, size_t) { return absl::UnimplementedError(""); }
absl::Status Link::Receive(int, Lane, void*, size_t) { return absl::UnimplementedError(""); }
absl::Status Link::SendMessage(int, Lane, const google::protobuf::MessageLite&) { return absl::UnimplementedError(""); }
absl::Status Link::ReceiveMessage(int, Lane, google::protobuf::MessageLite*) { return absl::UnimplementedError(""); }
void Link::Interrupt() {}

#endif

}  // namespace metaprompt
