"""`make docs` writes the pages that are generated from the code; with `--check` it only compares them.

    python -m genesys_assets_tests.generated [--check]

Exit codes: 0 all pages match the code, 1 a page is stale.
"""

from __future__ import annotations

import sys

from genesys_assets_tests.generated.pages import PAGES, stale


def main(arguments: list[str]) -> int:
    outdated = stale()
    if "--check" not in arguments:
        for path in outdated:
            path.write_text(PAGES[path]())
            print(f"{path} was written.")
        return 0
    for path in outdated:
        print(f"{path} is stale: run `make docs`, and commit what it wrote.", file=sys.stderr)
    return 1 if outdated else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
