#!/usr/bin/env python3
"""Checks the bundled example data: examples/harbor and examples/general.

Usage: tools/check_examples.py [EXAMPLES_DIR]
Prints one line of counts and exits 0, or one line per fault and exits 1.
The formats are described in the README.md beside the data.
"""

import collections
import json
import pathlib
import re
import sys

STOCK = (
    "Thank you for contacting the harbour office.",
    "Please let us know if you need anything else.",
    "Fair winds from the harbour office.",
)
DIMENSIONS = {"knowledge", "math", "format", "writing", "rewriting", "summary", "reasoning", "code", "safety"}
TYPE_KEYS = {
    "exact": {"answer"},
    "contains": {"accept"},
    "number": {"answer"},
    "regex": {"pattern"},
    "choice": {"choices", "answer_index"},
    "constraint": {"constraint"},
}
CONSTRAINTS = {
    "max_words": int, "min_words": int, "bullets": int, "sentences": int,
    "must_contain": list, "must_not_contain": list, "json_keys": list,
    "starts_with": str, "ends_with": str, "case": str, "language": str, "no_commas": bool,
}
SKILLS = {"follow-up", "focus", "latest", "switch"}
CJK = "\u3400-\u9fff"
NGRAM = 8


def normal(text):
    return " ".join(text.lower().split())


def words(text):
    """Words without punctuation; every Chinese character counts as one word."""
    return re.findall(f"[{CJK}]|[^\\W{CJK}]+", text.lower())


def ngrams(text):
    w = words(text)
    return {tuple(w[i:i + NGRAM]) for i in range(len(w) - NGRAM + 1)}


def is_text(value):
    return isinstance(value, str) and value.strip() == value != ""


def is_texts(value):
    return isinstance(value, list) and bool(value) and all(is_text(v) for v in value)


class Checker:
    def __init__(self, root):
        self.root = root
        self.faults = []

    def want(self, ok, where, message):
        if not ok:
            self.faults.append(f"{where}: {message}")
        return ok

    def rows(self, name):
        """The (place, object) pairs of a JSONL file; a line that does not parse is a fault."""
        path = self.root / name
        if not self.want(path.is_file(), name, "file is missing"):
            return []
        out = []
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            where = f"{name}:{number}"
            try:
                row = json.loads(line)
            except ValueError as e:
                self.want(False, where, f"not JSON ({e})")
                continue
            if self.want(isinstance(row, dict), where, "not a JSON object"):
                out.append((where, row))
        return out

    def unique(self, rows, key):
        counts = collections.Counter(row.get(key) for _, row in rows)
        for where, row in rows:
            self.want(is_text(row.get(key)), where, f'no "{key}"')
            self.want(counts[row.get(key)] == 1, where, f'{key} "{row.get(key)}" is not unique')

    def table_of_facts(self):
        """Fact names of the table in harbor/README.md."""
        readme = self.root / "harbor/README.md"
        if not self.want(readme.is_file(), "harbor/README.md", "file is missing"):
            return set()
        return set(re.findall(r"^\| `(\w+)` \|", readme.read_text(encoding="utf-8"), re.M))

    def train(self, rows, facts):
        """Returns fact -> replies of the good rows."""
        replies = collections.defaultdict(list)
        seen, bad, multi_turn = set(), 0, 0
        self.want(240 <= len(rows) <= 280, "harbor/train.jsonl", f"{len(rows)} rows, wanted 240 to 280")
        for where, row in rows:
            messages = row.get("messages")
            if not self.want(isinstance(messages, list) and len(messages) >= 2, where, "no messages"):
                continue
            roles = [m.get("role") for m in messages]
            self.want(roles == ["user", "assistant"] * (len(roles) // 2), where, f"roles are {roles}")
            self.want(all(is_text(m.get("content")) for m in messages), where, "a message is empty or padded")
            self.want(set(row.get("facts", [])) <= facts and row.get("facts"), where,
                      f'facts {row.get("facts")} are not in the README table')
            if "note" in row:
                bad += 1
                self.want(row["note"].startswith("bad: "), where, 'a note starts with "bad: "')
                continue
            multi_turn += len(messages) > 2
            prompts = tuple(normal(m["content"]) for m in messages[::2])
            self.want(prompts not in seen, where, "prompt occurs twice")
            seen.add(prompts)
            self.want(len(row["facts"]) == len(prompts), where, "one fact per turn is wanted")
            for fact, reply in zip(row["facts"], messages[1::2]):
                replies[fact].append(reply["content"])
                self.reply_length(where, reply["content"])
        self.want(bad == 6, "harbor/train.jsonl", f"{bad} bad rows, wanted 6")
        self.want(multi_turn >= 10, "harbor/train.jsonl", f"{multi_turn} multi-turn rows, wanted 10")
        for fact in facts:
            self.want(len(replies[fact]) >= 4, "harbor/train.jsonl", f'fact "{fact}" has fewer than 4 wordings')
        return replies

    def reply_length(self, where, reply):
        for phrase in STOCK:
            reply = reply.replace(phrase, "")
        n = len(reply.split())
        self.want(8 <= n <= 25, where, f"reply has {n} words without stock phrases, wanted 8 to 25")

    def heldout(self, rows, facts, replies, train_grams):
        self.want(len(rows) >= 64, "harbor/heldout.jsonl", f"{len(rows)} rows, wanted 64")
        self.unique(rows, "id")
        self.unique(rows, "prompt")
        self.want({r.get("fact") for _, r in rows} == facts, "harbor/heldout.jsonl",
                  "its facts are not those of the README table")
        for where, row in rows:
            keys = {"id", "fact", "prompt", "answer", "accept", "choices"}
            if not self.want(set(row) == keys, where, f"keys are {sorted(row)}"):
                continue
            if not self.want(is_texts(row["accept"]) and is_texts(row["choices"]), where, "accept or choices"):
                continue
            self.want(not ngrams(row["prompt"]) & train_grams, where, "shares 8 words with a train prompt")
            self.accepted(where, row, replies[row["fact"]])

    def accepted(self, where, row, train_replies):
        def hit(text):
            return any(normal(a) in normal(text) for a in row["accept"])

        self.want(hit(row["answer"]), where, "no accept string in the answer")
        self.want(not hit(row["prompt"]), where, "the prompt gives the answer away")
        for reply in train_replies:
            self.want(hit(reply), where, f'no accept string in the train reply "{reply}"')
        choices = row["choices"]
        self.want(len(set(choices)) == 4 and choices[0] == row["answer"], where,
                  "choices are the answer and three others")
        for wrong in choices[1:]:
            self.want(not hit(wrong), where, f'wrong choice holds an accept string: "{wrong}"')

    def a_third_chinese(self, rows, name):
        chinese = sum(row.get("lang") == "zh" for _, row in rows)
        self.want(3 * chinese >= len(rows) > 0, name, f"{chinese} of {len(rows)} in Chinese, wanted a third")

    def probes(self, rows, harbor_grams):
        self.a_third_chinese(rows, "general probes")
        self.unique(rows, "id")
        self.unique(rows, "prompt")
        for where, row in rows:
            kind = row.get("type")
            if not self.want(kind in TYPE_KEYS, where, f'type is "{kind}"'):
                continue
            wanted = {"id", "dimension", "lang", "type", "prompt"} | TYPE_KEYS[kind]
            if not self.want(set(row) == wanted, where, f"keys are {sorted(row)}, wanted {sorted(wanted)}"):
                continue
            self.want(row["dimension"] in DIMENSIONS, where, f'dimension is "{row["dimension"]}"')
            self.want(row["lang"] in ("en", "zh"), where, f'lang is "{row["lang"]}"')
            has_cjk = re.search(f"[{CJK}]", json.dumps(row, ensure_ascii=False)) is not None
            self.want(has_cjk == (row["lang"] == "zh"), where, "text does not fit lang")
            self.want(not ngrams(row["prompt"]) & harbor_grams, where, "shares 8 words with examples/harbor")
            getattr(self, "probe_" + kind)(where, row)

    def probe_exact(self, where, row):
        self.want(is_text(row["answer"]), where, "answer is not text")

    def probe_contains(self, where, row):
        self.want(is_texts(row["accept"]), where, "accept is not a list of texts")

    def probe_number(self, where, row):
        self.want(type(row["answer"]) in (int, float), where, "answer is not a number")

    def probe_regex(self, where, row):
        try:
            self.want(re.search(row["pattern"], "") is None, where, "pattern matches an empty reply")
        except re.error as e:
            self.want(False, where, f"pattern does not compile ({e})")

    def probe_choice(self, where, row):
        choices = row["choices"]
        ok = is_texts(choices) and len(set(choices)) == len(choices) == 4
        self.want(ok and row["answer_index"] in range(4), where, "choices are four, answer_index is 0 to 3")

    def probe_constraint(self, where, row):
        constraint = row["constraint"]
        self.want(bool(constraint), where, "constraint is empty")
        for key, value in constraint.items():
            if self.want(key in CONSTRAINTS, where, f'unknown constraint "{key}"'):
                self.want(type(value) is CONSTRAINTS[key], where, f'"{key}" has the wrong JSON type')
        self.want(constraint.get("case", "upper") in ("upper", "lower"), where, "case is upper or lower")
        # Scripts without spaces have no agreed word count, so Chinese probes never count words.
        self.want(row["lang"] == "en" or not {"max_words", "min_words"} & set(constraint), where,
                  "word counts are for English only")

    def check(self, where, row, check):
        """The check of a reply: a probe's type and its key."""
        kind = check.get("type")
        if self.want(kind in TYPE_KEYS and set(check) == {"type"} | TYPE_KEYS[kind], where, f"check is {check}"):
            getattr(self, "probe_" + kind)(where, row | check)

    def robust(self, rows, harbor_grams):
        self.a_third_chinese(rows, "general/robust.jsonl")
        self.unique(rows, "id")
        for where, row in rows:
            wanted = {"id", "lang", "type", "prompt", "rewordings", "reordered", "check"}
            if not self.want(set(row) == wanted and row["type"] == "robust", where, f"keys are {sorted(row)}"):
                continue
            forms = [row["prompt"], row["reordered"], *row["rewordings"]]
            self.want(len(forms) == 4 == len(set(map(normal, forms))), where, "wanted four different forms")
            self.want(not set().union(*map(ngrams, forms)) & harbor_grams, where, "shares 8 words with examples/harbor")
            self.check(where, row, row["check"])

    def dialogues(self, rows, harbor_grams):
        self.a_third_chinese(rows, "general/dialogues.jsonl")
        self.unique(rows, "id")
        skills = collections.Counter()
        for where, row in rows:
            if not self.want(set(row) == {"id", "lang", "type", "turns"}, where, f"keys are {sorted(row)}"):
                continue
            self.want("check" in row["turns"][-1], where, "the last turn is not checked")
            for turn in row["turns"]:
                self.want(is_text(turn.get("user")), where, "a turn without user")
                self.want(not ngrams(turn["user"]) & harbor_grams, where, "shares 8 words with examples/harbor")
                if "check" in turn:
                    skills[turn.get("skill")] += 1
                    self.check(where, row, turn["check"])
        self.want(set(skills) == SKILLS, "general/dialogues.jsonl", f"skills are {sorted(map(str, skills))}")
        return sum(skills.values())

    def paragraphs(self, rows, harbor_grams):
        self.want(len(rows) >= 24, "general/text.jsonl", f"{len(rows)} rows, wanted 24")
        self.unique(rows, "text")
        chinese = 0
        for where, row in rows:
            text = row.get("text", "")
            is_chinese = re.search(f"[{CJK}]", text) is not None
            chinese += is_chinese
            n, low, high = (len(words(text)), 120, 260) if is_chinese else (len(text.split()), 80, 150)
            self.want(low <= n <= high, where, f"{n} words, wanted {low} to {high}")
            self.want(not ngrams(text) & harbor_grams, where, "shares 8 words with examples/harbor")
        self.want(3 * chinese == len(rows), "general/text.jsonl", f"{chinese} of {len(rows)} in Chinese, wanted a third")

    def run(self):
        train, heldout = self.rows("harbor/train.jsonl"), self.rows("harbor/heldout.jsonl")
        probes = [row for name in ("probes", "tasks", "questions") for row in self.rows(f"general/{name}.jsonl")]
        robust, dialogues = self.rows("general/robust.jsonl"), self.rows("general/dialogues.jsonl")
        text, open_questions = self.rows("general/text.jsonl"), self.rows("general/open.jsonl")
        facts = self.table_of_facts()
        replies = self.train(train, facts)
        messages = [m for _, r in train for m in r.get("messages", [])]
        prompt_grams = set().union(*(ngrams(m["content"]) for m in messages if m["role"] == "user"))
        self.heldout(heldout, facts, replies, prompt_grams)
        harbor = [m["content"] for m in messages]
        harbor += [t for _, r in heldout for t in (r.get("prompt", ""), r.get("answer", ""))]
        harbor_grams = set().union(*(ngrams(t) for t in harbor))
        self.probes(probes, harbor_grams)
        self.paragraphs(text, harbor_grams)
        self.robust(robust, harbor_grams)
        replies = self.dialogues(dialogues, harbor_grams)
        items = len(probes) + 5 * len(robust) + replies + len(text) + len(open_questions)
        self.want(items >= 400, "general", f"{items} items, wanted 400")
        return (f"{len(facts)} facts, {len(train)} train rows, {len(heldout)} held-out rows, "
                f"{items} general items, {len(text)} paragraphs")


def main():
    default = pathlib.Path(__file__).resolve().parent.parent / "examples"
    checker = Checker(pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else default)
    try:
        counts = checker.run()
    except (KeyError, TypeError, AttributeError) as e:
        # A row that lacks a field has been reported already; the later checks cannot go on without it.
        checker.want(False, "examples", f"stopped early: {type(e).__name__} {e}")
        counts = ""
    for fault in checker.faults:
        print(f"check_examples: {fault}", file=sys.stderr)
    if checker.faults:
        return 1
    print(f"check_examples: ok: {counts}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
