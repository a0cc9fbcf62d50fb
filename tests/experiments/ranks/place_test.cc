// Where a process finds the other processes of its run, by the variables of each launcher.
#include "experiments/ranks/place.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>

namespace metaprompt {
namespace {

using ::testing::HasSubstr;

using Variables = std::map<std::string, std::string>;

absl::StatusOr<Place> Of(const Variables& variables) {
  return PlaceOf([&](const char* name) {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  });
}

// "rank 1 of 2 (torchrun), 2 here, ADDRESS:PORT", or the error.
std::string TextOf(const Variables& variables) {
  const absl::StatusOr<Place> place = Of(variables);
  return place.ok() ? place->Text() + ", " + std::to_string(place->on_this_machine) + " here, " + place->address + ":" +
                          std::to_string(place->port)
                    : std::string(place.status().message());
}

TEST(PlaceTest, AProcessAloneIsRankZeroOfOne) {
  EXPECT_EQ(Of({})->size, 1);
  EXPECT_EQ(Of({{"RANK", "0"}, {"WORLD_SIZE", "1"}})->size, 1);
  // In a batch script, outside of srun.
  EXPECT_EQ(Of({{"SLURM_PROCID", "0"}, {"SLURM_NTASKS", "4"}})->size, 1);
}

TEST(PlaceTest, EachLauncherIsUnderstood) {
  Variables torchrun = {{"RANK", "1"},
                        {"WORLD_SIZE", "4"},
                        {"LOCAL_WORLD_SIZE", "2"},
                        {"MASTER_ADDR", "node1"},
                        {"MASTER_PORT", "29500"}};
  EXPECT_EQ(TextOf(torchrun), "rank 1 of 4 (RANK and WORLD_SIZE), 2 here, node1:29500");
  torchrun["TORCHELASTIC_USE_AGENT_STORE"] = "True";  // torchrun's own store has the port
  EXPECT_EQ(TextOf(torchrun), "rank 1 of 4 (torchrun), 2 here, node1:29501");

  Variables mpirun = {{"OMPI_COMM_WORLD_RANK", "1"},
                      {"OMPI_COMM_WORLD_SIZE", "2"},
                      {"OMPI_COMM_WORLD_LOCAL_SIZE", "2"},
                      {"MASTER_PORT", "4000"}};
  EXPECT_EQ(TextOf(mpirun), "rank 1 of 2 (mpirun), 2 here, 127.0.0.1:4000");
  mpirun["OMPI_COMM_WORLD_LOCAL_SIZE"] = "1";
  EXPECT_THAT(TextOf(mpirun), HasSubstr("mpirun -x MASTER_ADDR=ADDRESS"));

  Variables srun = {{"SLURM_PROCID", "3"},
                    {"SLURM_STEP_NUM_TASKS", "6"},
                    {"SLURM_STEP_TASKS_PER_NODE", "2(x3)"},
                    {"SLURM_STEP_NODELIST", "gpu[007-9,12],other"},
                    {"SLURM_JOB_ID", "12"},
                    {"SLURM_STEP_ID", "0"}};
  EXPECT_THAT(TextOf(srun), HasSubstr("rank 3 of 6 (srun), 2 here, gpu007:"));
  const int port = Of(srun)->port;
  srun["SLURM_STEP_ID"] = "1";
  EXPECT_NE(Of(srun)->port, port) << "two steps of a job at the same time";
  srun["SLURM_STEP_NODELIST"] = "a,b";
  EXPECT_EQ(Of(srun)->address, "a");
  srun["SLURM_STEP_TASKS_PER_NODE"] = "6";
  EXPECT_EQ(Of(srun)->address, "127.0.0.1");

  Place child;
  child.rank = 2;
  child.size = 3;
  child.address = "127.0.0.1";
  child.port = 1234;
  EXPECT_EQ(TextOf({{kChildVariable, ChildVariable(child)}}), "rank 2 of 3 (--processes), 3 here, 127.0.0.1:1234");
}

TEST(PlaceTest, WrongVariablesAreErrors) {
  EXPECT_THAT(TextOf({{"RANK", "-1"}, {"WORLD_SIZE", "2"}}), HasSubstr("RANK is '-1'; it must be a whole number"));
  EXPECT_THAT(TextOf({{"RANK", "1"}, {"WORLD_SIZE", "2"}}), HasSubstr("MASTER_PORT is not set"));
  EXPECT_THAT(TextOf({{"RANK", "1"}, {"WORLD_SIZE", "2"}, {"MASTER_PORT", "29500"}}), HasSubstr("MASTER_ADDR is not"));
  EXPECT_THAT(TextOf({{"OMPI_COMM_WORLD_RANK", "2"}, {"OMPI_COMM_WORLD_SIZE", "2"}}), HasSubstr("must be less than"));
  EXPECT_THAT(TextOf({{kChildVariable, "1/2"}}), HasSubstr("only `metaprompt run --processes` sets it"));
}

}  // namespace
}  // namespace metaprompt
