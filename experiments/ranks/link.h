// Link: what connects the processes of a run. It has a small store of keys, which rank 0 holds, and sends bytes from
// one rank to another. Both are LibTorch's (c10d): a TCPStore, and Gloo over TCP.
#ifndef EXPERIMENTS_RANKS_LINK_H_
#define EXPERIMENTS_RANKS_LINK_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "experiments/ranks/place.h"
#include "google/protobuf/message_lite.h"

namespace metaprompt {

// Messages of different lanes do not overtake or wait for each other.
enum class Lane { kRequests = 0, kSums = 1 };

// All functions may be called from several threads at the same time, but only one thread at a time may send to, or
// receive from, the same rank on the same lane.
class Link {
 public:
  // Opens the store: rank 0 listens, the others connect to it within `patience`, which is also the bound of Connect.
  // Errors: the program was built without Gloo; the port is busy; rank 0 cannot be reached.
  static absl::StatusOr<std::unique_ptr<Link>> Open(const Place& place, std::chrono::seconds patience);
  ~Link();
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  // The port on which rank 0 listens.
  int port() const;

  // The store. Add returns the sum of all that was added to the key. An error: rank 0 is gone.
  absl::StatusOr<int64_t> Add(const std::string& key, int64_t number);
  absl::Status Set(const std::string& key, const std::string& value);
  absl::StatusOr<bool> Has(const std::string& key);
  // The value of a key that exists.
  absl::StatusOr<std::string> Get(const std::string& key);

  // Connects every rank with every other. All ranks must call it, after all have opened the store.
  absl::Status Connect();

  // Wait until the bytes are sent or received. Sender and receiver must agree on their number. Errors: the other
  // process is gone; Cancelled after Interrupt.
  absl::Status Send(int to, Lane lane, const void* bytes, size_t size);
  absl::Status Receive(int from, Lane lane, void* bytes, size_t size);
  absl::Status SendMessage(int to, Lane lane, const google::protobuf::MessageLite& message);
  absl::Status ReceiveMessage(int from, Lane lane, google::protobuf::MessageLite* message);

  // Ends every Send and Receive that waits now. Later calls fail immediately. Call it again until no call waits any
  // more: one that begins at this moment may be missed.
  void Interrupt();

 private:
  class Parts;
  explicit Link(std::unique_ptr<Parts> parts);

  std::unique_ptr<Parts> parts_;
};

}  // namespace metaprompt

#endif  // EXPERIMENTS_RANKS_LINK_H_
