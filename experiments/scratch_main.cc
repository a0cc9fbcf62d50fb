#include <ATen/ATen.h>

#include <iostream>

#include "experiments/evaluate.h"
#include "experiments/spec.h"
#include "experiments/train.h"
#include "experiments/workbench.h"
#include "learners/inner_loop.h"
#include "metaprompt/base/files.h"
using namespace metaprompt;
int main(int argc, char** argv) {
  std::string dir = argv[1];
  auto spec = LoadSpec(dir + "/spec.textproto", {});
  auto bytes = ReadFile(dir + "/tokenizer.model");
  auto bench = *Workbench::Open(*spec, *bytes);
  auto init = *bench->InitialParams();
  auto best = *ReadParamFile(bench->model().params(), dir + "/best-5shot.safetensors");
  for (auto sp : {Split::kTrain, Split::kValid})
    for (auto* ps : {&init, &best}) {
      at::NoGradGuard g;
      auto split = *bench->Prompted(sp);
      auto sampler = *bench->Sampler(sp, 5);
      std::vector<double> raw, emb, logit0, sgd;
      double between = 0, within = 0, cn = 0;
      for (int i = 0; i < 60; ++i) {
        auto ep = split->Build(sampler.Plan(i), at::kFloat);
        auto local = LocalParams(bench->model().params(), *ps, ep.rows);
        auto proto = [&](at::Tensor s, at::Tensor q) {
          auto p = s.view({5, 5, -1}).mean(1);
          auto d = -at::cdist(q, p);
          return Accuracy(d, ep.query.labels);
        };
        auto fs = bench->model().Forward(local, ep.support), fq = bench->model().Forward(local, ep.query);
        raw.push_back(proto(fs.features, fq.features));
        auto p = fs.features.view({5, 5, -1});
        between += p.mean(1).var(0).sum().item<double>() / 60;
        within += p.var(1).mean(0).sum().item<double>() / 60;
        cn += fs.features.mean(0).pow(2).sum().item<double>() / 60;
        auto bow = [&](const Batch& b) {
          auto e = at::zeros({b.size, local[0].size(0) + 8});
          auto owner = at::zeros_like(b.token_ids);
          auto po = b.packed_from / b.longest;
          auto idx = at::floor_divide(b.packed_from, b.longest);
          e.index_put_({idx, b.token_ids}, at::ones({b.token_ids.size(0)}), true);
          e = e.slice(1, 0, local[0].size(0)).matmul(local[0]);
          return e / e.norm(2, 1, true);
        };
        emb.push_back(proto(bow(ep.support), bow(ep.query)));
      }
      std::cout << SplitName(sp) << (ps == &init ? " init" : " best") << " proto(features) " << Interval(raw).mean
                << " proto(mean emb) " << Interval(emb).mean << " between " << between << " within " << within
                << " const " << cn << "\n";
    }
}
