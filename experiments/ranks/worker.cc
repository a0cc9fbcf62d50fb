#include "experiments/ranks/worker.h"

#include <ATen/ATen.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "experiments/host/environment.h"
#include "experiments/host/stop_signals.h"
#include "experiments/ranks/heartbeat.h"
#include "experiments/ranks/link.h"
#include "experiments/ranks/outcome.h"
#include "experiments/ranks/owned_moments.h"
#include "experiments/ranks/rank_tasks.h"
#include "experiments/ranks/rank_watch.h"
#include "experiments/ranks/ranks.pb.h"
#include "experiments/ranks/shared_sums.h"
#include "experiments/ranks/tensor_stream.h"
#include "experiments/workbench/workbench.h"
#include "learners/papers/make_learner.h"
#include "metaprompt/base/status_macros.h"
#include "metaprompt/base/text.h"
#include "metaprompt/specs/spec_fields.h"

namespace metaprompt {
namespace {

constexpr std::chrono::seconds kLeastStart(60);
constexpr std::chrono::milliseconds kTick(20);

// Writes a line to a file descriptor.
void WriteLine(int fd, const std::string& text) {
  const std::string line = text + "\n";
  if (write(fd, line.data(), line.size()) < 0) {
    return;  // nobody reads it
  }
}

// The first line in which two specs differ; empty if they are the same.
std::string DifferentLine(const std::string& of_rank0, const std::string& own) {
  const std::vector<absl::string_view> a = absl::StrSplit(of_rank0, '\n');
  const std::vector<absl::string_view> b = absl::StrSplit(own, '\n');
  const size_t both = std::min(a.size(), b.size());
  const size_t at = static_cast<size_t>(
      std::mismatch(a.begin(), a.begin() + static_cast<int64_t>(both), b.begin()).first - a.begin());
  if (at == a.size() && at == b.size()) {
    return "";
  }
  return absl::StrCat("its spec differs from that of rank 0: `", at < b.size() ? b[at] : "", "` in place of `",
                      at < a.size() ? a[at] : "", "`");
}

class Worker {
 public:
  Worker(const ExperimentSpec& spec, const Place& place, const std::atomic<bool>& asked)
      : spec_(spec), place_(place), asked_(asked), terminal_(dup(STDERR_FILENO)) {}

  absl::Status Serve();

 private:
  // Joins the run. Returns an error if another process has the same rank.
  absl::Status Join();
  absl::Status Open(const RunSetup& setup);
  // Sends rank 0 the facts about what was opened, or the error.
  absl::Status SendFacts(const absl::Status& opened);
  absl::Status ComputeBlock(const BlockRequest& request);
  struct BlockTasks {
    TaskGroups groups;
    BlockRows rows;  // that they need
  };
  absl::StatusOr<BlockTasks> Prepare(const BlockRequest& request);
  absl::Status EvaluateEpisodes(const EpisodesRequest& request);
  absl::Status EvaluateGroups(const EpisodesRequest& request, EpisodesAnswer* answer);
  absl::StatusOr<EpisodeTester> TesterOf(const EpisodesRequest& request);
  absl::Status Answer(const RankRequest& request);
  // Ends the process: with the run's exit status, or because `rank` cannot be reached.
  [[noreturn]] void End(int status, const std::string& why, int blamed = 0);

  const ExperimentSpec& spec_;
  const Place& place_;
  const std::atomic<bool>& asked_;
  const int terminal_;              // the standard error with which the process began
  std::atomic<bool> logs_ = false;  // whether the standard error is the log
  std::mutex end_mutex_;
  std::unique_ptr<Link> link_;
  std::unique_ptr<Heartbeat> heartbeat_;
  int threads_ = 1;
  std::unique_ptr<Workbench> bench_;
  std::unique_ptr<Learner> learner_;
  std::unique_ptr<TaskPool> pool_;
  std::vector<ParamInfo> infos_;
  ParamList params_;
  std::unique_ptr<OwnedMoments> owned_;      // nothing, if the optimizer is not divided
  std::map<int, EpisodeSampler> samplers_;   // of meta-training, by the number of shots
  std::unique_ptr<TestSet::Access> access_;  // while meta-test goes on
  std::atomic<int64_t> blocks_ = 0;
  std::atomic<int64_t> episodes_ = 0;
};

void Worker::End(int status, const std::string& why, int blamed) {
  end_mutex_.lock();  // never unlocked: the first thread that comes here ends the process
  if (blamed > 0) {
    static_cast<void>(link_->Set(BlameKey(place_.rank), absl::StrCat(blamed)));  // NOLINT: rank 0 may be gone
    static_cast<void>(link_->Add(BeatKey(place_.rank), 1));  // NOLINT: waits until rank 0 has the key
  }
  if (logs_) {
    WriteLine(
        STDERR_FILENO,
        absl::StrCat(place_.Text(), ": ", why.empty() ? absl::StrCat("the run has ended with status ", status) : why,
                     "; ", blocks_.load(), " blocks of gradients, ", episodes_.load(), " episodes"));
  }
  if (!why.empty() && blamed == 0) {
    WriteLine(terminal_, absl::StrCat("error: ", place_.Text(), ": ", why));
  }
  if (why.empty()) {
    static_cast<void>(link_->Add(kLeftKey, 1));  // NOLINT: rank 0 may be gone
  }
  _exit(status);  // nothing is to be saved, and other threads may wait for a process that is gone
}

absl::Status Worker::Join() {
  const std::chrono::seconds silence(spec_.processes().silence_seconds());
  ASSIGN_OR_RETURN(link_, Link::Open(place_, std::max(silence, kLeastStart)));
  ASSIGN_OR_RETURN(const int64_t joined, link_->Add(JoinKey(place_.rank), 1));
  if (joined > 1) {
    return absl::AlreadyExistsError(
        absl::StrCat(place_.Text(), ": another process has joined the run as rank ", place_.rank));
  }
  heartbeat_ = std::make_unique<Heartbeat>(link_.get(), place_.rank, silence, asked_,
                                           [this](int status, const std::string& why) { End(status, why); });
  while (true) {
    const absl::StatusOr<bool> begun = link_->Has(kBeginKey);
    if (!begun.ok()) {
      End(1, absl::StrCat("rank 0 is gone: ", std::string(begun.status().message())));
    }
    if (*begun) {
      return link_->Connect();
    }
    std::this_thread::sleep_for(kTick);
  }
}

absl::Status Worker::Open(const RunSetup& setup) {
  const int log = open(setup.log().c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (log >= 0) {  // it cannot be opened if rank 0's folder is not on this machine
    dup2(log, STDOUT_FILENO);
    dup2(log, STDERR_FILENO);
    close(log);
    logs_ = true;
  }
  if (logs_) {
    WriteLine(STDERR_FILENO, absl::StrCat(place_.Text(), ": process ", getpid(), ", ", setup.threads(), " threads"));
  }
  if (const std::string different = DifferentLine(setup.spec(), SpecText(spec_)); !different.empty()) {
    return absl::FailedPreconditionError(different);
  }
  TokenizerFiles tokenizer;
  for (const RunSetup::NamedFile& file : setup.tokenizer()) {
    tokenizer[file.name()] = file.contents();
  }
  ASSIGN_OR_RETURN(bench_, Workbench::Open(spec_, tokenizer));
  learner_ = MakeLearner(spec_.learner());
  threads_ = setup.threads();
  pool_ = std::make_unique<TaskPool>(threads_, &heartbeat_->stop());
  infos_ = MetaInfos(bench_->model(), *learner_);
  params_.resize(infos_.size());
  owned_ = std::make_unique<OwnedMoments>(infos_, bench_->device(), link_.get());
  return absl::OkStatus();
}

absl::Status Worker::SendFacts(const absl::Status& opened) {
  RankFacts facts;
  char machine[256] = "";
  gethostname(machine, sizeof(machine) - 1);
  facts.set_machine(machine);
  facts.set_pid(getpid());
  if (opened.ok()) {
    *facts.mutable_environment() = HostEnvironment(threads_);
    *facts.mutable_dataset() = bench_->dataset_facts();
    *facts.mutable_model() = bench_->model_facts();
    facts.set_manifest_sha256(bench_->test_set().manifest_sha256());
  } else {
    facts.set_error(std::string(opened.message()));
  }
  return link_->SendMessage(0, Lane::kRequests, facts);
}

absl::StatusOr<Worker::BlockTasks> Worker::Prepare(const BlockRequest& request) {
  const int shots = request.shots();
  ASSIGN_OR_RETURN(const TaskSource* const split, bench_->Prompted(Split::kTrain));
  if (samplers_.count(shots) == 0) {
    ASSIGN_OR_RETURN(EpisodeSampler sampler, bench_->TrainSampler(shots));
    samplers_.emplace(shots, std::move(sampler));
  }
  BlockTasks tasks;
  tasks.groups = GroupsOf(*learner_, bench_->model(), request.meta_step(),
                          TasksOfStep(spec_, *split, samplers_.at(shots), request.meta_step()));
  std::vector<Episode> episodes;
  std::vector<at::Tensor> rows;
  for (int64_t g = request.first(); g < request.last(); ++g) {
    episodes.push_back(tasks.groups.episode(g));
    rows.push_back(episodes.back().rows);
  }
  tasks.groups.episode = [episodes = std::move(episodes), first = request.first()](int64_t g) {
    return episodes[static_cast<size_t>(g - first)];
  };
  const at::Tensor needed = UnionOfRows(rows);
  tasks.rows.set_all(!needed.defined());
  if (needed.defined()) {
    const at::Tensor ids = needed.contiguous();
    tasks.rows.mutable_rows()->Add(ids.data_ptr<int64_t>(), ids.data_ptr<int64_t>() + ids.numel());
  }
  return tasks;
}

absl::Status Worker::ComputeBlock(const BlockRequest& request) {
  access_ = nullptr;
  // The episodes come first, because they decide which parameters are needed.
  BlockTasks tasks;
  const absl::Status prepared = WithoutExceptions([&]() -> absl::Status {
    ASSIGN_OR_RETURN(tasks, Prepare(request));
    return absl::OkStatus();
  });
  SetOutcome(prepared, tasks.rows.mutable_outcome());
  RETURN_IF_ERROR(link_->SendMessage(0, Lane::kRequests, tasks.rows));
  if (!prepared.ok()) {
    return absl::OkStatus();  // rank 0 ends the run
  }
  RETURN_IF_ERROR(ReceiveTensors(infos_, bench_->device(), 0, Lane::kRequests, link_.get(), &params_));
  GradientBlock block;
  const absl::Status outcome = WithoutExceptions([&] {
    return block.Compute(*learner_, bench_->model(), infos_, params_, tasks.groups, request.first(), request.last(),
                         pool_.get());
  });
  BlockAnswer answer;
  SetOutcome(outcome, answer.mutable_outcome());
  if (outcome.ok()) {
    for (const GroupFacts& facts : block.facts()) {
      BlockAnswer::Group* const group = answer.add_groups();
      group->set_query_loss(facts.query_loss);
      group->set_query_accuracy(facts.query_accuracy);
      group->set_recomputed(facts.recomputed);
    }
  }
  RETURN_IF_ERROR(link_->SendMessage(0, Lane::kRequests, answer));
  BlockOrder order;
  RETURN_IF_ERROR(link_->ReceiveMessage(0, Lane::kRequests, &order));
  if (!order.add()) {
    return absl::OkStatus();
  }
  ++blocks_;
  const ChainError error = PassSums(infos_, params_, block, order.receive_from(), order.send_to(), link_.get());
  if (!error.status.ok() && error.rank != 0) {
    End(1, absl::StrCat("lost the connection to rank ", error.rank, ": ", std::string(error.status.message())),
        error.rank);
  }
  return error.status;
}

absl::StatusOr<EpisodeTester> Worker::TesterOf(const EpisodesRequest& request) {
  const auto split = static_cast<Split>(request.split());
  if (split == Split::kTest && access_ == nullptr) {
    access_.reset(new TestSet::Access(bench_->test_set().Begin()));
  } else if (split != Split::kTest) {
    access_ = nullptr;
  }
  ASSIGN_OR_RETURN(const TaskSource* const source, bench_->Prompted(split));
  if (split == Split::kTest) {
    return EpisodeTester(*bench_, *learner_, *source, bench_->test_set().Plans(request.shots()), request.what());
  }
  ASSIGN_OR_RETURN(const EpisodeSampler sampler, bench_->Sampler(split, request.shots()));
  return EpisodeTester(*bench_, *learner_, *source, [sampler](int64_t i) { return sampler.Plan(i); }, request.what());
}

absl::Status Worker::EvaluateGroups(const EpisodesRequest& request, EpisodesAnswer* answer) {
  ASSIGN_OR_RETURN(const EpisodeTester tester, TesterOf(request));
  const auto count = static_cast<size_t>(request.groups_size());
  std::vector<absl::StatusOr<std::vector<EpisodeResult>>> results(count, absl::CancelledError("stopped"));
  const auto few = request.one_thread() ? TaskPool::FewTasks::kOneThread : TaskPool::FewTasks::kAllThreads;
  pool_->Run(
      request.groups_size(),
      [&](int64_t g) {
        const EpisodesRequest::Group& group = request.groups(static_cast<int>(g));
        results[static_cast<size_t>(g)] = tester.Group(params_, group.first(), group.end());
      },
      nullptr, few);
  for (const absl::StatusOr<std::vector<EpisodeResult>>& result : results) {
    RETURN_IF_ERROR(result);
    EpisodesAnswer::Group* const group = answer->add_groups();
    for (const EpisodeResult& one : *result) {
      EpisodesAnswer::Episode* const episode = group->add_episodes();
      episode->set_accuracy(one.accuracy);
      episode->mutable_predictions()->Add(one.predictions.begin(), one.predictions.end());
      ++episodes_;
    }
  }
  return absl::OkStatus();
}

absl::Status Worker::EvaluateEpisodes(const EpisodesRequest& request) {
  if (request.params()) {
    RETURN_IF_ERROR(ReceiveTensors(infos_, bench_->device(), 0, Lane::kRequests, link_.get(), &params_));
  }
  EpisodesAnswer answer;
  const absl::Status outcome = WithoutExceptions([&] { return EvaluateGroups(request, &answer); });
  SetOutcome(outcome, answer.mutable_outcome());
  return link_->SendMessage(0, Lane::kRequests, answer);
}

absl::Status Worker::Answer(const RankRequest& request) {
  switch (request.kind_case()) {
    case RankRequest::kBlock:
      return ComputeBlock(request.block());
    case RankRequest::kEpisodes:
      return EvaluateEpisodes(request.episodes());
    case RankRequest::kUpdate:
      return owned_->Update(request.update(), &params_);
    case RankRequest::kMoments:
      return owned_->Exchange(request.moments());
    case RankRequest::KIND_NOT_SET:
      break;
  }
  return absl::InternalError("rank 0 sent an empty request");
}

absl::Status Worker::Serve() {
  RETURN_IF_ERROR(Join());
  const StopsLater stops_later;  // a signal is passed on to rank 0, which ends the run
  RunSetup setup;
  absl::Status status = link_->ReceiveMessage(0, Lane::kRequests, &setup);
  if (status.ok()) {
    status = SendFacts(WithoutExceptions([&] { return Open(setup); }));
  }
  while (status.ok()) {
    RankRequest request;
    status = link_->ReceiveMessage(0, Lane::kRequests, &request);
    if (status.ok()) {
      status = Answer(request);
    }
  }
  // The run may have ended in the usual way, which the heartbeat finds out in a moment.
  std::this_thread::sleep_for(4 * BeatInterval(std::chrono::seconds(spec_.processes().silence_seconds())));
  End(1, absl::StrCat("lost the connection to rank 0: ", std::string(status.message())));
}

}  // namespace

absl::Status ServeRun(const ExperimentSpec& spec, const Place& place, const std::atomic<bool>& asked) {
  return Worker(spec, place, asked).Serve();
}

}  // namespace metaprompt
