#!/usr/bin/env bash
# Everything that must hold before a change goes in; ./dev check and ./dev test call it.
#
#   tools/check.sh [--ci]
#
# Order by cost: format, arrows and sizes, example data, build, tests, benchmarks. Every step prints its time. The last
# line is 'N passed, N failed[, N skipped]'; a step that is not a test program counts as one. Exit code 1 on any failure.
# --ci also runs the steps of ci_steps below: add a function there (see step_examples for its form).
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
deps=${KEEL_DEPS:-$PWD/.deps}
build=${KEEL_BUILD:-build}
export KEEL_FUZZ_BUILD=${KEEL_FUZZ_BUILD:-build-fuzz}
test_limit_s=900  # one test program; longer means that it hangs
fuzz_s=8          # new inputs, for each target
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT

steps=(format arrows examples build tests bridge bench)
ci_steps=(cuda kills pages sanitizers fuzz threads demo workloads)

passed=0 failed=0 skipped=0 built=1
[ "${1:-}" = --ci ] && steps+=("${ci_steps[@]}")

# verdict NAME EXIT_CODE START [LOG]: counts one check, says its time, shows the end of the log of a failed one.
verdict() {
  local word=ok
  if [ "$2" -eq 0 ]; then passed=$((passed + 1)); else failed=$((failed + 1)); word=FAIL; fi
  printf '%-4s  %-24s %4d s\n' "$word" "$1" $((SECONDS - $3))
  if [ "$2" -ne 0 ] && [ -n "${4:-}" ]; then tail -n 60 "$4" | sed 's/^/      /'; fi
}

# once NAME COMMAND…: a check that is one command.
once() {
  local name=$1 start=$SECONDS code=0
  shift
  "$@" >"$logs/$name" 2>&1 || code=$?
  verdict "$name" "$code" "$start" "$logs/$name"
}

check_format() {
  local file code=0
  while read -r file; do
    [ -e "$file" ] || continue  # deleted, but not yet in the index
    clang-format --dry-run -Werror "$file" >/dev/null 2>&1 || { code=1; echo "clang-format -i $file"; }
  done < <(git ls-files -co --exclude-standard -- 'src/*.h' 'src/*.cc' 'src/*.cu' 'tests/*.h' 'tests/*.cc' 'bench/*.h' 'bench/*.cc')
  return "$code"
}

step_format() { once format check_format; }
step_arrows() { once arrows python3 tools/arrows.py; tail -n 1 "$logs/arrows" | sed 's/^/      /'; }
step_examples() { once examples python3 tools/check_examples.py; }

step_build() {
  local start=$SECONDS code=0
  if [ "$build" = build ]; then ./dev build release all || code=$?; else cmake --build "$build" || code=$?; fi
  [ "$code" -eq 0 ] || built=0
  verdict build "$code" "$start"
}

# list_tests BUILD: prints 'NAME<tab>PROGRAM' for each test that the build registered.
list_tests() {
  ctest --test-dir "$1" --show-only=json-v1 | python3 -c '
import json, sys
for test in json.load(sys.stdin)["tests"]:
    print(test["name"], test.get("command", ["missing"])[0], sep="\t")'
}

# Reads a GoogleTest XML report: prints 'passed failed skipped', then a line for each failed test ("F name") and for
# each skipped one ("S reason").
read_report() {
  python3 - "$1" <<'PY'
import sys, xml.etree.ElementTree as tree
good, bad, skip = 0, [], []
for case in tree.parse(sys.argv[1]).iter("testcase"):
    reason = case.find("skipped")
    if case.find("failure") is not None:
        bad.append(case.get("classname") + "." + case.get("name"))
    elif reason is not None or case.get("result") in ("skipped", "suppressed"):
        text = "" if reason is None else reason.get("message", "").strip()
        skip.append(text.splitlines()[-1] if text else "disabled")
    else:
        good += 1
print(good, len(bad), len(skip))
for name in bad: print("F", name)
for text in skip: print("S", text)
PY
}

# run_gtest NAME PROGRAM: adds its tests to the sums.
run_gtest() {
  local start=$SECONDS code=0 report=$logs/$1.xml good=0 bad=0 skip=0
  timeout "$test_limit_s" "$2" --gtest_brief=1 "--gtest_output=xml:$report" >"$logs/$1.log" 2>&1 || code=$?
  read_report "$report" >"$logs/$1.sum" 2>/dev/null && read -r good bad skip <"$logs/$1.sum"
  # A crash, a hang or a program without any test is a failure too, whatever its report says.
  if [ "$bad" -eq 0 ] && { [ "$code" -ne 0 ] || [ $((good + skip)) -eq 0 ]; }; then bad=1; fi
  passed=$((passed + good)) failed=$((failed + bad)) skipped=$((skipped + skip))
  printf '%-4s  %-24s %4d s   %d passed, %d failed, %d skipped\n' \
    "$([ "$bad" -eq 0 ] && echo ok || echo FAIL)" "$1" $((SECONDS - start)) "$good" "$bad" "$skip"
  [ "$bad" -eq 0 ] && return
  grep '^F ' "$logs/$1.sum" | sed 's/^F/      failed:/'
  [ "$code" -eq 124 ] && echo "      stopped after $test_limit_s s"
  tail -n 60 "$logs/$1.log" | sed 's/^/      /'
}

# run_tests BUILD [PREFIX]: the test programs of that build; their names in the output begin with the prefix.
run_tests() {
  local name program
  list_tests "$1" >"$logs/tests" || { verdict tests 1 "$SECONDS"; return; }
  [ -s "$logs/tests" ] || { echo "      no test is registered in $1"; verdict tests 1 "$SECONDS"; }
  while IFS=$'\t' read -r name program; do run_gtest "${2:-}$name" "$program"; done <"$logs/tests"
}

step_tests() { run_tests "$build"; }

step_bridge() {
  local start=$SECONDS code=0 good bad ignored
  ZSTD_SYS_USE_PKG_CONFIG=1 cargo test --quiet --release --locked --manifest-path bridge/Cargo.toml --target-dir "$deps/cargo-target" \
    >"$logs/bridge" 2>&1 || code=$?
  read -r good bad ignored < <(awk '/^test result:/ { g += $4; b += $6; i += $8 } END { print g+0, b+0, i+0 }' "$logs/bridge")
  if [ "$bad" -eq 0 ] && { [ "$code" -ne 0 ] || [ "$good" -eq 0 ]; }; then bad=1; fi
  passed=$((passed + good)) failed=$((failed + bad)) skipped=$((skipped + ignored))
  printf '%-4s  %-24s %4d s   %d passed, %d failed, %d skipped\n' \
    "$([ "$bad" -eq 0 ] && echo ok || echo FAIL)" bridge $((SECONDS - start)) "$good" "$bad" "$ignored"
  [ "$bad" -eq 0 ] || tail -n 60 "$logs/bridge" | sed 's/^/      /'
}

# Benchmarks only have to run; their numbers are looked at with ./dev bench.
step_bench() {
  if [ ! -x "$build/bench/keel_bench" ]; then echo "      no benchmarks are built yet"; return; fi
  once kernels timeout "$test_limit_s" "$build/bench/keel_bench" --benchmark_min_time=0.01 --benchmark_filter='TinyStories|Head'
}

# The demo's promise: plain SFT of a real model learns the harbour. Its output is kept in sight: it is the product.
step_demo() {
  local start=$SECONDS code=0
  { ./dev model smollm2-135m && timeout 2400 "$build/keel" demo --arms plain --min_gain 20; } 2>&1 | sed -u 's/^/      /' || code=$?
  verdict demo "$code" "$start"
}

# Of a real model that the demo has fetched: training, its roofline, answers.
step_workloads() { once workloads ./dev bench W0 W8 && sed 's/^/      /' "$logs/workloads"; }

# sanitized_build NAME PRESET BUILD [TARGET…]
sanitized_build() {
  local name=$1 preset=$2 dir=$3 start=$SECONDS code=0
  shift 3
  { cmake --preset "$preset" -B "$dir" -DKEEL_DEPS="$deps" && cmake --build "$dir" ${1:+--target "$@"}; } >"$logs/$name" 2>&1 || code=$?
  verdict "$name" "$code" "$start" "$logs/$name"
  return "$code"
}

# Tests of size and speed would take minutes under a sanitizer.
slow_tests='*100Megabytes*:*StayQuick:*LargeArchives*:SharedData.*'

# The folders without libtorch: addresses, undefined behaviour, leaks.
step_sanitizers() {
  sanitized_build build-asan fuzz "$KEEL_FUZZ_BUILD" || return
  GTEST_FILTER="-$slow_tests" run_tests "$KEEL_FUZZ_BUILD" asan-
}

# The same build has the fuzz targets.
step_fuzz() { once fuzz tests/fuzz/run.sh "$fuzz_s"; sed 's/^/      /' "$logs/fuzz"; }

# Data races in what reads data on several threads. The Rust crate, which reads Parquet, cannot be seen into.
step_threads() {
  local name
  sanitized_build build-tsan tsan build-tsan base_test corpus_test || return
  for name in base corpus; do
    GTEST_FILTER="-$slow_tests:*Parquet*" run_gtest "tsan-$name" "build-tsan/tests/$name/${name}_test"
  done
}

# The GPU kernels compile; that needs no GPU.
step_cuda() { once cuda ./dev build cuda keel_cuda; }

# Runs killed at random times, resumed and compared with undisturbed ones.
step_kills() { once kills tests/kill.sh 20 "$build/keel"; tail -n 1 "$logs/kills" | sed 's/^/      /'; }

# The pages that the program writes, in a real browser.
step_pages() { once pages tests/browser.sh "$build/keel"; tail -n 1 "$logs/pages" | sed 's/^/      /'; }

skip_reasons() {
  cat "$logs"/*.sum 2>/dev/null | sed -n 's/^S //p' | sort | uniq -c | sort -rn >"$logs/reasons"
  [ -s "$logs/reasons" ] || return 0
  echo "skipped, because:"
  head -n 12 "$logs/reasons"
  [ "$(wc -l <"$logs/reasons")" -le 12 ] || echo "      … and $(($(wc -l <"$logs/reasons") - 12)) more reasons"
}

begin=$SECONDS
for step in "${steps[@]}"; do
  case $step in
    format | arrows | examples | build) ;;
    *) if [ "$built" -eq 0 ]; then echo "      left out, as the build failed: $step"; continue; fi ;;
  esac
  "step_$step"
done
skip_reasons
printf 'all of it: %d s\n' $((SECONDS - begin))
summary="$passed passed, $failed failed"
[ "$skipped" -eq 0 ] || summary+=", $skipped skipped"
echo "$summary"
[ "$failed" -eq 0 ]
