// Tests that each source of DatasetSpec must pass. The sources are found by reflection, so a new one is tested as soon
// as it is in the oneof.
#include "datasets/sources/sources.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "datasets/dataset.pb.h"
#include "datasets/sources/load_dataset.h"
#include "datasets/sources/source_info.h"
#include "datasets/splits/published_splits.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"
#include "tests/helpers/dataset_files.h"

namespace metaprompt {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

std::vector<const FieldDescriptor*> SourceFields() {
  const google::protobuf::OneofDescriptor* const source = DatasetSpec::descriptor()->FindOneofByName("source");
  std::vector<const FieldDescriptor*> fields;
  for (int i = 0; i < source->field_count(); ++i) {
    fields.push_back(source->field(i));
  }
  return fields;
}

class SourceTest : public testing::TestWithParam<const FieldDescriptor*> {
 protected:
  // Null if the source has no row.
  static const SourceInfo* Info() { return FindSource(*GetParam()->message_type()); }

  // The error of reading the file or folder `path`, with the classes drawn; empty if there is none.
  static std::string ErrorOf(const std::string& path) {
    DatasetSpec spec;
    Message* const source = spec.GetReflection()->MutableMessage(&spec, GetParam());
    const FieldDescriptor* const field = GetParam()->message_type()->FindFieldByName("path");
    if (field != nullptr && field->is_repeated()) {
      source->GetReflection()->AddString(source, field, path);
    } else if (field != nullptr) {
      source->GetReflection()->SetString(source, field, path);
    }
    spec.mutable_split()->mutable_shares();
    return std::string(LoadDataset(spec).status().message());
  }
};

TEST_P(SourceTest, HasOneRow) {
  const auto is_row = [](const SourceInfo& info) { return info.message == GetParam()->message_type(); };
  ASSERT_EQ(std::count_if(Sources().begin(), Sources().end(), is_row), 1)
      << "datasets/sources/sources.cc must have one row for " << GetParam()->message_type()->name();
}

TEST_P(SourceTest, TakesAPathAndRefusesAMissingOne) {
  ASSERT_NE(Info(), nullptr);
  ASSERT_NE(GetParam()->message_type()->FindFieldByName("path"), nullptr);
  EXPECT_THAT(ErrorOf(Folder() + "none"), AllOf(HasSubstr(Folder() + "none"), HasSubstr("No such file or directory")));
}

TEST_P(SourceTest, RefusesAFileOfAnotherKind) {
  ASSERT_NE(Info(), nullptr);
  Write("noise", "\xff\x01\xfe\t\x80,\"");
  EXPECT_THAT(ErrorOf(Folder() + "noise"), HasSubstr(Folder() + "noise"));
}

TEST_P(SourceTest, PublishedSplitsHaveThreeSidesOfClassesWithNames) {
  ASSERT_NE(Info(), nullptr);
  std::set<std::string> labels;
  for (const PublicClass& one : Info()->classes) {
    EXPECT_TRUE(labels.insert(one.label).second) << one.label << " is there twice";
    EXPECT_NE(ClassName(Info()->classes, one.label, Info()->name_of_label), "");
  }
  if (Info()->read_split != nullptr) {
    EXPECT_EQ(Info()->splits.size(), 1) << "the default alone";
    return;
  }
  for (const std::string& split : Info()->splits) {
    const absl::StatusOr<ClassPlaces> places =
        PublishedSplit(Info()->classes, split, {labels.begin(), labels.end()}, /*some_may_lack=*/false);
    EXPECT_TRUE(places.ok()) << places.status();
  }
  if (!Info()->classes.empty()) {
    EXPECT_THAT(Info()->splits, Not(testing::IsEmpty()));
  }
}

INSTANTIATE_TEST_SUITE_P(All, SourceTest, testing::ValuesIn(SourceFields()),
                         [](const auto& field) { return field.param->name(); });

TEST(SourcesTest, EveryRowIsOfASource) {
  std::set<const google::protobuf::Descriptor*> messages;
  for (const FieldDescriptor* const field : SourceFields()) {
    messages.insert(field->message_type());
  }
  for (const SourceInfo& info : Sources()) {
    EXPECT_THAT(messages, Contains(info.message)) << info.message->name() << " is not in DatasetSpec.source";
  }
}

}  // namespace
}  // namespace metaprompt
