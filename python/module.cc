// The Python module _metaprompt: what the package metaprompt is made of. Messages pass as bytes, arrays as bytes too,
// so that this file depends on no version of Python's protobuf or numpy.
#include <c10/util/Exception.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <exception>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "experiments/bindings/calls.h"
#include "experiments/bindings/episode_stream.h"
#include "experiments/bindings/opened_run.h"
#include "experiments/bindings/stop_on_interrupt.h"

namespace metaprompt {
namespace {

namespace py = pybind11;

// A status that is an error, on its way to Python.
class StatusError : public std::exception {
 public:
  explicit StatusError(const absl::Status& status)
      : cancelled_(absl::IsCancelled(status)), message_(status.message()) {}

  bool cancelled() const { return cancelled_; }
  const char* what() const noexcept override { return message_.c_str(); }

 private:
  bool cancelled_;
  std::string message_;
};

template <typename T>
T ValueOrThrow(absl::StatusOr<T> value) {
  if (!value.ok()) {
    throw StatusError(value.status());
  }
  return *std::move(value);
}

// The number of threads of an operation is the process's, so that one call computes at a time.
std::mutex& OneAtATime() {
  static auto* const mutex = new std::mutex;
  return *mutex;
}

// Without the interpreter's lock, and alone.
template <typename Function>
auto Alone(const Function& function) {
  const py::gil_scoped_release release;
  const std::lock_guard<std::mutex> lock(OneAtATime());
  return function();
}

py::bytes Run(const std::string& spec_bytes, const std::string& out, const py::object& show) {
  const ExperimentSpec spec = ValueOrThrow(SpecOfBytes(spec_bytes));
  std::exception_ptr thrown;  // by `show`
  absl::StatusOr<std::string> record = Alone([&] {
    StopOnInterrupt stop;
    const auto hand = [&](const std::string& line, bool stays) {
      const py::gil_scoped_acquire acquire;
      try {
        if (thrown == nullptr) {
          show(py::str(line), stays);
        }
      } catch (...) {
        thrown = std::current_exception();
        stop.Request();
      }
    };
    return RunBytes(spec, out, hand, stop.flag());
  });
  if (thrown != nullptr) {
    std::rethrow_exception(thrown);
  }
  return py::bytes(ValueOrThrow(std::move(record)));
}

std::vector<LabelledExample> Labelled(const std::vector<std::string>& labels, const std::vector<std::string>& names,
                                      const std::vector<std::vector<std::string>>& texts) {
  std::vector<LabelledExample> labelled;
  labelled.reserve(texts.size());
  for (size_t i = 0; i < texts.size(); ++i) {
    labelled.push_back({labels.at(i), names.at(i), texts[i]});
  }
  return labelled;
}

void RegisterErrors(py::module_* module) {
  static PyObject* const error = py::exception<StatusError>(*module, "Error", PyExc_RuntimeError).release().ptr();
  py::register_exception_translator([](std::exception_ptr thrown) {
    try {
      std::rethrow_exception(std::move(thrown));
    } catch (const StatusError& status) {
      PyErr_SetString(status.cancelled() ? PyExc_KeyboardInterrupt : error, status.what());
    } catch (const c10::Error& internal) {
      PyErr_SetString(error, (std::string("internal error: ") + internal.what_without_backtrace()).c_str());
    }
  });
}

void RegisterRuns(py::module_* module) {
  py::class_<OpenedRun, std::shared_ptr<OpenedRun>>(*module, "OpenedRun")
      .def(py::init([](const std::string& path, const std::string& precision) {
        return ValueOrThrow(Alone([&] { return OpenedRun::Open(path, precision); }));
      }))
      .def(
          "adapt",
          [](const std::shared_ptr<OpenedRun>& run, const std::vector<std::string>& labels,
             const std::vector<std::string>& names, const std::vector<std::vector<std::string>>& texts, int shots,
             const std::string& device, int threads) {
            const std::vector<LabelledExample> labelled = Labelled(labels, names, texts);
            return ValueOrThrow(Alone([&] { return AdaptedRun::Adapt(run, labelled, {shots, device, threads}); }));
          },
          py::arg("labels"), py::arg("names"), py::arg("texts"), py::arg("shots"), py::arg("device"),
          py::arg("threads"));
  py::class_<AdaptedRun>(*module, "AdaptedRun")
      .def_property_readonly("labels", &AdaptedRun::labels)
      .def_property_readonly("shots", &AdaptedRun::shots)
      .def_property_readonly("support_right", &AdaptedRun::support_right)
      .def(
          "probabilities",
          [](AdaptedRun& run, const std::vector<std::vector<std::string>>& texts) {
            const std::vector<float> flat = ValueOrThrow(Alone([&] { return run.Probabilities(texts); }));
            return py::bytes(reinterpret_cast<const char*>(flat.data()), flat.size() * sizeof(float));
          },
          "float32 [texts, classes] by rows, as bytes");
  module->def("adapt_checkpoint",
              [](const std::string& folder, const std::string& precision, const std::vector<std::string>& labels,
                 const std::vector<std::string>& names, const std::vector<std::vector<std::string>>& texts,
                 const std::string& device, int threads) {
                const std::vector<LabelledExample> labelled = Labelled(labels, names, texts);
                return ValueOrThrow(Alone([&] {
                  return AdaptedRun::AdaptCheckpoint(folder, precision, labelled, {/*shots=*/0, device, threads});
                }));
              });
}

void RegisterEpisodes(py::module_* module) {
  py::class_<EpisodeTexts>(*module, "EpisodeTexts")
      .def_readonly("classes", &EpisodeTexts::classes)
      .def_readonly("names", &EpisodeTexts::names)
      .def_readonly("text_names", &EpisodeTexts::text_names)
      .def_readonly("support", &EpisodeTexts::support)
      .def_readonly("query", &EpisodeTexts::query)
      .def_readonly("support_numbers", &EpisodeTexts::support_numbers)
      .def_readonly("query_numbers", &EpisodeTexts::query_numbers);
  py::class_<EpisodeStream>(*module, "EpisodeStream")
      .def(py::init([](const py::bytes& spec, const std::string& split, int shots) {
        const ExperimentSpec parsed = ValueOrThrow(SpecOfBytes(spec));
        return ValueOrThrow(Alone([&] { return EpisodeStream::Open(parsed, split, shots); }));
      }))
      .def("at", &EpisodeStream::At);
}

}  // namespace

PYBIND11_MODULE(_metaprompt, module) {
  RegisterErrors(&module);
  RegisterRuns(&module);
  RegisterEpisodes(&module);
  module.def("load_spec", [](const std::string& path, const std::vector<std::string>& sets) {
    return py::bytes(ValueOrThrow(LoadSpecBytes(path, sets)));
  });
  module.def("complete_spec",
             [](const py::bytes& spec) { return py::bytes(ValueOrThrow(SpecOfBytes(spec)).SerializeAsString()); });
  module.def("read_record", [](const std::string& run) { return py::bytes(ValueOrThrow(ReadRecordBytes(run))); });
  module.def("run", [](const py::bytes& spec, const std::string& out, const py::object& show) {
    return Run(spec, out, show);
  });
  module.def("environment", [](int threads) { return py::bytes(EnvironmentBytes(threads)); });
  module.def("run_again_with_best_kernel", &RunAgainWithBestKernel);
}

}  // namespace metaprompt
