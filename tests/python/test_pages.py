"""The scripts on the pages about values and keys print what the pages say."""

import pathlib
import re

import pytest

DOCS = pathlib.Path(__file__).parent.parent.parent / "docs"
SCRIPT = re.compile(r"```python\n(.*?)```\s+prints `([^`]*)`", re.DOTALL)


@pytest.mark.parametrize("name", ["values.md", "keys.md"])
def test_the_scripts_of_a_page_print_what_it_says(name, script_passes):
    scripts = SCRIPT.findall((DOCS / name).read_text(encoding="utf-8"))
    assert len(scripts) == 2
    for script, printed in scripts:
        assert script_passes(script) == printed + "\n"
