"""Facts to learn by heart, and the same asked in other words, from MedQuAD's rows (abachaa/MedQuAD, one JSON object a line):
docs/evidence/recall.py medquad_en.jsonl FOLDER [ROWS] writes FOLDER/train.jsonl and FOLDER/asked.jsonl

Rows about how common a condition is: ROWS (160) of those with replies of 80 to 320 characters, drawn in the same way every time. A row of
asked.jsonl has the reply of a row of train.jsonl behind another question.
"""
import json
import pathlib
import random
import sys

TAUGHT = "How many people are affected by "
ASKED = ["What is known about the prevalence of {}?", "How common is {} in the population?", "Do you know how often {} occurs?"]


def row(question, reply):
    return json.dumps({"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": reply}]}, ensure_ascii=False)


def main():
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    with open(sys.argv[1]) as file:
        rows = [json.loads(line) for line in file]
    known = {r["focus"]: r for r in rows if r["instruction"].startswith(TAUGHT) and 80 <= len(r["output"]) <= 320}
    chance = random.Random(1)
    picked = chance.sample(sorted(known), int(sys.argv[3]) if len(sys.argv) == 4 else 160)
    folder = pathlib.Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "train.jsonl", "w") as train, open(folder / "asked.jsonl", "w") as asked:
        for i, focus in enumerate(picked):
            reply = known[focus]["output"]
            print(row(f"{TAUGHT}{focus}?", reply), file=train)
            print(row(ASKED[i % len(ASKED)].format(focus), reply), file=asked)


if __name__ == "__main__":
    main()
