// Protobuf messages as JSON for other programs.
#ifndef EXPERIMENTS_CLI_MESSAGE_JSON_H_
#define EXPERIMENTS_CLI_MESSAGE_JSON_H_

#include <nlohmann/json.hpp>

#include "google/protobuf/message.h"

namespace metaprompt {

// The fields that are set, with their names in the proto file and in the order of their numbers. Numbers, also 64-bit
// ones, are JSON numbers, and null if they are not finite. Enum values are their names.
nlohmann::ordered_json MessageJson(const google::protobuf::Message& message);

}  // namespace metaprompt

#endif  // EXPERIMENTS_CLI_MESSAGE_JSON_H_
