#!/usr/bin/env bash
# Runs fuzz targets, each on its checked-in inputs first and then on new ones for so many seconds (0: none).
#
#   tests/fuzz/run.sh SECONDS [TARGET…]      all targets when none is named
#
# Inputs that reach new code are kept in BUILD/corpus/TARGET for the next run, findings in BUILD/findings/TARGET. BUILD is
# build-fuzz or $KEEL_FUZZ_BUILD. One line a target; the exit code is 1 when anything was found. docs/fuzzing.md tells more.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
build=${KEEL_FUZZ_BUILD:-build-fuzz}
seconds=${1:?usage: tests/fuzz/run.sh SECONDS [TARGET…]}
shift
if [ $# -gt 0 ]; then targets=("$@"); else mapfile -t targets < <(ls tests/fuzz/corpus); fi
one_input_s=10 memory_mb=2048
export ASAN_SYMBOLIZER_PATH=/usr/lib/llvm-14/bin/llvm-symbolizer
scratch=$(mktemp -d)  # the files that readers are given
export TMPDIR=$scratch
trap 'rm -rf "$scratch"' EXIT

# after NAME FILE: the last number behind that word in libFuzzer's output.
after() { grep -aoE "$1:? +[0-9]+" "$2" | tail -n 1 | grep -oE '[0-9]+$' || echo 0; }

failed=0
for target in "${targets[@]}"; do
  program=$build/tests/fuzz/${target}_fuzz kept=$build/corpus/$target findings=$build/findings/$target log=$scratch/log
  [ -x "$program" ] || { echo "$target: no program $program; build it with ./dev build fuzz" >&2; exit 2; }
  mkdir -p "$kept" "$findings"
  # A template may put a namespace into itself; the library counts references and never frees such a ring.
  # The fuzzer's own flag is for its check behind each input, the sanitizer's for the one at the end.
  leaks=1; [ "$target" != template ] || leaks=0
  export ASAN_OPTIONS=quarantine_size_mb=16:detect_leaks=$leaks
  if [ "$seconds" -gt 0 ]; then length=-max_total_time=$seconds; else length=-runs=0; fi
  code=0
  # The program's own warnings would fill the log; what a sanitizer or an exception said comes with the second run below.
  "$program" "$length" -timeout=$one_input_s -rss_limit_mb=$memory_mb -print_final_stats=1 -close_fd_mask=2 -reload=0 \
    -detect_leaks=$leaks "-artifact_prefix=$findings/" "$kept" "tests/fuzz/corpus/$target" >"$log" 2>&1 || code=$?
  printf '%-12s %9d executions, %6d edges, %6d features, %4d MB%s\n' "$target" "$(after number_of_executed_units "$log")" \
    "$(after cov "$log")" "$(after ft "$log")" "$(after peak_rss_mb "$log")" "$([ "$code" -eq 0 ] || echo ", FINDING")"
  [ "$code" -eq 0 ] && continue
  failed=1
  input=$(grep -ao "$findings/[a-z]*-[0-9a-f]*" "$log" | tail -n 1)
  if [ -z "$input" ]; then tail -n 40 "$log"; continue; fi
  echo "  $program $input says:"
  timeout 60 "$program" -timeout=$one_input_s -rss_limit_mb=$memory_mb "$input" 2>&1 | tail -n 60 | sed 's/^/    /'
done
exit "$failed"
