"""`python -m docs.site`: build the site, in an environment from `locks/site.txt`. A warning of mkdocs fails it."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

from docs.site.bench_page import write_bench_page
from docs.site.error_tree import PAGE, error_page
from docs.site.navigation import ROOT, SiteError
from docs.site.staging import stage
from tests.locked_environment import locked_python


def main() -> int:
    """Build the site, and return an exit code: 1 where it cannot be built without warnings."""
    parser = argparse.ArgumentParser(prog="python -m docs.site", description=__doc__)
    parser.add_argument(
        "--out", type=Path, default=ROOT / "build" / "site", metavar="FOLDER", help="where the site goes"
    )
    parser.add_argument("--errors", action="store_true", help="write docs/errors.md instead")
    parser.add_argument("--bench", type=Path, metavar="FILE", help="write docs/measurements.md from results instead")
    options = parser.parse_args()
    out: Path = options.out.resolve()
    try:
        if options.errors:
            PAGE.write_text(error_page(), "utf-8")
            return 0
        if options.bench:
            write_bench_page(options.bench)
            return 0
        configuration = stage(ROOT / ".cache" / "pages", out)
    except SiteError as problem:
        print(problem, file=sys.stderr)
        return 1
    python = locked_python("site", above_ours=True)  # ruff, which formats signatures, is ours
    mkdocs = [str(python), "-m", "mkdocs", "build", "--strict", "--clean"]  # --quiet counts no warnings
    command = [*mkdocs, "--config-file", str(configuration)]
    environ = {
        **os.environ,
        "NO_MKDOCS_2_WARNING": "1",  # it tells of plans, and nothing of the site
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=environ, cwd=ROOT)
    if done.returncode:
        print(done.stdout + done.stderr, file=sys.stderr)
        return 1
    print(f"{out}/index.html")
    return 0


if __name__ == "__main__":
    sys.exit(main())
