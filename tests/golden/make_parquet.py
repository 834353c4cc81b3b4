"""Writes data/parquet/: small tables of our own words as Parquet, in the forms that published data sets have.

    python tests/golden/make_parquet.py

Needs pyarrow (26.0.1 made the committed files). tests/corpus/parquet_test.cc reads them.
"""

import decimal
import pathlib

import pyarrow as pa
import pyarrow.parquet as pq

OUT = pathlib.Path(__file__).parent / "data" / "parquet"

MESSAGES = pa.list_(pa.struct([("content", pa.string()), ("role", pa.string())]))


def chat(question, answer):
    return [{"content": question, "role": "user"}, {"content": answer, "role": "assistant"}]


def chats():
    rows = [chat(f"Which berth has ship {n}?", f"Berth {n % 7}, on the north mole. 泊位 {n % 7}。") for n in range(12)]
    return pa.table({
        "id": pa.array(range(12), pa.int64()),
        "messages": pa.array(rows, MESSAGES),
        "source": pa.array(["harbour"] * 12).dictionary_encode(),
    })


def kinds():
    """One row of values, one of nulls."""
    pair = pa.struct([("from", pa.string()), ("value", pa.string())])
    inner = pa.struct([("deep", pa.list_(pa.int32())), ("flag", pa.bool_())])
    return pa.table({
        "prompt": pa.array(["How deep is the basin?", None], pa.large_string()),
        "completion": pa.array(["Nine metres at low water.", "None."], pa.string()),
        "conversations": pa.array([[{"from": "human", "value": "hi"}], None], pa.list_(pair)),
        "nested": pa.array([{"deep": [1, None, 3], "flag": True}, None], inner),
        "empty": pa.array([[], None], pa.list_(pa.string())),
        "pairs": pa.array([[("a", 1), ("b", None)], None], pa.map_(pa.string(), pa.int64())),
        "bytes": pa.array([b"plain", b"\xff"], pa.binary()),
        "half": pa.array([0.5, float("nan")], pa.float64()),
        "small": pa.array([0.1, None], pa.float32()),
        "big": pa.array([2**63 + 1, None], pa.uint64()),
        "day": pa.array([19000, None], pa.date32()),
        "price": pa.array([decimal.Decimal("12.50"), None], pa.decimal128(9, 2)),
    })


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    for codec in ("none", "snappy", "gzip", "zstd", "lz4", "brotli"):
        pq.write_table(chats(), OUT / f"chats-{codec}.parquet", compression=codec, row_group_size=5)
    pq.write_table(kinds(), OUT / "kinds.parquet", compression="zstd", data_page_version="2.0")


if __name__ == "__main__":
    main()
