#include "tests/helpers/toy_tasks.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <set>

#include "google/protobuf/text_format.h"
#include "learners/learner_facts.h"
#include "metaprompt/architectures/architectures.h"
#include "metaprompt/encoders/encoder.h"
#include "metaprompt/encoders/initial_vit.h"
#include "metaprompt/model/image_inputs.h"
#include "metaprompt/prompts/pack_texts.h"
#include "tests/helpers/differences.h"
#include "tests/helpers/test_device.h"

namespace metaprompt {
namespace {

constexpr int64_t kToyPixels = 6;  // height and width of an image

PromptModel ToyVit(const ModelSpec& spec) {
  return PromptModel(spec, Encoder(*VitConfig(spec.encoder().vit(), kToyPixels, 1), /*with_head=*/false), kToySoft);
}

}  // namespace

std::vector<int64_t> Shuffled(int64_t first, int64_t end, Random* random) {
  std::vector<int64_t> values(static_cast<size_t>(end - first));
  std::iota(values.begin(), values.end(), first);
  random->PartialShuffle(values.size(), &values);
  return values;
}

ToyTask MakeToyTask(uint64_t seed, int64_t shots, int64_t queries, int64_t words) {
  Random random(SubSeed(seed, "conformance/task"));
  const std::vector<int64_t> vocabulary = Shuffled(2, 22, &random);
  const std::vector<int64_t> names = Shuffled(22, kToyVocab, &random);
  ToyTask task;
  for (int64_t way = 0; way < kToyWays; ++way) {
    for (int64_t i = 0; i < shots + queries; ++i) {
      PromptedText text;
      text.ids = {0, -1};
      for (auto k = static_cast<int64_t>(random.Below(3)); k >= 0; --k) {
        const auto word = way * words + static_cast<int64_t>(random.Below(static_cast<uint64_t>(words)));
        text.ids.push_back(vocabulary[static_cast<size_t>(word)]);
      }
      text.ids.push_back(-2);
      text.ids.push_back(1);
      text.read_at = static_cast<int64_t>(text.ids.size()) - 1;
      (i < shots ? task.support : task.query).push_back(text);
      (i < shots ? task.support_labels : task.query_labels).push_back(way);
    }
    task.answers.push_back({names[static_cast<size_t>(2 * way)], names[static_cast<size_t>(2 * way + 1)]});
  }
  return task;
}

at::Tensor Int64Tensor(const std::vector<int64_t>& ids) { return at::tensor(at::ArrayRef<int64_t>(ids), at::kLong); }

Episode BuildEpisode(const std::vector<ToyTask>& tasks, const std::vector<int64_t>& way) {
  std::set<int64_t> ids;
  for (const ToyTask& task : tasks) {
    for (const std::vector<PromptedText>* texts : {&task.support, &task.query}) {
      for (const PromptedText& text : *texts) {
        ids.insert(text.ids.begin(), text.ids.end());
      }
    }
    for (const std::vector<int64_t>& answer : task.answers) {
      ids.insert(answer.begin(), answer.end());
    }
  }
  const std::vector<int64_t> rows(ids.lower_bound(0), ids.end());
  const auto row_of = [&](int64_t id) {
    return id < 0 ? id : std::lower_bound(rows.begin(), rows.end(), id) - rows.begin();
  };
  std::vector<int64_t> answers;
  ToyTask all;
  for (const ToyTask& task : tasks) {
    for (const int64_t w : way) {
      for (const int64_t id : task.answers[static_cast<size_t>(w)]) {
        answers.push_back(row_of(id));
      }
    }
    all.support.insert(all.support.end(), task.support.begin(), task.support.end());
    all.query.insert(all.query.end(), task.query.begin(), task.query.end());
    all.support_labels.insert(all.support_labels.end(), task.support_labels.begin(), task.support_labels.end());
    all.query_labels.insert(all.query_labels.end(), task.query_labels.begin(), task.query_labels.end());
  }
  const auto count = static_cast<int64_t>(tasks.size());
  const Answers of_ways{Int64Tensor(answers).view({count * kToyWays, 2}),
                        at::tensor({0.25, 0.75}, at::kDouble).expand({count * kToyWays, 2})};
  const auto pack = [&](std::vector<PromptedText> texts, std::vector<int64_t> labels) {
    for (PromptedText& text : texts) {
      std::transform(text.ids.begin(), text.ids.end(), text.ids.begin(), row_of);
    }
    for (int64_t& label : labels) {
      label = std::find(way.begin(), way.end(), label) - way.begin();
    }
    Batch batch = PackBatch(texts, labels, of_ways);
    batch.tasks = count;
    batch.ways = kToyWays;
    return batch;
  };
  return OnDevice(Episode{Int64Tensor(rows), pack(all.support, all.support_labels), pack(all.query, all.query_labels)},
                  TestDevice());
}

Episode OverWholeVocabulary(const Episode& episode) {
  const auto in_vocabulary = [&](const at::Tensor& ids) {
    return at::where(ids.lt(0), ids, episode.rows.index_select(0, ids.clamp_min(0).view({-1})).view_as(ids));
  };
  const auto whole = [&](Batch batch) {
    const TextInputs& texts = TextsOf(batch);
    Answers answers = texts.answers();
    answers.ids = in_vocabulary(answers.ids);
    answers.start = answers.start.defined() ? in_vocabulary(answers.start) : answers.start;
    batch.inputs = TextInputs(in_vocabulary(texts.ids()), texts.spans(), texts.read_at(), answers);
    return batch;
  };
  return {at::Tensor(), whole(episode.support), whole(episode.query)};
}

Episode WithDecoderStart(const Episode& episode) {
  const auto with_start = [&](Batch batch) {
    Answers answers = TextsOf(batch).answers();
    answers.start = at::tensor({0, 1}, episode.rows.options());  // the first rows are those of the ids 0 and 1
    batch.inputs = TextsOf(batch).WithAnswers(answers);
    return batch;
  };
  return {episode.rows, with_start(episode.support), with_start(episode.query)};
}

Episode BuildImageEpisode(const std::vector<ToyTask>& tasks, const std::vector<int64_t>& way) {
  const auto count = static_cast<int64_t>(tasks.size());
  const auto batch_of = [&](std::vector<PromptedText> ToyTask::* texts, std::vector<int64_t> ToyTask::* labels) {
    std::vector<at::Tensor> images;
    std::vector<int64_t> ways;
    for (const ToyTask& task : tasks) {
      for (const PromptedText& text : task.*texts) {
        at::Tensor image = at::zeros({kToyPixels * kToyPixels}, at::kDouble);
        for (const int64_t id : text.ids) {
          if (id > 1) {  // a word; all other tokens are the same in all texts
            image[id] += 4;
          }
        }
        images.push_back(image.view({1, kToyPixels, kToyPixels}));
      }
      for (const int64_t label : task.*labels) {
        ways.push_back(std::find(way.begin(), way.end(), label) - way.begin());
      }
    }
    Batch batch;
    batch.tasks = count;
    batch.ways = kToyWays;
    batch.inputs =
        ImageInputs(at::stack(images), kToySoft, ToyModel(ToyModelKind::kImages).encoder().config().patches());
    batch.labels = Int64Tensor(ways);
    return batch;
  };
  return OnDevice(Episode{at::empty({0}, at::kLong), batch_of(&ToyTask::support, &ToyTask::support_labels),
                          batch_of(&ToyTask::query, &ToyTask::query_labels)},
                  TestDevice());
}

Episode BuildEpisode(const ToyTask& task, const std::vector<int64_t>& way) {
  return BuildEpisode(std::vector<ToyTask>{task}, way);
}

ModelSpec ToyModelSpec(ToyModelKind kind) {
  ModelSpec spec;
  BertSpec& bert = *spec.mutable_encoder()->mutable_bert();
  bert.set_layers(1);
  bert.set_width(8);
  bert.set_heads(2);
  bert.set_intermediate(12);
  bert.set_max_positions(16);
  bert.set_init_std(1);
  switch (kind) {
    case ToyModelKind::kPlain:
      break;
    case ToyModelKind::kLora:
      spec.mutable_lora()->set_rank(2);
      spec.set_features(ModelSpec::MEAN);
      break;
    case ToyModelKind::kDeepPrompt:
      spec.mutable_prompt()->set_reparametrisation(PromptSpec::LSTM_MLP);
      spec.mutable_prompt()->set_prefix_length(2);
      break;
    case ToyModelKind::kPrototypes:
      spec.mutable_verbalizer()->set_kind(VerbalizerSpec::PROTOTYPE);
      spec.mutable_verbalizer()->set_temperature(4);
      spec.set_features(ModelSpec::UNIT_MEAN);
      spec.set_read(ModelSpec::UNIT_MEAN);
      break;
    case ToyModelKind::kImages: {
      VitSpec& vit = *spec.mutable_encoder()->mutable_vit();
      vit.set_layers(1);
      vit.set_width(8);
      vit.set_heads(2);
      vit.set_intermediate(12);
      vit.set_patch_size(3);
      vit.set_init_std(0.5);
      spec.mutable_prompt()->mutable_visual()->set_length(kToySoft);
      spec.mutable_prompt()->set_prefix_length(2);
      break;
    }
    case ToyModelKind::kDropout:
      spec.mutable_dropout()->set_hidden(0.25);
      spec.mutable_dropout()->set_attention(0.25);
      break;
    case ToyModelKind::kSequences:
    case ToyModelKind::kDecoderSequences:
      spec.mutable_verbalizer()->set_kind(VerbalizerSpec::SEQUENCE);
      break;
    case ToyModelKind::kTied:
      spec.mutable_lora()->set_rank(2);
      break;
    case ToyModelKind::kDecoder:
      spec.mutable_lora()->set_rank(2);
      spec.mutable_prompt()->set_prefix_length(2);
      break;
  }
  return spec;
}

namespace {

PromptModel MakeToyModel(ToyModelKind kind) {
  const ModelSpec spec = ToyModelSpec(kind);
  const bool decodes = Decodes(kind);
  if (kind != ToyModelKind::kSequences && kind != ToyModelKind::kTied && !decodes) {
    return {spec, kToyVocab, kToySoft};
  }
  EncoderConfig config = FindArchitecture(decodes ? "t5" : "gpt2")->defaults;
  config.model_type = decodes ? "t5" : "gpt2";
  config.decoder_layers = decodes ? 1 : 0;
  config.head_width = decodes ? 3 : 0;
  config.gated = decodes;
  config.layer_norm_eps = decodes ? 0.1 : config.layer_norm_eps;
  config.activation = Activation::kGeluTanh;  // GPT-2's; smooth, unlike T5's first one
  config.vocab_size = kToyVocab;
  config.width = config.embedding_width = 8;
  config.layers = config.layer_groups = 1;
  config.heads = 2;
  config.intermediate = 12;
  config.max_positions = 128;
  return {spec, Encoder(config, /*with_head=*/true), kToySoft};
}

// The model's initial values. For a causal model and an encoder-decoder these are random. Norm weights are 1 or, in an
// encoder-decoder, 0.5, so that inner steps are small enough for finite differences.
ParamList InitialOf(const PromptModel& model) {
  if (!model.encoder().config().causal && !model.encoder().config().has_decoder()) {
    return model.Init(4);
  }
  Random random(SubSeed(4, "conformance/causal"));
  ParamList params;
  for (const ParamInfo& info : model.encoder().params()) {
    const bool matrix = info.shape.size() == 2;
    const double weight = info.name.find(".weight") == std::string::npos ? 0
                          : model.encoder().config().has_decoder()       ? 0.5
                                                                         : 1;
    const at::Tensor values =
        matrix ? RandomTensor(info.shape, &random) * (info.layer == 0 ? 1 : 0.3) : at::full(info.shape, weight);
    params.push_back(values.to(at::kFloat));
  }
  return model.WithSoftPrompt(params, 4);
}

}  // namespace

const PromptModel& ToyModel(ToyModelKind kind) {
  static const auto* const models = [] {
    auto* made = new std::map<ToyModelKind, PromptModel>();
    for (const ToyModelKind one : {ToyModelKind::kPlain, ToyModelKind::kLora, ToyModelKind::kDeepPrompt,
                                   ToyModelKind::kPrototypes, ToyModelKind::kDropout, ToyModelKind::kSequences,
                                   ToyModelKind::kTied, ToyModelKind::kDecoder, ToyModelKind::kDecoderSequences}) {
      made->emplace(one, MakeToyModel(one));
    }
    made->emplace(ToyModelKind::kImages, ToyVit(ToyModelSpec(ToyModelKind::kImages)));
    return made;
  }();
  return models->at(kind);
}

ParamList WholeParams(const PromptModel& model, const Learner& learner, bool noise) {
  Random random(SubSeed(4, "conformance/noise"));
  ParamList whole;
  for (const at::Tensor& param : InitialOf(model)) {
    whole.push_back(param.to(at::kDouble) + RandomTensor(param.sizes(), &random) * 0.2);
  }
  for (const at::Tensor& param : learner.InitOwn(model, 4)) {
    const at::Tensor own = param.to(at::kDouble);
    whole.push_back(noise ? own + RandomTensor(own.sizes(), &random) * (own.abs() * 0.2 + 0.01) : own);
  }
  return OnTestDevice(whole);
}

void ExpectSameBits(const ParamList& a, const ParamList& b, const std::string& what) {
  ASSERT_EQ(a.size(), b.size()) << what;
  for (size_t i = 0; i < a.size(); ++i) {
    ASSERT_EQ(a[i].defined(), b[i].defined()) << what << ", tensor " << i;
    if (a[i].defined()) {
      EXPECT_TRUE(at::equal(a[i], b[i])) << what << ", tensor " << i;
    }
  }
}

LearnerSpec WithSettings(const LearnerSpec& spec, const std::string& settings) {
  LearnerSpec with = spec;
  EXPECT_TRUE(google::protobuf::TextFormat::MergeFromString(settings, &with)) << settings;
  if (!Heeds(spec, LearnerFacts::META_GRADIENT)) {
    with.clear_meta_gradient();
  }
  return with;
}

}  // namespace metaprompt
