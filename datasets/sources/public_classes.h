// The classes of public data sets, and which of them train, validate and test in published work.
#ifndef DATASETS_SOURCES_PUBLIC_CLASSES_H_
#define DATASETS_SOURCES_PUBLIC_CLASSES_H_

#include "datasets/splits/split.h"

namespace metaprompt {

// A class's place in its table is its number in the files that Bao et al. (2020) prepared.
struct PublicClass {
  const char* label;
  const char* name;           // what a verbalizer reads; null: RuleName(label)
  Split split;                // in the split "bao2020": Bao et al. 2020, src/dataset/loader.py of their code
  const char* metaprompting;  // name in the split "metaprompting" (Hou et al. 2022, dataloader.py of their code), which
                              // has the same sides; null: as above, "": the class is not in it
};

// HuffPost headlines; labels as in the News Category Dataset.
inline constexpr PublicClass kHuffPostClasses[] = {
    {"POLITICS", nullptr, Split::kTrain, nullptr},
    {"WELLNESS", nullptr, Split::kTrain, nullptr},
    {"ENTERTAINMENT", nullptr, Split::kTrain, nullptr},
    {"TRAVEL", nullptr, Split::kTrain, nullptr},
    {"STYLE & BEAUTY", nullptr, Split::kTrain, nullptr},
    {"PARENTING", nullptr, Split::kTrain, nullptr},
    {"HEALTHY LIVING", nullptr, Split::kTrain, nullptr},
    {"QUEER VOICES", nullptr, Split::kTrain, nullptr},
    {"FOOD & DRINK", nullptr, Split::kTrain, nullptr},
    {"BUSINESS", nullptr, Split::kTrain, nullptr},
    {"COMEDY", nullptr, Split::kTrain, nullptr},
    {"SPORTS", nullptr, Split::kTrain, nullptr},
    {"BLACK VOICES", nullptr, Split::kTrain, nullptr},
    {"HOME & LIVING", nullptr, Split::kTrain, nullptr},
    {"PARENTS", nullptr, Split::kTrain, nullptr},
    {"THE WORLDPOST", nullptr, Split::kTrain, nullptr},
    {"WEDDINGS", nullptr, Split::kTrain, nullptr},
    {"WOMEN", nullptr, Split::kTrain, nullptr},
    {"IMPACT", nullptr, Split::kTrain, nullptr},
    {"DIVORCE", nullptr, Split::kTrain, nullptr},
    {"CRIME", nullptr, Split::kValid, nullptr},
    {"MEDIA", nullptr, Split::kValid, nullptr},
    {"WEIRD NEWS", nullptr, Split::kValid, nullptr},
    {"GREEN", nullptr, Split::kValid, nullptr},
    {"WORLDPOST", nullptr, Split::kValid, nullptr},
    {"RELIGION", nullptr, Split::kTest, nullptr},
    {"STYLE", nullptr, Split::kTest, nullptr},
    {"SCIENCE", nullptr, Split::kTest, nullptr},
    {"WORLD NEWS", nullptr, Split::kTest, nullptr},
    {"TASTE", nullptr, Split::kTest, nullptr},
    {"TECH", nullptr, Split::kTest, nullptr},
    {"MONEY", nullptr, Split::kTest, nullptr},
    {"ARTS", nullptr, Split::kTest, nullptr},
    {"FIFTY", nullptr, Split::kTest, nullptr},
    {"GOOD NEWS", nullptr, Split::kTest, nullptr},
    {"ARTS & CULTURE", nullptr, Split::kTest, nullptr},
    {"ENVIRONMENT", nullptr, Split::kTest, nullptr},
    {"COLLEGE", nullptr, Split::kTest, nullptr},
    {"LATINO VOICES", nullptr, Split::kTest, nullptr},
    {"CULTURE & ARTS", nullptr, Split::kTest, ""},
    {"EDUCATION", nullptr, Split::kTest, nullptr},
};

// Reuters-21578; labels are its topics.
inline constexpr PublicClass kReutersClasses[] = {
    {"acq", "acquisitions", Split::kTrain, nullptr},
    {"alum", "aluminium", Split::kTrain, nullptr},
    {"bop", "balance of payment", Split::kTrain, nullptr},
    {"cocoa", "cocoa", Split::kTrain, nullptr},
    {"coffee", "coffee", Split::kTrain, nullptr},
    {"copper", "copper", Split::kTrain, nullptr},
    {"cotton", "cotton", Split::kTrain, nullptr},
    {"cpi", "consumer price index", Split::kTrain, nullptr},
    {"crude", "crude", Split::kTrain, nullptr},
    {"earn", "earn", Split::kTrain, nullptr},
    {"gnp", "gross national product", Split::kTrain, nullptr},
    {"gold", "gold", Split::kTrain, nullptr},
    {"grain", "grain", Split::kTrain, nullptr},
    {"interest", "interest", Split::kTrain, nullptr},
    {"ipi", "industrial production index", Split::kTrain, nullptr},
    {"iron-steel", "iron and steel", Split::kValid, nullptr},
    {"jobs", "jobs", Split::kValid, nullptr},
    {"livestock", "livestock", Split::kValid, nullptr},
    {"money-fx", "money foreign exchange", Split::kValid, nullptr},
    {"money-supply", "money supply", Split::kValid, nullptr},
    {"nat-gas", "natural gas", Split::kTest, nullptr},
    {"orange", "orange", Split::kTest, nullptr},
    {"reserves", "reserves", Split::kTest, nullptr},
    {"retail", "retail", Split::kTest, nullptr},
    {"rubber", "rubber", Split::kTest, nullptr},
    {"ship", "ship", Split::kTest, nullptr},
    {"sugar", "sugar", Split::kTest, nullptr},
    {"tin", "tin", Split::kTest, nullptr},
    {"trade", "trade", Split::kTest, nullptr},
    {"veg-oil", "vegetable oil", Split::kTest, nullptr},
    {"wpi", "wholesale price index", Split::kTest, nullptr},
};

// 20 Newsgroups. The words of "metaprompting" were chosen by looking at texts, those of the test classes too.
inline constexpr PublicClass kNewsgroupsClasses[] = {
    {"talk.politics.mideast", "politics mideast", Split::kTest,
     "mideast armenian armenians turkish jew jews jewish israel israeli muslim arab"},
    {"sci.space", "space", Split::kTrain, "space nasa orbit shuttle launch moon earth mission spacecraft"},
    {"misc.forsale", "for sale", Split::kTest,
     "mail offer shipping price drive sell email interested system software computer games"},
    {"talk.politics.misc", "politics", Split::kTest,
     "politics government president gay homosexual cramer clinton state"},
    {"comp.graphics", "graphics", Split::kValid, "computer graphics image images 3d bit color program software"},
    {"sci.crypt", "cryptography", Split::kTrain,
     "crypt encryption clip key keys chip nsa privacy government security algorithm"},
    {"comp.windows.x", "x windows", Split::kValid, "window windows motif file server program color application"},
    {"comp.os.ms-windows.misc", "ms windows", Split::kValid, "windows microsoft dos mouse driver system other"},
    {"talk.politics.guns", "politics guns", Split::kTest, "gun guns fbi fire weapon government firearms law police"},
    {"talk.religion.misc", "religion", Split::kTest,
     "other god gods jesus bible christian religion morality biblical jews"},
    {"rec.autos", "autos", Split::kTrain, "car cars engine auto speed"},
    {"sci.med", "medicine", Split::kTrain, "disease medical doctor food patients patient treatment medicine"},
    {"comp.sys.mac.hardware", "mac hardware", Split::kValid, "mac apple computer system hardware power drive monitor"},
    {"sci.electronics", "electronics", Split::kTrain,
     "electronics electronic power circuit amp phone radio chip current battery"},
    {"rec.sport.hockey", "hockey", Split::kTrain, "hockey nhl espn game games team goal season sport"},
    {"alt.atheism", "atheism", Split::kTest, "god atheist morality moral islam islamic christian religion genocide"},
    {"rec.motorcycles", "motorcycles", Split::kTrain, "bike bikes biker bmw motorcycle motorcycles rider riding"},
    {"comp.sys.ibm.pc.hardware", "ibm pc hardware", Split::kValid,
     "computer system ibm pc hardware disk card dos controller monitor"},
    {"rec.sport.baseball", "baseball", Split::kTrain, "baseball game games team pitcher hitter braves league sport"},
    {"soc.religion.christian", "religion christian", Split::kTest,
     "god jesus christian christianity christians christ bible faith hell heaven homosexuality doctrine"},
};

// Amazon reviews, 5-core 2014; labels are its file names.
inline constexpr PublicClass kAmazonClasses[] = {
    {"Amazon_Instant_Video", nullptr, Split::kTest, "instant video"},
    {"Apps_for_Android", nullptr, Split::kValid, "android apps"},
    {"Automotive", nullptr, Split::kTrain, "automotive"},
    {"Baby", nullptr, Split::kTrain, "baby"},
    {"Beauty", nullptr, Split::kTrain, "beauty"},
    {"Books", nullptr, Split::kTest, "books"},
    {"CDs_and_Vinyl", nullptr, Split::kValid, "cds"},
    {"Cell_Phones_and_Accessories", nullptr, Split::kTrain, "phones and accessories"},
    {"Clothing_Shoes_and_Jewelry", nullptr, Split::kTest, "clothing and shoes and jewelry"},
    {"Digital_Music", nullptr, Split::kValid, "digital music"},
    {"Electronics", nullptr, Split::kTest, "electronics"},
    {"Grocery_and_Gourmet_Food", nullptr, Split::kTrain, "grocery and food"},
    {"Health_and_Personal_Care", nullptr, Split::kTrain, "health care"},
    {"Home_and_Kitchen", nullptr, Split::kTrain, "home and kitchen"},
    {"Kindle_Store", nullptr, Split::kTest, "kindle store"},
    {"Movies_and_TV", nullptr, Split::kTest, "movies and tv"},
    {"Musical_Instruments", nullptr, Split::kTest, "musical instruments"},
    {"Office_Products", nullptr, Split::kTest, "office products"},
    {"Patio_Lawn_and_Garden", nullptr, Split::kTrain, "patio and lawn and garden"},
    {"Pet_Supplies", nullptr, Split::kTrain, "pet supplies"},
    {"Sports_and_Outdoors", nullptr, Split::kTrain, "sports and outdoors"},
    {"Tools_and_Home_Improvement", nullptr, Split::kTest, "tools"},
    {"Toys_and_Games", nullptr, Split::kValid, "toys and games"},
    {"Video_Games", nullptr, Split::kValid, "video games"},
};

}  // namespace metaprompt

#endif  // DATASETS_SOURCES_PUBLIC_CLASSES_H_
