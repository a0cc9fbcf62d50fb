// What only meta-test may use: the test classes' texts, which are sealed until it begins, and its episodes.
#ifndef EXPERIMENTS_WORKBENCH_TEST_SET_H_
#define EXPERIMENTS_WORKBENCH_TEST_SET_H_

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "episodes/manifest.h"
#include "episodes/sampler.h"
#include "experiments/experiment.pb.h"
#include "experiments/workbench/run_data.h"

namespace metaprompt {

class TestSet {
 public:
  // While such an object lives, the test classes' texts can be read.
  class Access {
   public:
    ~Access() { set_->SetOpen(false); }
    Access(const Access&) = delete;
    Access& operator=(const Access&) = delete;

   private:
    friend class TestSet;
    explicit Access(TestSet* set) : set_(set) { set_->SetOpen(true); }

    TestSet* set_;
  };

  // Reads the file of episodes that test.manifest names, if it is set, and seals the test classes' texts in `data`:
  // from now on, reading one of them ends the program. Their number and the hash of the data can still be read. `data`
  // must outlive the result. Errors: a manifest that is broken or of other data; see ParseManifest.
  static absl::StatusOr<TestSet> Open(const ExperimentSpec& spec, RunData* data);

  // Begins meta-test. Only one Access may live at a time.
  Access Begin() { return Access(this); }
  bool is_open() const { return open_; }

  // A function that returns which texts episode i of meta-test consists of, from the manifest, if there is one, or from
  // the sampler. Valid as long as this object.
  std::function<EpisodePlan(int64_t)> Plans(int shots) const;

  // Of the manifest's file; empty if there is none.
  const std::string& manifest_sha256() const { return manifest_sha256_; }

 private:
  explicit TestSet(RunData* data) : data_(data) {}
  void SetOpen(bool open);

  RunData* data_;
  bool open_ = false;
  EpisodeManifest manifest_;
  std::string manifest_sha256_;
};

}  // namespace metaprompt

#endif  // EXPERIMENTS_WORKBENCH_TEST_SET_H_
