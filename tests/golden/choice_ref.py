"""Multiple choice on the tiny llama by transformers, item by item: tests/golden/data/choice/, read by tests/eval.

Writes a tokenizer of one token a character (the golden models have none), probes of our own, and for each score of
Keel's the numbers: "mean" (NLL per token of the reply with its end of turn), "sum", and "letter" (the choices listed in
the prompt, the replies are A, B, …). Each choice is a forward pass of its own, without padding.

usage: python tests/golden/choice_ref.py
"""

import json
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast

DATA = Path(__file__).resolve().parent / "data"
SPECIAL = ["<|im_start|>", "<|im_end|>"]
TEMPLATE = (
    "{% for m in messages %}{{ '<|im_start|>' + m.role + '\\n' + m.content + '<|im_end|>' + '\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
PROBES = [
    ("Which of these floats?", ["a cork", "a stone", "an iron nail", "wet sand"], 0),
    ("What is 6 + 7?", ["12", "13", "67"], 1),
    ("Name the odd one out: plum, pear, spoon.", ["plum", "pear", "spoon"], 2),
    ("Is ice colder than steam?", ["yes", "no"], 0),
    ("The lamp went out because", ["the oil was used up.", "it was Tuesday.", "a cat can swim.", "of the colour."], 0),
    ("Finish the row: a, c, e,", ["f", "g", "h", "i", "j"], 1),
    ("Which word is spelt wrong?", ["harbour", "anchor", "captian", "sail", "rope", "tide"], 2),
    ("What does a baker sell?", ["bread", "nets"], 0),
    ("How many legs have two hens?", ["4", "2", "8", "6"], 0),
    ("Where do you post a letter?", ["in a letter box", "in an oven", "under a bridge"], 0),
    ("Opposite of early?", ["late", "soon", "before"], 0),
    ("Which is a tool?", ["a song", "a promise", "a hammer", "a cloud"], 2),
    ("What comes after winter?", ["spring", "autumn"], 0),
    ("He closed the door so that the draught would", ["stop.", "sing.", "be longer than the winter before."], 0),
]


def write_tokenizer(folder):
    # 93 characters, the line break and two special tokens: 96, the vocabulary of the golden models
    letters = [chr(c) for c in range(ord(" "), ord("~")) if chr(c) != "^"] + ["\n"]
    assert len(letters) + len(SPECIAL) == 96
    added = [
        {"id": len(letters) + i, "content": s, "single_word": False, "lstrip": False, "rstrip": False,
         "normalized": False, "special": True}
        for i, s in enumerate(SPECIAL)
    ]
    split = {"type": "Split", "pattern": {"Regex": "[\\s\\S]"}, "behavior": "Isolated", "invert": False}
    vocabulary = {c: i for i, c in enumerate(letters)}
    tokenizer = {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": added, "normalizer": None,
        "pre_tokenizer": split, "post_processor": None, "decoder": {"type": "Fuse"},
        "model": {"type": "WordLevel", "vocab": vocabulary, "unk_token": "?"},
    }
    config = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "<|im_end|>", "chat_template": TEMPLATE}
    folder.mkdir(exist_ok=True)
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer) + "\n")
    (folder / "tokenizer_config.json").write_text(json.dumps(config) + "\n")


def token_nll(model, tokenizer, prompt, reply):
    """NLL of each token of the reply and of the end of turn behind it."""
    asked = [{"role": "user", "content": prompt}]
    head = tokenizer.apply_chat_template(asked, tokenize=False, add_generation_prompt=True)
    ids = tokenizer(head + reply + "<|im_end|>", add_special_tokens=False, return_tensors="pt").input_ids
    begin = tokenizer(head, add_special_tokens=False, return_tensors="pt").input_ids.shape[1]
    with torch.no_grad():
        log_p = model(ids).logits[0].double().log_softmax(-1)
    return [-log_p[t - 1, ids[0, t]].item() for t in range(begin, ids.shape[1])]


def listed(prompt, choices):
    lines = [f"{chr(ord('A') + i)}. {c}" for i, c in enumerate(choices)]
    return prompt + "\n\n" + "\n".join(lines) + "\n\nAnswer with one letter."


def measure(model, tokenizer, prompt, choices, right):
    out = {}
    for score in ("mean", "sum", "letter"):
        replies = [chr(ord("A") + i) for i in range(len(choices))] if score == "letter" else choices
        question = listed(prompt, choices) if score == "letter" else prompt
        rows = [token_nll(model, tokenizer, question, reply) for reply in replies]
        values = [sum(r) / len(r) if score == "mean" else sum(r) for r in rows]
        best = sorted(range(len(values)), key=values.__getitem__)
        # far above what two correct fp32 programs may differ by, so that equal answers are no luck
        assert values[best[1]] - values[best[0]] > 1e-4, (prompt, score, values)
        out[score] = {"values": values, "chosen": best[0], "right": best[0] == right}
    return out


def main():
    torch.set_num_threads(1)
    folder = DATA / "choice"
    write_tokenizer(folder)
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"), eos_token="<|im_end|>",
                                        chat_template=TEMPLATE)
    model = AutoModelForCausalLM.from_pretrained(DATA / "llama", dtype=torch.float32, attn_implementation="eager")
    model.eval()
    probes = [
        {"id": f"c{i:02}", "type": "choice", "dimension": "knowledge", "prompt": prompt, "choices": choices,
         "answer_index": right, "golden": measure(model, tokenizer, prompt, choices, right)}
        for i, (prompt, choices, right) in enumerate(PROBES)
    ]
    text = "".join(json.dumps(p) + "\n" for p in probes)
    (folder / "probes.jsonl").write_text(text)
    for score in ("mean", "sum", "letter"):
        print(score, sum(p["golden"][score]["right"] for p in probes), "of", len(probes))


if __name__ == "__main__":
    main()
