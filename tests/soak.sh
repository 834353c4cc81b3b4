#!/usr/bin/env bash
# tests/soak.sh [MINUTES] [PROGRAM]: trains for so long (120), with evaluations, samples, replay and checkpoints, and looks
# whether memory, threads and open files of the process stay what they were. Last line: how long, how many steps, flat or
# growing; exit code 0 only when flat.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
exec python3 tests/soak_run.py "$@"
