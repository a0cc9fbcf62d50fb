#include "tests/learners/conformance.h"

#include <ATen/ATen.h>

#include "absl/strings/str_cat.h"
#include "google/protobuf/descriptor.h"
#include "learners/check_learner.h"
#include "learners/inner/scope.h"
#include "learners/inner/task_pool.h"

namespace metaprompt {
namespace {

struct Variant {
  const char* name;
  const char* settings;
  ToyModelKind model = ToyModelKind::kPlain;
  bool without_adapts = false;  // for learners that do not use `adapts`, in place of the variants that set it
};

constexpr Variant kVariants[] = {
    {"Plain", ""},
    {"AdamW", "inner { optimizer: ADAMW weight_decay: 0.125 } meta_gradient { way: RECOMPUTE }"},
    {"Prompt", "adapts { part: PROMPT } inner { class_lr: 0 optimizer: ADAMW }"},
    {"LastLayers", "adapts { part: LAST_LAYERS } learns { part: ENCODER } meta_gradient { way: RECOMPUTE }"},
    {"Biases", "adapts { part: BIASES } learns { part: PROMPT } inner { class_lr: 0 optimizer: ADAMW }"},
    {"Lora", "adapts { part: LORA } learns { part: LAST_LAYERS } inner { class_lr: 0 }", ToyModelKind::kLora},
    {"LearnsLora", "learns { part: LORA }", ToyModelKind::kLora, true},
    {"NoClassHead", "inner { class_lr: 0 } meta_gradient { way: RECOMPUTE }", ToyModelKind::kPlain, true},
    {"DeepPrompt", "adapts { part: PROMPT } inner { class_lr: 0 optimizer: ADAMW }", ToyModelKind::kDeepPrompt},
    {"Vectors", "adapts { part: VECTORS } meta_gradient { way: RECOMPUTE }", ToyModelKind::kDeepPrompt},
    {"LearnsDeepPrompt", "learns { part: PROMPT }", ToyModelKind::kDeepPrompt, true},
    {"Prototypes", "", ToyModelKind::kPrototypes},
    {"MiniBatches", "inner { batch: 4 clip_norm: 0.5 optimizer: ADAMW } meta_gradient { way: RECOMPUTE }"},
    {"Dropout", "inner { batch: 4 clip_norm: 0.5 }", ToyModelKind::kDropout},
    {"DropoutOfAll", "", ToyModelKind::kDropout},
    {"Sequences", "", ToyModelKind::kSequences},
    {"TiedLora", "adapts { part: LORA } inner { class_lr: 0 prompt_lr: 0 }", ToyModelKind::kTied},
    {"Decoder", "", ToyModelKind::kDecoder},
    {"DecoderLayers", "adapts { part: LAST_LAYERS } inner { prompt_lr: 0 } meta_gradient { way: RECOMPUTE }",
     ToyModelKind::kDecoder},
    {"DecoderSequences", "", ToyModelKind::kDecoderSequences},
    {"Images", "", ToyModelKind::kImages},
    {"FixedPrototypes", "adapts { part: PROMPT } inner { class_lr: 0 }", ToyModelKind::kPrototypes},
};

}  // namespace

std::ostream& operator<<(std::ostream& out, const ConformanceCase& one) { return out << one.spec.ShortDebugString(); }

std::vector<ConformanceCase> AllConformanceCases() {
  std::vector<ConformanceCase> cases;
  for (const google::protobuf::FieldDescriptor* learner : AllLearners()) {
    const google::protobuf::FieldDescriptor& kind = *learner;
    LearnerSpec plain;
    plain.GetReflection()->MutableMessage(&plain, &kind);
    plain = Heeds(plain, LearnerFacts::INNER) ? WithSettings(plain, kToyInner) : plain;
    for (const Variant& variant : kVariants) {
      const LearnerSpec spec = WithSettings(plain, variant.settings);
      if (CheckLearner(spec).empty() && !(variant.without_adapts && Heeds(plain, LearnerFacts::ADAPTS)) &&
          (ScoresSequences(variant.model) ? FactsOf(spec).takes_sequences() : !FactsOf(spec).needs_sequences()) &&
          !(Decodes(variant.model) && FactsOf(spec).needs_sequences()) &&
          (variant.model != ToyModelKind::kPrototypes || FactsOf(spec).takes_prototypes()) &&
          (variant.model != ToyModelKind::kDropout || !FactsOf(spec).one_loss())) {
        cases.push_back({absl::StrCat(kind.name(), "_", variant.name), spec, variant.model});
      }
    }
    const google::protobuf::Descriptor& own = *kind.message_type();
    for (int f = 0; f < own.field_count(); ++f) {
      const google::protobuf::FieldDescriptor& field = *own.field(f);
      const auto add = [&](const std::string& value, const auto& set) {
        LearnerSpec spec = plain;
        google::protobuf::Message* message = spec.GetReflection()->MutableMessage(&spec, &kind);
        set(message->GetReflection(), message);
        cases.push_back({absl::StrCat(kind.name(), "_", field.name(), value), spec});
      };
      if (field.type() == google::protobuf::FieldDescriptor::TYPE_BOOL) {
        add("", [&](const auto* r, auto* m) { r->SetBool(m, &field, !field.default_value_bool()); });
      } else if (field.type() == google::protobuf::FieldDescriptor::TYPE_MESSAGE) {
        add("", [&](const auto* r, auto* m) { r->MutableMessage(m, &field); });
      } else if (field.type() == google::protobuf::FieldDescriptor::TYPE_ENUM) {
        for (int v = 0; v < field.enum_type()->value_count(); ++v) {
          const google::protobuf::EnumValueDescriptor& value = *field.enum_type()->value(v);
          if (&value != field.default_value_enum()) {
            add(absl::StrCat("_", value.name()), [&](const auto* r, auto* m) { r->SetEnum(m, &field, &value); });
          }
        }
      }
    }
  }
  return cases;
}

void ConformanceTest::SetUp() { SetOperationThreads(1); }

ParamList ConformanceTest::Meta(const Learner& learner, const Episode& episode, bool noise) {
  return LocalParams(MetaInfos(model(), learner), WholeParams(model(), learner, noise), episode.rows);
}

at::Tensor ConformanceTest::Logits(const Learner& learner, const ParamList& meta, const Batch& support,
                                   const Batch& query) {
  return learner.Logits(model(), learner.Adapt(model(), meta, support), query);
}

double ConformanceTest::Loss(const Learner& learner, const ParamList& meta, const Batch& support, const Batch& query) {
  return CrossEntropy(Logits(learner, meta, support, query), query.labels).item<double>();
}

std::vector<bool> ConformanceTest::MayLearn(size_t count) {
  std::vector<bool> may = Heeds(spec(), LearnerFacts::LEARNS) ? InScope(model().params(), spec().learns())
                                                              : std::vector<bool>(model().params().size(), false);
  may.resize(count, true);
  return may;
}

bool ConformanceTest::Learns(const Learner& learner) {
  return Heeds(spec(), LearnerFacts::LEARNS) || !learner.OwnParams(model()).empty();
}

}  // namespace metaprompt
