#!/usr/bin/env bash
# tests/browser.sh [--keep DIR] [--self-test] [PROGRAM]: makes pages with the program and looks at them in Chromium, on a phone,
# a desktop, in both colour schemes and on paper (tests/browser/run.py). Needs ./dev setup. Last line: N passed, N failed; exit
# code 0 only without failures.
set -euo pipefail
exec python3 "$(dirname "${BASH_SOURCE[0]}")/browser/run.py" "$@"
