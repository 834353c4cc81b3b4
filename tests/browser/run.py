"""Looks at the pages that the program writes in a real browser: tests/browser.sh [--keep DIR] [--self-test] [PROGRAM].

First each check is shown to be able to fail, on a small broken page (broken.py); --self-test does only that. Then the pages
of make_pages.py are opened in each view of chromium.py. --keep leaves pages, pictures and PDFs in DIR.
"""
import argparse
import contextlib
import pathlib
import sys
import tempfile
import time

import broken
from chromium import VIEWS, Browser
from make_pages import make_pages

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SHOWN = 6  # complaints of one check of one page


def parse():
    parser = argparse.ArgumentParser(prog="tests/browser.sh")
    parser.add_argument("program", nargs="?", default=str(ROOT / "build/keel"))
    parser.add_argument("--keep", type=pathlib.Path, metavar="DIR")
    parser.add_argument("--self-test", action="store_true")
    return parser.parse_args()


def look_at(browser, page, keep):
    """Prints one line for the page and one for each complaint; (checks that hold, checks that do not)."""
    start = time.monotonic()
    complaints = {}
    for view in VIEWS:
        for check, found in browser.look(page, view, keep).items():
            complaints.setdefault(check, []).extend(f"{page.name} [{view.name}] {check}: {text}" for text in found)
    bad = [found for found in complaints.values() if found]
    good = len(complaints) - len(bad)
    print(f"{'FAIL' if bad else 'ok':4}  {page.name:26} {good} checks hold, {len(bad)} do not  ({time.monotonic() - start:.1f} s)")
    for found in bad:
        print("".join(f"      {text}\n" for text in found[:SHOWN]), end="")
        if len(found) > SHOWN:
            print(f"      … and {len(found) - SHOWN} more")
    sys.stdout.flush()
    return good, len(bad)


@contextlib.contextmanager
def folder(keep):
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="keel-pages-") as name:
            yield pathlib.Path(name)
    else:
        keep.mkdir(parents=True)  # an old one would mix with what is made now
        yield keep.resolve()


def main():
    args = parse()
    with folder(args.keep) as work, contextlib.closing(Browser()) as browser:
        passed, failed = broken.self_test(browser, work)
        if not args.self_test:
            start = time.monotonic()
            pages = make_pages(pathlib.Path(args.program).resolve(), work)
            print(f"ok    {len(pages)} pages were made  ({time.monotonic() - start:.1f} s)", flush=True)
            for page in pages:
                good, bad = look_at(browser, page, work if args.keep else None)
                passed, failed = passed + good, failed + bad
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
