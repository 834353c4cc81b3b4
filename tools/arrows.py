#!/usr/bin/env python3
"""Checks the shape of src/: the ladder of folders, torch-free folders, cycles, and sizes.

Usage: tools/arrows.py [SRC_DIR]
A folder may include only folders of lower rungs (siblings do not see each other). Functions: at most 80 lines, 95 % of
them at most 40; files: at most 800 lines, 95 % at most 450. Prints one line per fault and one summary line; exit 1 on
any fault. Only the standard library is needed.
"""
import math
import pathlib
import re
import sys

LADDER = {  # bottom up; docs/architecture.md tells what lives where
    "base": 0, "cuda": 0, "gemm": 1,
    "text": 2, "model": 2, "loss": 2, "dist": 2, "report": 2,
    "corpus": 3, "optim": 3, "checkpoint": 3,
    "data": 4, "eval": 5, "doctor": 5, "train": 6, "config": 7, "experiment": 8, "app": 9,
}
TORCH_FREE = ("base", "cuda", "text", "corpus", "config", "report", "checkpoint/format")
TORCH = re.compile(r"(torch|ATen|c10|caffe2)/")
INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', re.M)
NOT_A_FUNCTION = re.compile(r"(^|\W)(namespace|struct|class|enum|union|extern)\b[^()]*$|=\s*$|^\s*$")
FUNCTION_HARD, FUNCTION_P95, FILE_HARD, FILE_P95 = 80, 40, 800, 450


def blank(match):
    return re.sub(r"[^\n]", " ", match.group(0))


def code_only(text):
    """The text with comments, strings and preprocessor lines blanked, line for line. The line ends of a long raw string
    become \\r: it is data (a page, a template), and makes no function longer."""
    text = re.sub(r'R"(\w*)\((.|\n)*?\)\1"', lambda m: blank(m).replace("\n", "\r"), text)
    text = re.sub(r'//[^\n]*|/\*(.|\n)*?\*/|"(\\.|[^"\\\n])*"|(?<![0-9a-fA-F])\'(\\.|[^\'\\\n])+\'', blank, text)
    return re.sub(r"^[ \t]*#(\\\n|[^\n])*", blank, text, flags=re.M)


def functions(text):
    """(first line, lines) of each outermost function body, found by braces; lambdas count with their function."""
    out, stack, head_start, inside, line, data = [], [], 0, None, 1, 0
    for i, c in enumerate(text):
        if c in "\n\r":
            line, data = line + 1, data + (c == "\r")
        elif c == ";" and inside is None:
            head_start = i + 1
        elif c == "{":
            head = text[head_start:i]
            is_function = inside is None and ")" in head and not NOT_A_FUNCTION.search(head)
            stack.append(is_function)
            if is_function:
                begin = line - head.lstrip().count("\n")
                inside = (len(stack), begin, data)
            if inside is None:
                head_start = i + 1
        elif c == "}" and stack:
            if inside and inside[0] == len(stack):
                out.append((inside[1], line - inside[1] + 1 - (data - inside[2])))
                inside = None
            stack.pop()
            if inside is None:
                head_start = i + 1
    return out


def percentile(values, share):
    return sorted(values)[math.ceil(share * len(values)) - 1] if values else 0


def folder_of(path):
    return path.split("/")[0] if "/" in path else None


def check_includes(src, path, includes, edges, faults):
    name = path.relative_to(src).as_posix()
    own = folder_of(name)
    if own not in LADDER:
        return faults.append(f"{name}: folder {own} has no rung in {pathlib.Path(__file__).name}")
    for target in includes:
        if TORCH.match(target) and name.startswith(tuple(f + "/" for f in TORCH_FREE)):
            faults.append(f"{name}: includes {target}; this folder is torch-free")
        other = folder_of(target)
        if other == own or other not in LADDER or not (src / target).exists():
            continue
        edges.setdefault(own, {}).setdefault(other, name)
        if LADDER[other] >= LADDER[own]:
            faults.append(f"{name}: includes {target}; {own} (rung {LADDER[own]}) may not see {other} "
                          f"(rung {LADDER[other]})")


def find_cycles(edges):
    """Every cycle of folders once, as 'a -> b -> a'."""
    found = {}

    def walk(node, path):
        if node in path:
            cycle = path[path.index(node):]
            found.setdefault(frozenset(cycle), " -> ".join(cycle + [node]))
            return
        for other in sorted(edges.get(node, {})):
            walk(other, path + [node])

    for start in sorted(edges):
        walk(start, [])
    return [f"cycle of folders: {text}" for text in found.values()]


def check_sizes(name, text, file_lines, function_lines, faults):
    lines = text.count("\n")
    file_lines.append(lines)
    if lines > FILE_HARD:
        faults.append(f"{name}: {lines} lines, at most {FILE_HARD}")
    for begin, length in functions(code_only(text)):
        function_lines.append(length)
        if length > FUNCTION_HARD:
            faults.append(f"{name}:{begin}: a function of {length} lines, at most {FUNCTION_HARD}")


def main():
    src = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent.parent / "src")
    faults, edges, file_lines, function_lines = [], {}, [], []
    for path in sorted(p for p in src.rglob("*") if p.suffix in (".h", ".cc", ".cu", ".cuh")):
        text = path.read_text(encoding="utf-8")
        check_includes(src, path, INCLUDE.findall(text), edges, faults)
        check_sizes(path.relative_to(src).as_posix(), text, file_lines, function_lines, faults)
    faults += find_cycles(edges)
    p95_function, p95_file = percentile(function_lines, 0.95), percentile(file_lines, 0.95)
    if p95_function > FUNCTION_P95:
        faults.append(f"95 % of the functions: up to {p95_function} lines, wanted {FUNCTION_P95}")
    if p95_file > FILE_P95:
        faults.append(f"95 % of the files: up to {p95_file} lines, wanted {FILE_P95}")
    print("\n".join(faults + [""]) if faults else "", end="")
    print(f"arrows: {len(file_lines)} files (p95 {p95_file}, max {max(file_lines, default=0)} lines), "
          f"{len(function_lines)} functions (p95 {p95_function}, max {max(function_lines, default=0)}), "
          f"{len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
