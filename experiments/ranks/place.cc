#include "experiments/ranks/place.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "metaprompt/base/random.h"
#include "metaprompt/base/status_macros.h"
#include "metaprompt/base/text.h"

namespace metaprompt {
namespace {

constexpr int kMostProcesses = 100000;
constexpr int kFirstPort = 20000;  // below the ports that systems give to outgoing connections
constexpr uint64_t kPorts = 12000;
constexpr char kThisMachine[] = "127.0.0.1";
constexpr char kProcesses[] = "--processes";

std::string Variable(const GetVariable& get, const char* name) {
  const char* const value = get(name);
  return value == nullptr ? "" : value;
}

// A whole number from `least` to `most`. An error if the variable is not set or is something else.
absl::StatusOr<int> Number(const GetVariable& get, const char* name, int least, int most) {
  const std::string text = Variable(get, name);
  int value = 0;
  if (text.empty()) {
    return absl::InvalidArgumentError(absl::StrCat("the environment variable ", name,
                                                   " is not set, but others for several processes are; set it, or "
                                                   "unset RANK and WORLD_SIZE"));
  }
  if (!absl::SimpleAtoi(text, &value) || value < least || value > most) {
    return absl::InvalidArgumentError(absl::StrCat("the environment variable ", name, " is ", Quoted(text),
                                                   "; it must be a whole number from ", least, " to ", most));
  }
  return value;
}

absl::Status ReadRank(const GetVariable& get, const char* rank, const char* size, Place* place) {
  ASSIGN_OR_RETURN(place->size, Number(get, size, 1, kMostProcesses));
  ASSIGN_OR_RETURN(place->rank, Number(get, rank, 0, kMostProcesses));
  if (place->rank >= place->size) {
    return absl::InvalidArgumentError(absl::StrCat("the environment variables ", rank, " and ", size, " are ",
                                                   place->rank, " and ", place->size,
                                                   "; ranks are numbered from 0, so it must be less than ", size));
  }
  return absl::OkStatus();
}

// A port that all processes of the same job compute from its name.
int PortOf(absl::string_view job) { return kFirstPort + static_cast<int>(SubSeed(0, job) % kPorts); }

// Sets address and port by MASTER_ADDR and MASTER_PORT, or to the given ones.
absl::Status ReadMaster(const GetVariable& get, const std::string& address, int port, Place* place) {
  const std::string master = Variable(get, "MASTER_ADDR");
  place->address = master.empty() ? address : master;
  place->port = port;
  if (!Variable(get, "MASTER_PORT").empty()) {
    ASSIGN_OR_RETURN(place->port, Number(get, "MASTER_PORT", 1, 65535));
  }
  return absl::OkStatus();
}

absl::Status ReadTorchrun(const GetVariable& get, Place* place) {
  RETURN_IF_ERROR(ReadRank(get, "RANK", "WORLD_SIZE", place));
  const bool agent = Variable(get, "TORCHELASTIC_USE_AGENT_STORE") == "True";
  place->launcher = agent ? "torchrun" : "RANK and WORLD_SIZE";
  if (place->size == 1) {
    return absl::OkStatus();
  }
  RETURN_IF_ERROR(Number(get, "MASTER_PORT", 1, agent ? 65534 : 65535).status());
  RETURN_IF_ERROR(ReadMaster(get, "", 0, place));
  if (place->address.empty()) {
    return absl::InvalidArgumentError(
        "RANK and WORLD_SIZE are set, but MASTER_ADDR is not; set it to the address of rank 0's machine");
  }
  place->port += agent ? 1 : 0;
  if (!Variable(get, "LOCAL_WORLD_SIZE").empty()) {
    ASSIGN_OR_RETURN(place->on_this_machine, Number(get, "LOCAL_WORLD_SIZE", 1, place->size));
  }
  return absl::OkStatus();
}

absl::Status ReadOpenMpi(const GetVariable& get, Place* place) {
  RETURN_IF_ERROR(ReadRank(get, "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", place));
  ASSIGN_OR_RETURN(place->on_this_machine, Number(get, "OMPI_COMM_WORLD_LOCAL_SIZE", 1, place->size));
  place->launcher = "mpirun";
  if (place->on_this_machine < place->size && Variable(get, "MASTER_ADDR").empty()) {
    return absl::InvalidArgumentError(
        "mpirun started processes on several machines; name the one of rank 0 with mpirun -x MASTER_ADDR=ADDRESS");
  }
  const std::string job = Variable(get, "OMPI_MCA_ess_base_jobid");
  return ReadMaster(get, kThisMachine, PortOf(job.empty() ? Variable(get, "PMIX_NAMESPACE") : job), place);
}

// The first name in a list of Slurm's, such as node[007-9,12],other.
std::string FirstNode(absl::string_view nodes) {
  const size_t end = nodes.find_first_of("[,");
  const absl::string_view first = nodes.substr(0, end);
  if (end == absl::string_view::npos || nodes[end] == ',') {
    return std::string(first);
  }
  const absl::string_view numbers = nodes.substr(end + 1);
  return absl::StrCat(first, numbers.substr(0, numbers.find_first_of("-,]")));
}

absl::Status ReadSlurm(const GetVariable& get, Place* place) {
  RETURN_IF_ERROR(ReadRank(get, "SLURM_PROCID", "SLURM_STEP_NUM_TASKS", place));
  place->launcher = "srun";
  int here = 0;  // 2(x3) or 2: on each machine; there are more numbers if they differ
  const std::string tasks = Variable(get, "SLURM_STEP_TASKS_PER_NODE");
  if (!absl::StrContains(tasks, ',') && absl::SimpleAtoi(tasks.substr(0, tasks.find('(')), &here) && here >= 1) {
    place->on_this_machine = std::min(here, place->size);
  }
  std::string nodes = Variable(get, "SLURM_STEP_NODELIST");
  nodes = nodes.empty() ? Variable(get, "SLURM_NODELIST") : nodes;
  const std::string job = absl::StrCat(Variable(get, "SLURM_JOB_ID"), ".", Variable(get, "SLURM_STEP_ID"));
  const bool alone = nodes.empty() || place->on_this_machine == place->size;  // a name may lead nowhere in a container
  return ReadMaster(get, alone ? kThisMachine : FirstNode(nodes), PortOf(job), place);
}

absl::Status ReadMpich(const GetVariable& get, Place* place) {
  RETURN_IF_ERROR(ReadRank(get, "PMI_RANK", "PMI_SIZE", place));
  place->launcher = "mpiexec";
  return ReadMaster(get, kThisMachine, PortOf(Variable(get, "PMI_ID")), place);
}

// RANK/SIZE@ADDRESS:PORT
absl::Status ReadChild(const std::string& text, Place* place) {
  const std::vector<std::string> parts = absl::StrSplit(text, absl::ByAnyChar("/@:"));
  place->launcher = kProcesses;
  if (parts.size() != 4 || !absl::SimpleAtoi(parts[0], &place->rank) || !absl::SimpleAtoi(parts[1], &place->size) ||
      !absl::SimpleAtoi(parts[3], &place->port) || place->rank < 1 || place->rank >= place->size) {
    return absl::InvalidArgumentError(absl::StrCat("the environment variable ", kChildVariable, " is ", Quoted(text),
                                                   "; only `metaprompt run --processes` sets it"));
  }
  place->address = parts[2];
  place->on_this_machine = place->size;
  return absl::OkStatus();
}

}  // namespace

std::string Place::Text() const { return absl::StrCat("rank ", rank, " of ", size, " (", launcher, ")"); }

absl::StatusOr<Place> PlaceOf(const GetVariable& get) {
  const auto has = [&](const char* name) { return !Variable(get, name).empty(); };
  Place place;
  if (has(kChildVariable)) {
    RETURN_IF_ERROR(ReadChild(Variable(get, kChildVariable), &place));
  } else if (has("RANK") || has("WORLD_SIZE")) {
    RETURN_IF_ERROR(ReadTorchrun(get, &place));
  } else if (has("OMPI_COMM_WORLD_RANK")) {
    RETURN_IF_ERROR(ReadOpenMpi(get, &place));
  } else if (has("SLURM_PROCID") && has("SLURM_STEP_NUM_TASKS")) {
    RETURN_IF_ERROR(ReadSlurm(get, &place));
  } else if (has("PMI_RANK") && has("PMI_SIZE")) {
    RETURN_IF_ERROR(ReadMpich(get, &place));
  }
  return place;
}

absl::StatusOr<Place> PlaceOfThisProcess() {
  return PlaceOf([](const char* name) { return std::getenv(name); });
}

absl::StatusOr<Place> PlaceOfRun(int processes) {
  ASSIGN_OR_RETURN(Place place, PlaceOfThisProcess());
  const bool child = place.launcher == kProcesses;
  if (processes > 1 && !child && place.size > 1) {
    return absl::InvalidArgumentError(absl::StrCat("--processes starts processes itself, but this is already ",
                                                   place.Text(), "; leave one of the two out"));
  }
  if (processes > 1 && !child) {
    place.size = processes;
    place.on_this_machine = processes;
    place.address = kThisMachine;
    place.launcher = kProcesses;
  }
  return place;
}

absl::Status OnlyOneProcess(const std::string& command) {
  ASSIGN_OR_RETURN(const Place place, PlaceOfThisProcess());
  if (place.size == 1) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat("`metaprompt ", command, "` runs in one process, and this is ",
                                                 place.Text(), "; only `metaprompt run` uses several"));
}

std::string ChildVariable(const Place& place) {
  return absl::StrCat(place.rank, "/", place.size, "@", place.address, ":", place.port);
}

}  // namespace metaprompt
