// Reads the event files of a folder as TensorBoard does, with its own parser of the records.
#ifndef TESTS_HELPERS_READ_EVENTS_H_
#define TESTS_HELPERS_READ_EVENTS_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "experiments/watching/event.pb.h"
#include "metaprompt/base/files.h"

namespace metaprompt {

struct ReadEvent {
  int64_t step = 0;
  double value = 0;  // of a scalar
  std::string text;  // of a text
};

// The events of each tag, in the order of the files.
using EventsByTag = std::map<std::string, std::vector<ReadEvent>>;

// The CRC-32C, bit by bit, with the reflected polynomial 0x82f63b78, masked as in a record.
inline uint32_t MaskedCrc(absl::string_view bytes) {
  uint32_t crc = 0xffffffff;
  for (const char c : bytes) {
    crc ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit < 8; ++bit) {
      crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82f63b78 : 0);
    }
  }
  crc = ~crc;
  return ((crc >> 15) | (crc << 17)) + 0xa282ead8;
}

inline uint64_t LittleEndian(absl::string_view bytes) {
  uint64_t number = 0;
  for (size_t i = bytes.size(); i > 0; --i) {
    number = number << 8 | static_cast<unsigned char>(bytes[i - 1]);
  }
  return number;
}

// The whole records of a file. A part of a record at the end is ignored.
inline std::vector<std::string> RecordsOf(absl::string_view bytes) {
  std::vector<std::string> records;
  while (bytes.size() >= 12) {
    const uint64_t size = LittleEndian(bytes.substr(0, 8));
    EXPECT_EQ(LittleEndian(bytes.substr(8, 4)), MaskedCrc(bytes.substr(0, 8)));
    if (bytes.size() - 12 < size + 4) {
      break;
    }
    const absl::string_view data = bytes.substr(12, size);
    EXPECT_EQ(LittleEndian(bytes.substr(12 + size, 4)), MaskedCrc(data));
    records.emplace_back(data);
    bytes.remove_prefix(16 + size);
  }
  return records;
}

inline EventsByTag ReadEvents(const std::string& folder) {
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().filename().string().find("tfevents") != std::string::npos) {
      files.push_back(entry.path().string());
    }
  }
  std::sort(files.begin(), files.end());
  EventsByTag tags;
  for (const std::string& file : files) {
    bool first = true;
    for (const std::string& record : RecordsOf(*ReadFile(file))) {
      events::Event event;
      EXPECT_TRUE(event.ParseFromString(record)) << file;
      EXPECT_GT(event.wall_time(), 1.7e9);
      EXPECT_EQ(event.file_version(), first ? "brain.Event:2" : "") << file;
      first = false;
      if (event.has_session_log()) {
        EXPECT_EQ(event.session_log().status(), events::SessionLog::START);
        for (auto& [tag, list] : tags) {
          list.erase(
              std::remove_if(list.begin(), list.end(), [&](const ReadEvent& one) { return one.step >= event.step(); }),
              list.end());
        }
      }
      for (const events::Summary::Value& value : event.summary().value()) {
        const bool is_text = value.metadata().plugin_data().plugin_name() == "text";
        EXPECT_EQ(value.has_tensor(), is_text);
        tags[value.tag()].push_back({event.step(), value.simple_value(), is_text ? value.tensor().string_val(0) : ""});
      }
    }
  }
  return tags;
}

inline std::vector<int64_t> StepsOf(const std::vector<ReadEvent>& list) {
  std::vector<int64_t> steps;
  for (const ReadEvent& one : list) {
    steps.push_back(one.step);
  }
  return steps;
}

}  // namespace metaprompt

#endif  // TESTS_HELPERS_READ_EVENTS_H_
