// Tensors from one rank to another. The ranks are threads here.
#include "experiments/ranks/tensor_stream.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <string>
#include <thread>
#include <vector>

#include "tests/experiments/ranks/with_ranks.h"

namespace metaprompt {
namespace {

// The parameters of a model with a large word embedding, of sizes around those of the messages.
std::vector<ParamInfo> Infos() {
  std::vector<ParamInfo> infos;
  for (const std::vector<int64_t>& shape :
       {std::vector<int64_t>{3}, {1 << 20}, {2500, 1000}, {5}, {1100, 1000}, {7, 2}, {3000, 1000}}) {
    ParamInfo info;
    info.shape = shape;
    info.vocab_rows = shape[0] == 2500 || shape[0] == 7;
    infos.push_back(info);
  }
  return infos;
}

TEST(TensorStreamTest, TensorsArriveAsTheyWere) {
  const std::vector<ParamInfo> infos = Infos();
  ParamList sent;
  for (const ParamInfo& info : infos) {
    sent.push_back(at::randn(info.shape));
  }
  SentParts parts;
  parts.parts = {SentParts::kWhole, SentParts::kWhole, SentParts::kRows, SentParts::kNothing,
                 SentParts::kWhole, SentParts::kRows,  SentParts::kWhole};
  parts.rows = at::tensor({1, 4, 6}, at::kLong);
  ParamList received(infos.size());
  received[2] = at::ones(infos[2].shape);
  WithRanks(2, [&](int rank, Link* link) {
    if (rank == 0) {
      ASSERT_TRUE(SendTensors(parts, sent, 1, Lane::kSums, link).ok());
    } else {
      ASSERT_TRUE(ReceiveTensors(infos, at::kCPU, 0, Lane::kSums, link, &received).ok());
    }
  });
  for (const size_t i : {0, 1, 4, 6}) {
    EXPECT_TRUE(at::equal(received[i], sent[i])) << i;
  }
  EXPECT_FALSE(received[3].defined());
  EXPECT_TRUE(
      at::equal(received[2], at::ones(infos[2].shape).index_copy(0, parts.rows, sent[2].index_select(0, parts.rows))));
  EXPECT_TRUE(
      at::equal(received[5], at::zeros(infos[5].shape).index_copy(0, parts.rows, sent[5].index_select(0, parts.rows))));
}

// What is not finite, and the sign of zero, must arrive too; and a message must not wait for another lane.
TEST(TensorStreamTest, LanesAreIndependent) {
  WithRanks(2, [](int rank, Link* link) {
    const double values[] = {-0.0, 1e-310, 2};
    double got[3] = {};
    if (rank == 0) {
      std::thread later([&] { ASSERT_TRUE(link->Send(1, Lane::kRequests, values, sizeof(values)).ok()); });
      ASSERT_TRUE(link->Send(1, Lane::kSums, values + 2, sizeof(double)).ok());
      later.join();
    } else {
      ASSERT_TRUE(link->Receive(0, Lane::kSums, got, sizeof(double)).ok());
      EXPECT_EQ(got[0], 2);
      ASSERT_TRUE(link->Receive(0, Lane::kRequests, got, sizeof(got)).ok());
      EXPECT_TRUE(std::signbit(got[0]));
      EXPECT_EQ(got[1], 1e-310);
    }
  });
}

TEST(TensorStreamTest, AnInterruptedReceiveReturns) {
  WithRanks(2, [](int rank, Link* link) {
    if (rank == 1) {
      while (!*link->Has("interrupted")) {
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
      }
      return;
    }
    absl::Status status;
    std::thread waits([&] {
      char byte = 0;
      status = link->Receive(1, Lane::kRequests, &byte, 1);
    });
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    link->Interrupt();
    waits.join();
    EXPECT_TRUE(absl::IsCancelled(status)) << status;
    EXPECT_TRUE(absl::IsCancelled(link->Send(1, Lane::kRequests, "", 1)));
    EXPECT_TRUE(link->Set("interrupted", "1").ok());
  });
}

}  // namespace
}  // namespace metaprompt
