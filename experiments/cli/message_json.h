// Protobuf messages as JSON for other programs.
#ifndef EXPERIMENTS_CLI_MESSAGE_JSON_H_
#define EXPERIMENTS_CLI_MESSAGE_JSON_H_

#include <nlohmann/json.hpp>

#include "google/protobuf/message.h"

namespace metaprompt {

// The fields that are set, under the names that they have in the proto file and in the order of their numbers. Numbers
// are JSON numbers, 64-bit ones too; an enum is its name. Numbers that are not finite become null.
nlohmann::ordered_json MessageJson(const google::protobuf::Message& message);

}  // namespace metaprompt

#endif  // EXPERIMENTS_CLI_MESSAGE_JSON_H_
