#include "experiments/ranks/crew.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <filesystem>
#include <future>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "experiments/host/environment.h"
#include "experiments/ranks/outcome.h"
#include "experiments/ranks/shared_sums.h"
#include "experiments/ranks/tensor_stream.h"
#include "experiments/ranks/timer.h"
#include "metaprompt/base/status_macros.h"

namespace metaprompt {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kLeastStart(60);  // for all processes to start, on a busy machine
constexpr std::chrono::seconds kLeave(5);        // for all processes to end
constexpr std::chrono::milliseconds kTick(20);

// What differs between the inputs of rank 0 and of another rank; empty if nothing does.
std::string DifferentInput(const RankFacts& mine, const RankFacts& other) {
  if (mine.dataset().content_sha256() != other.dataset().content_sha256()) {
    return "other data";
  }
  if (mine.model().encoder_sha256() != other.model().encoder_sha256() ||
      mine.model().tokenizer_sha256() != other.model().tokenizer_sha256()) {
    return "an encoder with other weights, or another tokenizer";
  }
  const auto starts = [](const RankFacts& facts) {
    return absl::StrJoin(facts.model().starts(), " ", [](std::string* out, const StartFacts& start) {
      absl::StrAppend(out, start.parameters_sha256());
    });
  };
  if (starts(mine) != starts(other)) {
    return "other parameters of the run that this one begins from";
  }
  if (mine.manifest_sha256() != other.manifest_sha256()) {
    return "another file of test episodes";
  }
  return mine.environment().version() != other.environment().version() ? "another version of metaprompt" : "";
}

}  // namespace

Crew::Crew(const Place& place, std::chrono::seconds silence, const std::atomic<bool>& asked, std::unique_ptr<Link> link)
    : place_(place),
      silence_(silence),
      asked_(asked),
      link_(std::move(link)),
      stale_(static_cast<size_t>(place.size)) {}

absl::StatusOr<std::unique_ptr<Crew>> Crew::Listen(const Place& place, std::chrono::seconds silence,
                                                   const std::atomic<bool>& asked) {
  ASSIGN_OR_RETURN(std::unique_ptr<Link> link, Link::Open(place, std::max(silence, kLeastStart)));
  return std::unique_ptr<Crew>(new Crew(place, silence, asked, std::move(link)));
}

Crew::~Crew() {
  Leave();
  watch_ = nullptr;  // its thread uses the others
  children_ = nullptr;
}

void Crew::Leave() {
  if (place_.port == 0 && !connected_) {
    return;  // the others are children, which ~ChildRanks ends, or were not started
  }
  const bool lost = !failure().ok();
  if (!link_->Set(kEndKey, absl::StrCat(end_status_)).ok()) {
    return;
  }
  const auto patience = connected_ ? kLeave : std::max(silence_, kLeastStart);
  const int64_t others = place_.size - (lost ? 2 : 1);
  for (const Clock::time_point begin = Clock::now(); Clock::now() - begin < patience;
       std::this_thread::sleep_for(kTick)) {
    const absl::StatusOr<int64_t> left = link_->Add(kLeftKey, 0);
    if (!left.ok() || *left >= others) {
      return;
    }
  }
}

absl::Status Crew::WaitForAll() {
  const auto patience = std::max(silence_, kLeastStart);
  const Clock::time_point begin = Clock::now();
  std::vector<std::string> missing;
  do {
    missing.clear();
    for (int r = 1; r < place_.size; ++r) {
      ASSIGN_OR_RETURN(const int64_t joined, link_->Add(JoinKey(r), 0));
      if (joined > 0) {
        continue;
      }
      missing.push_back(absl::StrCat(r));
      RETURN_IF_ERROR(DidNotStart(r));
    }
    if (missing.empty()) {
      return link_->Set(kBeginKey, "1");
    }
    std::this_thread::sleep_for(kTick);
  } while (Clock::now() - begin < patience);
  return absl::UnavailableError(absl::StrCat(missing.size() == 1 ? "rank " : "ranks ", absl::StrJoin(missing, ", "),
                                             " of ", place_.size, " did not join within ", patience.count(), " s (",
                                             place_.launcher, ")"));
}

absl::Status Crew::Connect() {
  if (children_ == nullptr) {
    return link_->Connect();
  }
  // Gloo waits for a process that is gone until its time is up. So a thread of its own connects, and is left alone if a
  // child ends; it shares the link, which must live as long.
  auto connected = std::make_shared<std::promise<absl::Status>>();
  std::future<absl::Status> result = connected->get_future();
  std::thread([link = link_, connected] { connected->set_value(link->Connect()); }).detach();
  while (result.wait_for(kTick) != std::future_status::ready) {
    for (int r = 1; r < place_.size; ++r) {
      RETURN_IF_ERROR(DidNotStart(r));
    }
  }
  return result.get();
}

absl::Status Crew::DidNotStart(int rank) {
  const std::string why = children_ == nullptr ? "" : children_->Ended(rank);
  return why.empty() ? absl::OkStatus() : absl::UnavailableError(absl::StrCat("rank ", rank, " did not start: ", why));
}

absl::Status Crew::Gather(RunSetup setup, const std::string& folder) {
  std::error_code error;
  const std::string absolute = std::filesystem::absolute(folder, error).string();
  if (place_.port == 0) {
    Place with_port = place_;
    with_port.port = link_->port();
    ASSIGN_OR_RETURN(children_, ChildRanks::Start(with_port, absolute));
  }
  RETURN_IF_ERROR(WaitForAll());
  RETURN_IF_ERROR(Connect());
  connected_ = true;
  RankWatch::Ended ended;
  if (children_ != nullptr) {
    ended = [this](int rank) { return children_->Ended(rank); };
  }
  watch_ = std::make_unique<RankWatch>(link_.get(), place_.size, silence_, asked_, std::move(ended));
  for (int r = 1; r < place_.size; ++r) {
    setup.set_log(RankLog(absolute, r));
    if (const absl::Status sent = link_->SendMessage(r, Lane::kRequests, setup); !sent.ok()) {
      return watch_->Lost(r, std::string(sent.message()));
    }
  }
  return absl::OkStatus();
}

absl::Status Crew::Compare(const RankFacts& mine, bool bfloat16) {
  for (int r = 1; r < place_.size; ++r) {
    RankFacts other;
    if (const absl::Status got = link_->ReceiveMessage(r, Lane::kRequests, &other); !got.ok()) {
      return watch_->Lost(r, std::string(got.message()));
    }
    if (other.has_error()) {
      return absl::FailedPreconditionError(absl::StrCat("rank ", r, ": ", other.error()));
    }
    watch_->SetName(r, absl::StrCat("rank ", r, " on ", other.machine(), " (process ", other.pid(), ")"));
    if (const std::string what = DifferentInput(mine, other); !what.empty()) {
      return absl::FailedPreconditionError(
          absl::StrCat("rank ", r, " has ", what, " than rank 0; all processes of a run need the same inputs"));
    }
    if (const std::string what = DifferentNumericsOfRank(mine.environment(), other.environment(), r, bfloat16);
        !what.empty()) {
      return absl::FailedPreconditionError(absl::StrCat(
          what, ", so that their numbers round differently; run all processes of a run in the same environment"));
    }
  }
  return absl::OkStatus();
}

void Crew::NewParams(std::vector<ParamInfo> infos, int shots) {
  infos_ = std::move(infos);
  shots_ = shots;
  for (std::vector<bool>& stale : stale_) {
    stale.assign(infos_.size(), true);
  }
}

absl::Status Crew::Divide(at::Device device, AdamWState* state) {
  DividedOptimizer::Parts parts;
  parts.infos = infos_;
  parts.ranks = place_.size;
  parts.device = device;
  parts.link = link_.get();
  parts.stale = &stale_;
  parts.seconds = &communication_seconds_;
  parts.lost = [this](int rank, const absl::Status& why) { return watch_->Lost(rank, std::string(why.message())); };
  divided_ = std::make_unique<DividedOptimizer>(std::move(parts));
  return divided_->Divide(state);
}

void Crew::EndDivision() {
  if (divided_ != nullptr) {
    AdamWState none = NoMoments(ParamList(infos_.size()));
    static_cast<void>(divided_->Divide(&none));  // NOLINT: an error here is also in failure()
    divided_ = nullptr;
  }
}

int64_t Crew::FirstOf(int rank, int64_t groups) const {
  return groups * ((rank + place_.size - 1) % place_.size) / place_.size;
}

int64_t Crew::EndOf(int rank, int64_t groups) const {
  return groups * ((rank + place_.size - 1) % place_.size + 1) / place_.size;
}

absl::Status Crew::SendParams(int rank, const ParamList& params, const at::Tensor& rows) {
  std::vector<bool>& stale = stale_[static_cast<size_t>(rank)];
  SentParts parts;
  parts.rows = rows;
  for (size_t i = 0; i < params.size(); ++i) {
    const bool only_rows = infos_[i].vocab_rows && rows.defined();
    parts.parts.push_back(!stale[i] ? SentParts::kNothing : only_rows ? SentParts::kRows : SentParts::kWhole);
    stale[i] = stale[i] && only_rows;
  }
  return SendTensors(parts, params, rank, Lane::kRequests, link_.get());
}

absl::Status Crew::Begin(int64_t meta_step, int64_t groups, const ParamList& params) {
  const Timer timer(&communication_seconds_);
  asked_ranks_.clear();
  BlockRequest block;
  block.set_meta_step(meta_step);
  block.set_shots(shots_);
  for (int r = 1; r < place_.size; ++r) {
    block.set_first(FirstOf(r, groups));
    block.set_last(EndOf(r, groups));
    if (block.first() == block.last()) {
      continue;
    }
    RankRequest request;
    *request.mutable_block() = block;
    if (const absl::Status sent = link_->SendMessage(r, Lane::kRequests, request); !sent.ok()) {
      return watch_->Lost(r, std::string(sent.message()));
    }
    asked_ranks_.push_back(r);
  }
  for (const int r : asked_ranks_) {
    BlockRows needed;
    absl::Status status = link_->ReceiveMessage(r, Lane::kRequests, &needed);
    if (status.ok()) {
      RETURN_IF_ERROR(StatusOf(r, needed.outcome()));
      at::Tensor rows;
      if (!needed.all()) {
        rows =
            at::tensor(at::ArrayRef<int64_t>(needed.rows().data(), static_cast<size_t>(needed.rows_size())), at::kLong);
      }
      status = SendParams(r, params, rows);
    }
    if (!status.ok()) {
      return watch_->Lost(r, std::string(status.message()));
    }
  }
  return absl::OkStatus();
}

absl::Status Crew::Order(bool add) {
  for (size_t i = 0; i < asked_ranks_.size(); ++i) {
    BlockOrder order;
    order.set_add(add);
    order.set_receive_from(i == 0 ? -1 : asked_ranks_[i - 1]);
    order.set_send_to(i + 1 == asked_ranks_.size() ? 0 : asked_ranks_[i + 1]);
    if (const absl::Status sent = link_->SendMessage(asked_ranks_[i], Lane::kRequests, order); !sent.ok()) {
      return watch_->Lost(asked_ranks_[i], std::string(sent.message()));
    }
  }
  return absl::OkStatus();
}

absl::Status Crew::Collect(std::vector<GroupFacts>* facts) {
  const Timer timer(&waiting_seconds_);
  absl::Status outcome;
  for (const int r : asked_ranks_) {
    BlockAnswer answer;
    if (const absl::Status got = link_->ReceiveMessage(r, Lane::kRequests, &answer); !got.ok()) {
      return watch_->Lost(r, std::string(got.message()));
    }
    outcome.Update(StatusOf(r, answer.outcome()));
    for (const BlockAnswer::Group& group : answer.groups()) {
      facts->push_back({group.query_loss(), group.query_accuracy(), group.recomputed()});
    }
  }
  return outcome;
}

absl::Status Crew::Finish(const std::vector<ParamInfo>& infos, const ParamList& params, ParamList* sums,
                          std::vector<GroupFacts>* facts) {
  if (asked_ranks_.empty()) {
    return absl::OkStatus();
  }
  if (const absl::Status outcome = Collect(facts); !outcome.ok()) {
    static_cast<void>(Order(false));  // NOLINT: the error that counts is the one above
    return outcome;
  }
  const Timer timer(&communication_seconds_);
  RETURN_IF_ERROR(Order(true));
  const absl::Status received = ReceiveSums(infos, params, asked_ranks_.back(), link_.get(), sums);
  return received.ok() ? received : watch_->Lost(asked_ranks_.back(), std::string(received.message()));
}

void Crew::Drop() {
  std::vector<GroupFacts> facts;
  if (failure().ok()) {
    static_cast<void>(Collect(&facts));  // NOLINT: what they computed is not needed
    static_cast<void>(Order(false));     // NOLINT: an error here is also in failure()
  }
}

void Crew::Updated(const ParamList& sums) {
  for (size_t r = 0; r < stale_.size(); ++r) {
    for (size_t i = 0; i < sums.size(); ++i) {
      const bool owns = divided_ != nullptr && divided_->Owner(i) == static_cast<int>(r);
      stale_[r][i] = stale_[r][i] || (sums[i].defined() && !owns);
    }
  }
}

absl::StatusOr<std::vector<std::vector<EpisodeResult>>> Crew::Evaluate(int rank, EpisodesRequest request,
                                                                       const ParamList& params) {
  const std::vector<bool>& stale = stale_[static_cast<size_t>(rank)];
  request.set_params(std::find(stale.begin(), stale.end(), true) != stale.end());
  RankRequest message;
  *message.mutable_episodes() = std::move(request);
  absl::Status status = link_->SendMessage(rank, Lane::kRequests, message);
  if (status.ok() && message.episodes().params()) {
    status = SendParams(rank, params, at::Tensor());
  }
  EpisodesAnswer answer;
  if (status.ok()) {
    status = link_->ReceiveMessage(rank, Lane::kRequests, &answer);
  }
  if (!status.ok()) {
    return watch_->Lost(rank, std::string(status.message()));
  }
  RETURN_IF_ERROR(StatusOf(rank, answer.outcome()));
  std::vector<std::vector<EpisodeResult>> groups;
  for (const EpisodesAnswer::Group& group : answer.groups()) {
    std::vector<EpisodeResult>& results = groups.emplace_back();
    for (const EpisodesAnswer::Episode& one : group.episodes()) {
      results.push_back({one.accuracy(), {one.predictions().begin(), one.predictions().end()}});
    }
  }
  return groups;
}

}  // namespace metaprompt
