#!/usr/bin/env bash
# tests/faults.sh [each|all|N] [PROGRAM] [LIBRARY]: lets single calls of a training run to the file system fail, or the
# system refuse memory, or the clock be wrong; resumes the run and compares it with one that nothing disturbed
# (tests/fault_runs.py). each: every call fails at least once; all: every call in every way that it can (hours); N: so
# many of the faults of "each", spread evenly. Last line: calls, faults, failures; exit code 0 only without failures.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
exec python3 tests/fault_runs.py "$@"
