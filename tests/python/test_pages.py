"""The scripts on the pages print what the pages say."""

import pathlib
import re

import pytest

DOCS = pathlib.Path(__file__).parent.parent.parent / "docs"
SCRIPT = re.compile(r"```python\n((?:(?!```).)*)```\s+prints `([^`]*)`", re.DOTALL)


@pytest.mark.parametrize(
    "name, count",
    [
        ("globals.md", 2),
        ("stores.md", 1),
        ("values.md", 2),
        ("variables.md", 1),
        ("keys.md", 2),
        ("processes.md", 2),
        ("runner.md", 1),
        ("dicts.md", 1),
        ("how-it-works.md", 1),
        ("limits.md", 1),
        ("format.md", 1), ("tools.md", 1),
    ],
)
def test_the_scripts_of_a_page_print_what_it_says(name, count, script_passes):
    scripts = SCRIPT.findall((DOCS / name).read_text(encoding="utf-8"))
    assert len(scripts) == count
    for script, printed in scripts:
        assert script_passes(script) == printed + "\n"


def test_every_page_is_linked_from_the_readme():
    readme = (DOCS.parent / "README.md").read_text(encoding="utf-8")
    pages = sorted(path.name for path in DOCS.glob("*.md"))
    assert pages and [page for page in pages if f"](docs/{page}" not in readme] == []
