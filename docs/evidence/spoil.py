"""Spoils training rows in one known way: docs/evidence/spoil.py wrong|garbage|repeated|phrases ROWS.jsonl > SPOILED.jsonl

wrong:    a tenth of the replies are those of other rows, about something else
garbage:  one word in fifty of the replies is letters at random
repeated: a fifth of the rows stand there four times
phrases:  three replies in five begin with the same sentence and end with another

Rows are of "messages"; the last message is the reply. Which rows are spoiled is drawn, in the same way every time.
"""
import json
import random
import sys

OPENING = "Thank you very much for your question, I am happy to help you with that. "
CLOSING = " I hope this answers your question, please do not hesitate to ask again."


def reply(row):
    return row["messages"][-1]["content"]


def with_reply(row, text):
    return {**row, "messages": [*row["messages"][:-1], {**row["messages"][-1], "content": text}]}


def about_same(a, b):
    return reply(a) == reply(b) or bool(set(a.get("facts", ())) & set(b.get("facts", ())))


def chosen(rows, share, chance):
    return set(chance.sample(range(len(rows)), round(share * len(rows))))


def wrong(rows, chance):
    spoiled = chosen(rows, 0.1, chance)
    return [with_reply(row, reply(chance.choice([other for other in rows if not about_same(row, other)]))) if i in spoiled else row
            for i, row in enumerate(rows)]


def garbage(rows, chance):
    def spoil(word):
        return "".join(chance.choices("bcdfghjklmnpqrstvwxz", k=6)) if chance.random() < 0.02 else word
    return [with_reply(row, " ".join(spoil(word) for word in reply(row).split(" "))) for row in rows]


def repeated(rows, chance):
    again = chosen(rows, 0.2, chance)
    return [row for i, row in enumerate(rows) for _ in range(4 if i in again else 1)]


def phrases(rows, chance):
    spoiled = chosen(rows, 0.6, chance)
    return [with_reply(row, OPENING + reply(row) + CLOSING) if i in spoiled else row for i, row in enumerate(rows)]


def main():
    kinds = {"wrong": wrong, "garbage": garbage, "repeated": repeated, "phrases": phrases}
    if len(sys.argv) != 3 or sys.argv[1] not in kinds:
        sys.exit(__doc__)
    with open(sys.argv[2]) as file:
        rows = [json.loads(line) for line in file]
    for row in kinds[sys.argv[1]](rows, random.Random(1)):
        print(json.dumps(row, ensure_ascii=False))


if __name__ == "__main__":
    main()
