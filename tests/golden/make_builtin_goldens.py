"""Writes data/builtin_templates.json: what the published templates of the model families, run by transformers, make of
our chats, as text, as ids of a tokenizer of letters, and as the mask of the assistant's tokens.

    python tests/golden/make_builtin_goldens.py FOLDER

FOLDER holds the templates themselves, which are not ours to keep: NAME.jinja as the model's makers publish it, and where
there is one NAME.training.jinja, the same with {% generation %} marks (TRL ships such pairs). NAME is that of a built-in
template. Needs transformers (5.23.0 made the committed file). tests/text/builtin_test.cc reads it.
"""

import json
import pathlib
import sys

import tokenizers
import transformers

HERE = pathlib.Path(__file__).parent

MARKERS = ["<|im_start|>", "<|im_end|>", "<s>", "</s>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>",
           "<start_of_turn>", "<end_of_turn>", "<|user|>", "<|assistant|>", "<|system|>", "<|end|>", "[INST]", "[/INST]"]

QUESTION = {"role": "user", "content": "hi"}
CALLS = [{"type": "function", "function": {"name": "f", "arguments": {"x": 1, "y": "<b> & 'c'"}}},
         {"type": "function", "function": {"name": "g", "arguments": {}}}]

CHATS = {
    "short": [QUESTION, {"role": "assistant", "content": "ho"}],
    "turns": [
        {"role": "system", "content": "Be brief.\nAlways."},
        QUESTION,
        {"role": "assistant", "content": "first"},
        {"role": "user", "content": "first"},
        {"role": "assistant", "content": " two  words \n"},
    ],
    "thinking": [
        QUESTION,
        {"role": "assistant", "content": "a", "reasoning_content": "why"},
        {"role": "user", "content": "r"},
        {"role": "assistant", "content": "\nb", "reasoning_content": "\nso\n"},
    ],
    "calls": [
        QUESTION,
        {"role": "assistant", "content": "", "tool_calls": CALLS},
        {"role": "tool", "content": "1"},
        {"role": "tool", "content": "2"},
        {"role": "assistant", "content": "so", "tool_calls": CALLS[1:]},
        {"role": "tool", "content": "3"},
        {"role": "assistant", "content": "end"},
    ],
}

# What each family's own template takes without leaving something out.
TAKES = {"qwen2.5": ("short", "turns", "calls"), "qwen3": tuple(CHATS)}
# phi3 ends the last reply with eos_token once more (builtin_templates.cc says why ours does not).
SPECIAL = {"phi3": {"eos_token": ""}}


def letter_tokenizer():
    """test::letter_tokenizer of tests/text/small_tokenizer.h with MARKERS."""
    letters = [chr(c) for c in range(ord(" "), ord("~") + 1)] + ["\n"]
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordLevel({c: i for i, c in enumerate(letters)}, unk_token="?"))
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Split(tokenizers.Regex(r"[\s\S]"), "isolated")
    tokenizer.decoder = tokenizers.decoders.Fuse()
    tokenizer.add_special_tokens(MARKERS)
    return tokenizer


def case(folder, name, chat):
    fast = transformers.PreTrainedTokenizerFast(tokenizer_object=letter_tokenizer(), bos_token="<s>", eos_token="</s>")
    special = SPECIAL.get(name, {})
    own = (folder / f"{name}.jinja").read_text()
    made = {"template": name, "chat": chat}
    made["text"] = fast.apply_chat_template(CHATS[chat], chat_template=own, tokenize=False, **special)
    made["prompt"] = fast.apply_chat_template(CHATS[chat][:-1], chat_template=own, tokenize=False,
                                              add_generation_prompt=True, **special)
    marked = folder / f"{name}.training.jinja"
    if not marked.exists():
        return made
    text = fast.apply_chat_template(CHATS[chat], chat_template=marked.read_text(), tokenize=False, **special)
    if text != made["text"]:  # the marked one keeps the thinking of earlier turns
        return made
    out = fast.apply_chat_template(CHATS[chat], chat_template=marked.read_text(), return_dict=True,
                                   return_assistant_tokens_mask=True, **special)
    return made | {"ids": out["input_ids"], "mask": "".join(str(m) for m in out["assistant_masks"])}


def main():
    folder = pathlib.Path(sys.argv[1])
    names = sorted(path.stem for path in folder.glob("*.jinja") if not path.stem.endswith(".training"))
    cases = [case(folder, name, chat) for name in names for chat in TAKES.get(name, ("short", "turns"))]
    document = {"made_with": {"transformers": transformers.__version__}, "markers": MARKERS, "chats": CHATS, "cases": cases}
    lines = json.dumps(document | {"cases": []}, indent=1).replace('"cases": []', '"cases": [\n')
    body = ",\n".join(json.dumps(c) for c in cases)
    (HERE / "data/builtin_templates.json").write_text(lines.rstrip("\n}]") + "\n" + body + "\n]}\n")
    json.loads((HERE / "data/builtin_templates.json").read_text())
    print(len(cases), "cases,", sum("mask" in c for c in cases), "with masks")


if __name__ == "__main__":
    main()
