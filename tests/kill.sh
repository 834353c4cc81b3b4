#!/usr/bin/env bash
# tests/kill.sh N [PROGRAM]: kills N training runs (SIGKILL) at random times, resumes each, and compares weights and
# metrics with runs that nobody disturbed. Last line: kills, resumes, differences; exit code 0 only without differences.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
exec python3 tests/kill_runs.py "$@"
