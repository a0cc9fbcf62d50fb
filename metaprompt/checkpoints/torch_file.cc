#include "metaprompt/checkpoints/torch_file.h"

#include <ATen/ATen.h>
#include <caffe2/serialize/inline_container.h>

#include <cerrno>
#include <exception>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "metaprompt/base/files.h"
#include "metaprompt/base/status_macros.h"
#include "metaprompt/base/text.h"
#include "metaprompt/checkpoints/safetensors.h"
#include "metaprompt/checkpoints/torch_pickle.h"
#include "metaprompt/checkpoints/zip_directory.h"

namespace metaprompt {
namespace {

using caffe2::serialize::PyTorchStreamReader;

constexpr uint64_t kMaxPickle = 8 << 20;  // bytes, enough for about 50,000 tensors

absl::string_view FirstLine(absl::string_view text) { return text.substr(0, text.find('\n')); }

using Bytes = std::pair<at::DataPtr, size_t>;

// A record of the archive, or LibTorch's error.
absl::StatusOr<Bytes> Record(PyTorchStreamReader* reader, const std::string& path, const std::string& name) {
  const auto bad = [&](absl::string_view what) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": record ", Quoted(name), ": ", what));
  };
  try {
    if (!reader->hasRecord(name)) {
      return bad("it is missing");
    }
    std::tuple<at::DataPtr, size_t> record = reader->getRecord(name);
    return std::make_pair(std::move(std::get<0>(record)), std::get<1>(record));
  } catch (const c10::Error& error) {
    return bad(FirstLine(error.what_without_backtrace()));
  } catch (const std::exception& error) {
    return bad(FirstLine(error.what()));
  }
}

class TorchFile : public WeightFile {
 public:
  TorchFile(std::string path, std::unique_ptr<PyTorchStreamReader> reader, std::vector<PickledTensor> pickled)
      : path_(std::move(path)), reader_(std::move(reader)), pickled_(std::move(pickled)) {
    for (const PickledTensor& tensor : pickled_) {
      tensors_.push_back(tensor.tensor);
    }
  }

  const std::vector<StoredTensor>& tensors() const override { return tensors_; }

  absl::StatusOr<at::Tensor> Read(size_t index) const override {
    const PickledTensor& pickled = pickled_[index];
    const auto bad = [&](absl::string_view what) {
      return absl::InvalidArgumentError(absl::StrCat(path_, ": tensor ", Quoted(pickled.tensor.name), ": ", what));
    };
    const absl::StatusOr<at::ScalarType> type = ElementType(pickled.tensor.dtype);
    if (!type.ok()) {
      return bad(type.status().message());
    }
    const at::ScalarType wanted = *type == at::kLong ? at::kLong : at::kFloat;
    if (TensorBytes(pickled.tensor.dtype, pickled.tensor.shape).value() == 0) {
      return at::empty(pickled.tensor.shape, wanted);
    }
    ASSIGN_OR_RETURN(Bytes record, Record(reader_.get(), path_, absl::StrCat("data/", pickled.storage)));
    if (record.second / ElementBytes(pickled.tensor.dtype) != static_cast<uint64_t>(pickled.storage_size) ||
        record.second % ElementBytes(pickled.tensor.dtype) != 0) {
      return bad(absl::StrCat("its storage of ", pickled.storage_size, " ", pickled.tensor.dtype, " numbers has ",
                              record.second, " bytes"));
    }
    // If the tensor is the whole storage, it uses the record's memory.
    const auto memory = std::make_shared<at::DataPtr>(std::move(record.first));
    const at::Tensor storage =
        at::from_blob(memory->get(), {pickled.storage_size}, [memory](void*) {}, at::TensorOptions().dtype(*type));
    const at::Tensor view = storage.as_strided(pickled.tensor.shape, pickled.strides, pickled.offset);
    const bool whole = *type == wanted && view.is_contiguous() && view.numel() == pickled.storage_size;
    return whole ? view : view.to(wanted, /*non_blocking=*/false, /*copy=*/true, at::MemoryFormat::Contiguous);
  }

 private:
  std::string path_;
  std::unique_ptr<PyTorchStreamReader> reader_;  // may be used by several threads
  std::vector<PickledTensor> pickled_;
  std::vector<StoredTensor> tensors_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<WeightFile>> OpenTorchFile(const std::string& path) {
  const auto bad = [&](absl::string_view what) { return absl::InvalidArgumentError(absl::StrCat(path, ": ", what)); };
  std::error_code error;
  const std::filesystem::file_status about = std::filesystem::status(path, error);
  if (!std::filesystem::exists(about)) {
    return SystemError(path, ENOENT);
  }
  if (!std::filesystem::is_regular_file(about)) {  // opening a pipe would wait for its writer
    return bad("not a file");
  }
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    return SystemError(path, errno);
  }
  std::string begin(16, '\0');
  file.read(begin.data(), static_cast<std::streamsize>(begin.size()));
  begin.resize(static_cast<size_t>(file.gcount()));
  file.close();
  // PyTorch's older format begins with this pickled number, in every pickle protocol.
  if (begin.size() == 16 && absl::string_view(begin).substr(2) ==
                                absl::string_view("\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.\x80", 14)) {
    return bad(
        "it is in the format of torch.save before PyTorch 1.6, which LibTorch cannot read; load it in Python with a "
        "newer PyTorch and save it again, best as model.safetensors");
  }
  if (!absl::StartsWith(begin, "PK\x03\x04")) {
    return bad("not a zip file, which torch.save writes since PyTorch 1.6");
  }
  RETURN_IF_ERROR(CheckZipIsNotCompressed(path));
  std::unique_ptr<PyTorchStreamReader> reader;
  try {
    reader = std::make_unique<PyTorchStreamReader>(path);
  } catch (const c10::Error& error) {
    return bad(FirstLine(error.what_without_backtrace()));
  } catch (const std::exception& error) {
    return bad(FirstLine(error.what()));
  }
  // PyTorch writes this record since version 2.1.
  if (const auto order = Record(reader.get(), path, "byteorder");
      order.ok() && absl::string_view(static_cast<const char*>(order->first.get()), order->second) != "little") {
    return bad("its numbers are big-endian; only little-endian ones are read");
  }
  ASSIGN_OR_RETURN(const Bytes pickle, Record(reader.get(), path, "data.pkl"));
  if (pickle.second > kMaxPickle) {
    return bad(absl::StrCat("its data.pkl has ", pickle.second, " bytes, more than ", kMaxPickle));
  }
  absl::StatusOr<std::vector<PickledTensor>> pickled =
      ParseTorchPickle({static_cast<const char*>(pickle.first.get()), pickle.second});
  if (!pickled.ok()) {
    return bad(absl::StrCat("data.pkl: ", pickled.status().message()));
  }
  return std::make_unique<TorchFile>(path, std::move(reader), *std::move(pickled));
}

}  // namespace metaprompt
