// Ranks of a run as threads of a test, with a link between them.
#ifndef TESTS_EXPERIMENTS_RANKS_WITH_RANKS_H_
#define TESTS_EXPERIMENTS_RANKS_WITH_RANKS_H_

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "experiments/ranks/link.h"
#include "tests/helpers/free_port.h"

namespace metaprompt {

// Calls `rank(r, link)` for each rank in a thread of its own.
inline void WithRanks(int size, const std::function<void(int, Link*)>& rank) {
  Place place;
  place.size = size;
  place.on_this_machine = size;
  place.address = "127.0.0.1";
  place.port = FreePort();
  place.launcher = "a test";
  std::vector<std::thread> threads;
  for (int r = 0; r < size; ++r) {
    threads.emplace_back([r, place, &rank]() mutable {
      place.rank = r;
      const absl::StatusOr<std::unique_ptr<Link>> link = Link::Open(place, std::chrono::seconds(60));
      ASSERT_TRUE(link.ok()) << link.status();
      ASSERT_TRUE((*link)->Connect().ok());
      rank(r, link->get());
      // Rank 0 has the store, so it stays until the others are done.
      ASSERT_TRUE((*link)->Add("done", 1).ok());
      while (r == 0 && *(*link)->Add("done", 0) < place.size) {
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
}

}  // namespace metaprompt

#endif  // TESTS_EXPERIMENTS_RANKS_WITH_RANKS_H_
