#include "train/replay_prompts.h"

#include <numeric>
#include <vector>

#include "base/error.h"
#include "base/rng.h"

namespace keel {
namespace {

using Words = std::span<const std::string_view>;

constexpr PromptFrame kFrames[] = {
    {"en", "How does {thing} work?"},
    {"en", "What is {thing} good for?"},
    {"en", "Why would anybody buy {thing}?"},
    {"en", "Where would I look for {thing}?"},
    {"en", "Which parts belong to {thing}?"},
    {"en", "How do {thing} and {thing} differ?"},
    {"en", "Which is bigger, {thing} or {thing}?"},
    {"en", "Think up a riddle about {thing}."},
    {"en", "Say something surprising about {topic}."},
    {"en", "Define {topic} briefly."},
    {"en", "Why does {topic} matter?"},
    {"en", "What should a beginner know about {topic}?"},
    {"en", "Name a common mistake in {topic}."},
    {"en", "Put together a checklist for {topic}."},
    {"en", "How has {topic} changed over time?"},
    {"en", "Suggest a headline for an article on {topic}."},
    {"en", "Compose a haiku on {topic}."},
    {"en", "Argue against {topic}."},
    {"en", "Five facts about {topic}, please, as a numbered list."},
    {"en", "Give me a table of pros and cons of {topic}."},
    {"en", "Draft an email to {person} concerning {topic}."},
    {"en", "What does {person} do all day?"},
    {"en", "Ask {person} for advice."},
    {"en", "Make up a joke about {person}."},
    {"en", "Who was {figure}?"},
    {"en", "When did {figure} live?"},
    {"en", "What is {figure} remembered for?"},
    {"en", "In what country would I find {city}?"},
    {"en", "Recommend something to see in {city}."},
    {"en", "What language is spoken in {city}?"},
    {"en", "True or false? {claim}"},
    {"en", "{claim} Right or wrong?"},
    {"en", "Is this so? {claim} Only yes or no."},
    {"en", "Rephrase: {sentence}"},
    {"en", "Translate to Spanish: {sentence}"},
    {"en", "In French, please: {sentence}"},
    {"en", "Type in all caps: {sentence}"},
    {"en", "How many words are here? {sentence}"},
    {"en", "Find the verb: {sentence}"},
    {"en", "Is the mood glad or sad? {sentence}"},
    {"en", "What could happen next? {sentence}"},
    {"en", "Say it in future tense: {sentence}"},
    {"en", "Add an adjective: {sentence}"},
    {"en", "Are there mistakes in this? {sentence}"},
    {"en", "{passage} Sum this up."},
    {"en", "{passage} Who is this about?"},
    {"en", "{passage} What came first?"},
    {"en", "Find a title. {passage}"},
    {"en", "Which numbers are mentioned? {passage}"},
    {"en", "Give a synonym of {word}."},
    {"en", "Spell the word {word} letter by letter."},
    {"en", "Which letter does {word} begin with?"},
    {"en", "Use {word} in a conversation between friends."},
    {"en", "Antonym of {word}?"},
    {"en", "{number} + {number} = ?"},
    {"en", "How much is {number} minus {number}?"},
    {"en", "Work out {number} * {number}."},
    {"en", "Is {number} even or odd?"},
    {"en", "I had {number} coins and found {number} more. My total?"},
    {"en", "Count down from {number} in steps of two, four times."},
    {"en", "Convert {number} kilometres to metres."},
    {"en", "Only the result: {number} plus {number}."},
    {"en", "Make a list of {plural}, separated by semicolons."},
    {"en", "Two {plural}, nothing else."},
    {"en", "Enumerate {plural}, one a line."},
    {"en", "A JSON array of {plural}, please."},
    {"en", "Sort from A to Z: {plural} that you know."},
    {"en", "What do {plural} have in common?"},
    {"en", "Write {language} code that {job}."},
    {"en", "Explain how a program in {language} {job}."},
    {"en", "Hello! I would like to talk about {topic}."},
    {"en", "Good evening. Who are you, and do you know {city}?"},
    {"en", "Thanks. Anything else on {topic}?"},
    {"en", "I am {person} and I feel tired. Any advice?"},
    {"zh", "{thing}是做什么用的？"},
    {"zh", "怎样挑选{thing}？"},
    {"zh", "{thing}和{thing}有什么区别？"},
    {"zh", "请简单说明{topic}。"},
    {"zh", "{topic}有什么好处？"},
    {"zh", "给初学者讲讲{topic}。"},
    {"zh", "以{topic}为题写一首小诗。"},
    {"zh", "{city}在哪个国家？"},
    {"zh", "去{city}旅行要准备什么？"},
    {"zh", "对还是错？{claim}"},
    {"zh", "用自己的话说：{sentence}"},
    {"zh", "译成英语：{sentence}"},
    {"zh", "这句话有几个字？{sentence}"},
    {"zh", "接着写下去：{sentence}"},
    {"zh", "{passage}这段话主要讲什么？"},
    {"zh", "给这段话起个标题：{passage}"},
    {"zh", "{word}的近义词有哪些？"},
    {"zh", "{word}用拼音怎么写？"},
    {"zh", "{number}加上{number}得多少？"},
    {"zh", "算一算：{number}-{number}"},
    {"zh", "{number}是单数还是双数？"},
    {"zh", "说出两种{plural}。"},
    {"zh", "列一张{plural}的清单。"},
    {"zh", "你好，能和我聊聊{topic}吗？"},
    {"es", "¿Para qué sirve {thing}?"},
    {"es", "Explícame {topic}."},
    {"es", "¿Verdadero o falso? {claim}"},
    {"es", "¿Cuánto es {number} más {number}?"},
    {"fr", "À quoi sert {thing} ?"},
    {"fr", "Parle-moi de {topic}."},
    {"fr", "Vrai ou faux ? {claim}"},
    {"fr", "Combien font {number} plus {number} ?"},
    {"de", "Wozu dient {thing}?"},
    {"de", "Erkläre mir {topic}."},
    {"de", "Wahr oder falsch? {claim}"},
    {"de", "Wie viel ist {number} plus {number}?"},
    {"pt", "Para que serve {thing}?"},
    {"pt", "O que se deve saber sobre {topic}?"},
    {"ru", "Для чего нужен {thing}?"},
    {"ru", "Расскажи про {topic}."},
};

struct Filling {
  std::string_view language, kind;
  Words words;
};

constexpr std::string_view kThings[] = {
    "a candle",    "a violin",     "a backpack",       "a lighthouse",  "a tractor",     "a telescope",
    "a mirror",    "a kettle",     "a ladder",         "a thermometer", "a wheelbarrow", "a microphone",
    "a parachute", "a dishwasher", "a passport",       "a tent",        "a magnet",      "a greenhouse",
    "a zip",       "a windmill",   "a sewing machine", "a hammock",     "a drone",       "a lawnmower"};
constexpr std::string_view kTopics[] = {"gardening",
                                        "the Middle Ages",
                                        "sleep",
                                        "public transport",
                                        "chess",
                                        "earthquakes",
                                        "the stock market",
                                        "vaccination",
                                        "coral reefs",
                                        "photography",
                                        "electric cars",
                                        "patience",
                                        "recycling",
                                        "the Roman Empire",
                                        "home schooling",
                                        "saving money",
                                        "rainforests",
                                        "robots",
                                        "taxes",
                                        "football",
                                        "migrating birds",
                                        "opera",
                                        "job interviews",
                                        "space travel",
                                        "knitting",
                                        "volcanoes",
                                        "good manners",
                                        "databases",
                                        "first aid",
                                        "cheese making"};
constexpr std::string_view kPersons[] = {"a nurse",    "a plumber", "a landlord", "a pilot",
                                         "a judge",    "a farmer",  "a manager",  "a dentist",
                                         "a customer", "a tailor",  "a novelist", "a coach"};
constexpr std::string_view kFigures[] = {
    "Marie Curie",  "Leonardo da Vinci", "Cleopatra",      "Isaac Newton", "Confucius",     "Nelson Mandela",
    "Ada Lovelace", "Napoleon",          "Charles Darwin", "Frida Kahlo",  "Julius Caesar", "Galileo"};
constexpr std::string_view kCities[] = {"Vienna", "Lagos", "Toronto", "Seoul",     "Lima",
                                        "Mumbai", "Hanoi", "Sydney",  "Marrakesh", "Chicago"};
constexpr std::string_view kClaims[] = {"Fish breathe under water.",    "A week is longer than a month.",
                                        "Rubber comes from a tree.",    "Spiders have six legs.",
                                        "Gold is heavier than wood.",   "Penguins live in deserts.",
                                        "Coffee grows on bushes.",      "Light is slower than sound.",
                                        "Potatoes grow in the ground.", "Paper was invented last year."};
constexpr std::string_view kSentences[] = {"The river was frozen from bank to bank.",
                                           "Our neighbours move to another town next week.",
                                           "I forgot to lock the office before I left.",
                                           "Nobody laughed at his long speech.",
                                           "My grandmother grows peppers on her roof.",
                                           "The concert was cancelled because of the storm.",
                                           "We finally found a cheap flat near the station.",
                                           "Their new puppy chewed up both shoes.",
                                           "She won the race by a single second.",
                                           "You never answer my letters."};
constexpr std::string_view kPassages[] = {
    "Karim opened a small repair shop in 2011. At first he had 2 customers a day. Now 14 people work for "
    "him.",
    "The expedition left the coast with 9 sledges. After a month the food ran low, and the leader turned "
    "back.",
    "Elena could not sleep because of the noise. She got up, made cocoa and wrote until it was light.",
    "The factory used to pour its waste into the lake. Since it was fined, the fish have come back.",
    "First the dough rests for an hour. Then it is rolled out thin, filled with spinach and baked for 25 "
    "minutes.",
    "A fox stole one hen each night. The farmer mended the fence, and from then on the fox went hungry."};
constexpr std::string_view kWords[] = {"quiet",  "brave", "slow",    "generous", "ancient", "bright",
                                       "narrow", "proud", "curious", "honest",   "gentle",  "empty"};
constexpr std::string_view kPlurals[] = {"tools",    "musical instruments",
                                         "rivers",   "trees",
                                         "sports",   "jobs",
                                         "insects",  "pieces of clothing",
                                         "drinks",   "metals",
                                         "spices",   "board games",
                                         "vehicles", "planets"};
constexpr std::string_view kLanguages[] = {"Python", "JavaScript", "C", "Java", "SQL", "Rust"};
constexpr std::string_view kJobs[] = {
    "reverses a list", "counts the lines of a file", "finds the largest of three numbers",
    "adds up prices",  "checks a password",          "removes doubled entries"};
constexpr std::string_view kThingsZh[] = {"雨伞",   "相机",   "梯子", "冰箱", "帐篷",
                                          "望远镜", "行李箱", "吉他", "台灯", "剪刀"};
constexpr std::string_view kTopicsZh[] = {"环境保护", "中医", "围棋", "人工智能", "健身",
                                          "读书",     "理财", "火山", "睡眠",     "京剧"};
constexpr std::string_view kCitiesZh[] = {"伦敦", "首尔", "悉尼", "多伦多", "莫斯科", "曼谷"};
constexpr std::string_view kClaimsZh[] = {"蜘蛛有六条腿。", "玻璃可以用沙子做成。", "企鹅生活在沙漠里。",
                                          "金比木头重。", "土豆长在地下。"};
constexpr std::string_view kSentencesZh[] = {"邻居下个月要搬到别的城市。", "演唱会因为台风取消了。",
                                             "奶奶在屋顶上种辣椒。", "她比第二名快了一秒。",
                                             "我忘了锁办公室的门。"};
constexpr std::string_view kPassagesZh[] = {
    "老张二〇一一年开了一家修理店。刚开始一天只有两位客人，现在有十四个人给他干活。",
    "工厂以前把废水排到湖里。自从被罚款以后，湖里又有鱼了。",
    "狐狸每天夜里偷一只鸡。农夫修好篱笆，从此狐狸只能挨饿。"};
constexpr std::string_view kWordsZh[] = {"勇敢", "安静", "古老", "诚实", "温柔", "骄傲"};
constexpr std::string_view kPluralsZh[] = {"乐器", "工具", "运动", "昆虫", "饮料", "职业"};
constexpr std::string_view kThingsEs[] = {"un espejo", "una brújula", "un imán", "una escalera",
                                          "un pasaporte"};
constexpr std::string_view kTopicsEs[] = {"la fotosíntesis", "el ajedrez", "la inflación", "el reciclaje",
                                          "los volcanes"};
constexpr std::string_view kClaimsEs[] = {"Las arañas tienen seis patas.", "El vidrio se hace de arena."};
constexpr std::string_view kThingsFr[] = {"un miroir", "une échelle", "un aimant", "une tente",
                                          "un passeport"};
constexpr std::string_view kTopicsFr[] = {"la photosynthèse", "l'inflation", "l'opéra", "la forêt tropicale",
                                          "la Rome antique"};
constexpr std::string_view kClaimsFr[] = {"Les araignées ont six pattes.", "Le verre est fait de sable."};
constexpr std::string_view kThingsDe[] = {"ein Spiegel", "eine Leiter", "ein Magnet", "ein Zelt",
                                          "ein Reisepass"};
constexpr std::string_view kTopicsDe[] = {"die Photosynthese", "die Inflation", "das Mittelalter",
                                          "den Regenwald", "das Recycling"};
constexpr std::string_view kClaimsDe[] = {"Spinnen haben sechs Beine.", "Glas wird aus Sand gemacht."};
constexpr std::string_view kThingsPt[] = {"um espelho", "uma escada", "um ímã", "uma barraca"};
constexpr std::string_view kTopicsPt[] = {"a fotossíntese", "a inflação", "o xadrez", "os vulcões"};
constexpr std::string_view kThingsRu[] = {"магнит", "паспорт", "телескоп", "компас"};
constexpr std::string_view kTopicsRu[] = {"вулканы", "шахматы", "инфляцию", "Римскую империю"};

constexpr Filling kFillings[] = {
    {"en", "thing", kThings},       {"en", "topic", kTopics},         {"en", "person", kPersons},
    {"en", "figure", kFigures},     {"en", "city", kCities},          {"en", "claim", kClaims},
    {"en", "sentence", kSentences}, {"en", "passage", kPassages},     {"en", "word", kWords},
    {"en", "plural", kPlurals},     {"en", "language", kLanguages},   {"en", "job", kJobs},
    {"zh", "thing", kThingsZh},     {"zh", "topic", kTopicsZh},       {"zh", "city", kCitiesZh},
    {"zh", "claim", kClaimsZh},     {"zh", "sentence", kSentencesZh}, {"zh", "passage", kPassagesZh},
    {"zh", "word", kWordsZh},       {"zh", "plural", kPluralsZh},     {"es", "thing", kThingsEs},
    {"es", "topic", kTopicsEs},     {"es", "claim", kClaimsEs},       {"fr", "thing", kThingsFr},
    {"fr", "topic", kTopicsFr},     {"fr", "claim", kClaimsFr},       {"de", "thing", kThingsDe},
    {"de", "topic", kTopicsDe},     {"de", "claim", kClaimsDe},       {"pt", "thing", kThingsPt},
    {"pt", "topic", kTopicsPt},     {"ru", "thing", kThingsRu},       {"ru", "topic", kTopicsRu},
};

std::string filling(std::string_view language, std::string_view kind, Rng& rng) {
  if (kind == "number") return std::to_string(2 + rng.below(98));
  const Words words = prompt_fillings(language, kind);
  KEEL_CHECK(!words.empty(), "a filling for each place of a frame");
  return std::string(words[rng.below(words.size())]);
}

}  // namespace

std::span<const PromptFrame> prompt_frames() { return kFrames; }

Words prompt_fillings(std::string_view language, std::string_view kind) {
  for (const Filling& f : kFillings) {
    if (f.language == language && f.kind == kind) return f.words;
  }
  return {};
}

std::string replay_prompt(uint64_t seed, uint64_t index) {
  constexpr size_t kCount = std::size(kFrames);
  std::vector<size_t> order(kCount);
  std::iota(order.begin(), order.end(), size_t{0});
  Rng(seed, "kl_replay frames", index / kCount).shuffle(std::span(order));
  const PromptFrame& frame = kFrames[order[index % kCount]];
  Rng rng(seed, "kl_replay filling", 0, index);
  std::string out;
  std::string_view rest = frame.text;
  for (size_t open = rest.find('{'); open != rest.npos; open = rest.find('{')) {
    const size_t close = rest.find('}', open);
    out += rest.substr(0, open);
    out += filling(frame.language, rest.substr(open + 1, close - open - 1), rng);
    rest.remove_prefix(close + 1);
  }
  return out.append(rest);
}

}  // namespace keel
