// The texts of a class, which can be sealed: meta-learning must not read a test class before meta-test.
#ifndef DATASETS_TEXTS_H_
#define DATASETS_TEXTS_H_

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace metaprompt {

// A list of texts, or of examples of several texts (see TextClass). While it is sealed, only its length can be read.
// Reading a text then ends the program with a message, because it is a programming error that would make all results
// worthless.
class Texts {
 public:
  using const_iterator = std::vector<std::string>::const_iterator;

  Texts() = default;
  Texts(std::vector<std::string> texts) : texts_(std::move(texts)) {}  // NOLINT: a list of strings is a list of texts

  void set_sealed(bool sealed) { sealed_ = sealed; }
  size_t size() const { return texts_.size(); }
  bool empty() const { return texts_.empty(); }

  const std::string& operator[](size_t i) const { return Open()[i]; }
  const_iterator begin() const { return Open().begin(); }
  const_iterator end() const { return Open().end(); }

  void push_back(std::string text) { texts_.push_back(std::move(text)); }

 private:
  // The texts. Ends the program if they are sealed.
  const std::vector<std::string>& Open() const;

  std::vector<std::string> texts_;
  bool sealed_ = false;
};

}  // namespace metaprompt

#endif  // DATASETS_TEXTS_H_
