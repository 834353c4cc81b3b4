"""A tiny SentencePiece BPE model and what the `sentencepiece` package makes of awkward texts.

usage: make_sentencepiece_goldens.py [--out tests/golden/data/gguf/sentencepiece.json]
       make_sentencepiece_goldens.py --compare MODEL.model TOKENIZER.json [--texts 20000]

The model is trained as Llama's was (BPE, byte fallback, no normalisation, digits apart) on the words below. The file holds its
`pieces`, `scores` and `types` (in GGUF's numbers, which are SentencePiece's), and for each of `texts` the `ids` with and without
the blank before a text (add_dummy_prefix) and the text `decoded` from them.

--compare encodes and decodes random texts with any SentencePiece model and with the tokenizer.json that `keel import` wrote for
it, and counts the differences (pip install tokenizers).
"""

import argparse
import json
import random
import tempfile
from pathlib import Path

import sentencepiece
from sentencepiece import sentencepiece_model_pb2 as proto

DATA = Path(__file__).resolve().parent / "data"
PLACES = ["harbour", "pier", "lighthouse", "breakwater", "quay", "lock", "shipyard", "customs house", "fairway", "anchorage"]
CRAFT = ["ferry", "tug", "barge", "trawler", "pilot boat", "dredger", "schooner", "container ship"]
ACTS = ["enters", "leaves", "passes", "waits beside", "is moored at", "is towed to", "signals to", "turns before"]
OWN = ["港口在清晨开放，船只依次进入。", "灯塔的灯每十二秒闪一次。", "引航员在港口外等待船只。", "el puerto está cerrado", "die Fähre fährt früh"]

TEXTS = [
    "", " ", "  ", "   ", "     ", "\n", "\n\n", "\t", "\r\n", " \n ", "a", " a", "  a", "a ", "a  ", " a ", "a b", "a  b", "a   b   c",
    "The ferry enters the harbour.", " The ferry enters the harbour.", "The ferry  enters   the    harbour. ", "the\nferry\n\nwaits\n",
    "    if tide < 3:\n        wait()\n", "\tindented\twith tabs", "1234567890", "12 boats, 3.14 m; 1,000,000 t", "harbourharbourharbour",
    "aaaaaaa", "eeeeeeeeeeee", "thethethe", "TUG BARGE", "pilot boatpilot", "港口在清晨开放", "船只 进入 港口。", " 港口", "灯塔闪一次，汉字丂丄丅",
    "😀", "a😀b", "👩‍👩‍👧 family", "é è ü ñ ß", "e\u0301 combining", "Fähre früh", "Ωμέγα ελληνικά", "привет мир", "שלום عليكم", "한국어 ひらがな",
    "\u2581", "a\u2581b", "\u2581\u2581 a", "\u00a0nbsp\u3000ideographic", "zero\u200bwidth", "\ufeffbom", "nul\x00byte", "\x7f\x01\x1b[0m",
    "<0x41>", "< s >", "[INST] hi [/INST]", "https://harbour.example/quay?id=42&x=%20", "{\"tide\": [1, 2.5e-3, null]}", "C:\\quay\\lock", "$E = mc^2$",
    "x" * 200, "the ferry " * 40, "a\u0000\u0001\U0010ffff", "pass the <tool>", "<tool>",
]


def corpus():
    pick = random.Random(3)
    lines = []
    for _ in range(1200):
        lines.append(f"The {pick.choice(CRAFT)} {pick.choice(ACTS)} the {pick.choice(PLACES)} at {pick.randrange(24)}:{pick.randrange(60):02d}.")
        if pick.random() < 0.2:
            lines.append("  " * pick.randrange(1, 5) + f"tide = {pick.random() * 5:.2f}")
        if pick.random() < 0.15:
            lines.append(pick.choice(OWN))
    return lines


def train():
    with tempfile.TemporaryDirectory() as folder:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(corpus()), model_prefix=f"{folder}/m", model_type="bpe", vocab_size=560, byte_fallback=True,
            split_digits=True, allow_whitespace_only_pieces=True, normalization_rule_name="identity",
            remove_extra_whitespaces=False, character_coverage=0.995, user_defined_symbols=["<tool>"], num_threads=1, minloglevel=2)
        return Path(f"{folder}/m.model").read_bytes()


def processor(model, prefix=None):
    spec = proto.ModelProto.FromString(model)
    if prefix is not None:
        spec.normalizer_spec.add_dummy_prefix = prefix
    return sentencepiece.SentencePieceProcessor(model_proto=spec.SerializeToString())


def write(out):
    model = train()
    spec = proto.ModelProto.FromString(model)
    golden = {"pieces": [p.piece for p in spec.pieces], "scores": [p.score for p in spec.pieces], "types": [p.type for p in spec.pieces],
              "texts": TEXTS}
    for name, prefix in (("with_prefix", True), ("without_prefix", False)):
        sp = processor(model, prefix)
        ids = [sp.encode(text) for text in TEXTS]
        golden[name] = {"ids": ids, "decoded": [sp.decode(row) for row in ids]}
    out.write_text(json.dumps(golden, ensure_ascii=True, separators=(",", ":")).replace("],", "],\n") + "\n")


def random_text(pick, pieces):
    kind = pick.randrange(4)
    if kind == 0:  # pieces of the model one after the other: the hardest, as every join is possible
        return "".join(pick.choice(pieces) for _ in range(pick.randrange(1, 12))).replace("\u2581", " ")
    if kind == 1:  # few different characters: ties and overlaps
        letters = pick.sample("aeinst lrdo \n01,.", 3)
        return "".join(pick.choice(letters) for _ in range(pick.randrange(1, 40)))
    if kind == 2:
        return "".join(chr(pick.choice([pick.randrange(32, 127), pick.randrange(0x4E00, 0x9FFF), pick.randrange(0x1F300, 0x1F700),
                                        pick.randrange(1, 0x500)])) for _ in range(pick.randrange(1, 30)))
    line = pick.choice(corpus_once)
    return " " * pick.randrange(3) + line[pick.randrange(8):] + pick.choice(["", " ", "\n", "  \n\n"])


def compare(model, tokenizer_json, count):
    from tokenizers import Tokenizer
    sp, made = processor(Path(model).read_bytes()), Tokenizer.from_file(tokenizer_json)
    pieces = [sp.id_to_piece(i) for i in range(sp.vocab_size()) if not (sp.is_control(i) or sp.is_byte(i) or sp.is_unknown(i))]
    pick = random.Random(5)
    texts = TEXTS + [random_text(pick, pieces) for _ in range(count)]
    bad_ids, bad_texts = [], []
    for text in texts:
        ids = sp.encode(text)
        found = made.encode(text, add_special_tokens=False).ids
        if found != ids:
            bad_ids.append((text, ids, found))
        if made.decode(ids, skip_special_tokens=False) != sp.decode(ids):
            bad_texts.append((text, sp.decode(ids), made.decode(ids, skip_special_tokens=False)))
    print(f"{len(texts)} texts, {len(bad_ids)} with other ids, {len(bad_texts)} decoded otherwise")
    for row in bad_ids[:10] + bad_texts[:10]:
        print("  ", *map(repr, row), sep="\n     ")


corpus_once = corpus()

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=DATA / "gguf/sentencepiece.json")
    parser.add_argument("--compare", nargs=2, metavar=("MODEL", "TOKENIZER_JSON"))
    parser.add_argument("--texts", type=int, default=20000)
    options = parser.parse_args()
    if options.compare:
        compare(*options.compare, options.texts)
    else:
        write(options.out)
