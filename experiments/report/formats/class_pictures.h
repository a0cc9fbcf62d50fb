// Pictures of the test classes of runs on images.
#ifndef EXPERIMENTS_REPORT_FORMATS_CLASS_PICTURES_H_
#define EXPERIMENTS_REPORT_FORMATS_CLASS_PICTURES_H_

#include "experiments/report/report.h"

namespace metaprompt {

// Loads the data of each group whose runs have images and results of classes, and sets the group's pictures to the
// first three images of each test class. Images higher or wider than 64 pixels lose rows and columns. Records have no
// images, so the data must still be where the spec names them, with the hash that the record has; otherwise the group
// has no pictures, and a note in the report gives the reason.
void AddPictures(Report* report);

}  // namespace metaprompt

#endif  // EXPERIMENTS_REPORT_FORMATS_CLASS_PICTURES_H_
