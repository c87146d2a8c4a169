"""The pages in docs/, the README and the docstrings: examples do what they say, links lead somewhere."""

import contextlib
import doctest
import importlib.util
import inspect
import pathlib
import re
import sys

import pytest

import comem
import comem.managers

ROOT = pathlib.Path(__file__).parent.parent.parent
PAGES = sorted(str(path.relative_to(ROOT)) for path in [ROOT / "README.md", *ROOT.glob("docs/*.md")])

# A script, and behind it `prints` with a line, or with a block of them.
SCRIPT = re.compile(r"```python\n((?:(?!```).)*)```\s+prints(?: `([^`]*)`|:?\n\n```text\n(.*?)```)", re.DOTALL)

# What tells no result, or one that differs from run to run, by the line it begins with: tested elsewhere, or not run.
WITHOUT_RESULT = {
    ("README.md", "import multiprocessing, comem\n"): "test_paste.py",
    ("docs/dicts.md", "import multiprocessing, comem\n"): "test_examples.py",
    ("docs/tools.md", "# setup.py\n"): "makes what the page shows",
    ("docs/tools.md", "# worker.py\n"): "the same",
}


def page(name):
    return (ROOT / name).read_text(encoding="utf-8")


@pytest.fixture
def no_stores_of_the_pages():
    """Stores that examples make by name are there neither before nor after."""

    def remove():
        for name in ("counters", "demo"):
            with contextlib.suppress(FileNotFoundError):
                comem.unlink(name)

    remove()
    yield
    remove()


@pytest.mark.parametrize("name", PAGES)
def test_the_scripts_of_a_page_print_what_it_says(name, script_passes, no_stores_of_the_pages):
    text = page(name)
    scripts = SCRIPT.findall(text)
    untold = [script for script in re.findall(r"```python\n(.*?)```", text, re.DOTALL)]
    for script, line, lines in scripts:
        untold.remove(script)
        assert script_passes(script) == (lines or line + "\n")
    assert [it for it in untold if (name, it.splitlines(True)[0]) not in WITHOUT_RESULT] == []


def examples(text, name):
    """The examples as typed into an interpreter, also between lines of ```."""
    text = re.sub(r"^```.*$", "", text, flags=re.MULTILINE)
    return doctest.DocTestParser().get_doctest(text, {"comem": comem}, name, name, 0)


@pytest.mark.parametrize("name", [name for name in PAGES if ">>> " in page(name)])
def test_what_a_page_shows_is_what_the_interpreter_prints(name, no_stores_of_the_pages):
    example = examples(page(name), name)
    assert example.examples
    assert doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(example).failed == 0


def test_every_page_is_linked_from_the_readme_and_stands_in_the_site():
    readme, site = page("README.md"), page("mkdocs.yml")
    pages = [pathlib.Path(name).name for name in PAGES if name.startswith("docs/")]
    assert len(pages) > 10
    assert [it for it in pages if f"](docs/{it}" not in readme] == []
    assert [it for it in pages if f": {it}\n" not in site] == []


def anchors(text):
    """What a link may name within a page, as it is made of its headings."""
    text = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", PAGES)
def test_the_links_of_a_page_lead_somewhere(name):
    text = re.sub(r"^```.*?^```", "", page(name), flags=re.DOTALL | re.MULTILINE)
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        target, _, anchor = link.partition("#")
        if re.match(r"\w+:", link):
            continue
        path = (ROOT / name).parent / target if target else ROOT / name
        assert path.exists(), link
        assert not anchor or anchor in anchors(path.read_text(encoding="utf-8")), link


def test_the_readme_quotes_what_the_build_says_when_something_is_missing():
    readme = page("README.md")
    sentence = re.search(r"^    ERROR: Problem encountered: (.*)$", readme, re.MULTILINE)[1]
    assert f"error('{sentence}')" in page("meson.build")
    sentence = re.search(r"^    comem: (.*: apt-get install) ", readme, re.MULTILINE)[1]
    assert sentence in page("tools/bootstrap.sh")


def described():
    """Every public thing of the package, and what is in it, by name."""
    for module in (comem, comem.managers):
        yield module.__name__, module
        for name in dir(module):
            thing = getattr(module, name)
            if name.startswith("_") or inspect.ismodule(thing):
                continue
            yield f"{module.__name__}.{name}", thing
            for member in dir(thing) if isinstance(thing, type) else ():
                yield f"{module.__name__}.{name}.{member}", getattr(thing, member)


def test_the_examples_in_docstrings_do_what_they_say(no_stores_of_the_pages):
    seen, failed = set(), []
    for name, thing in described():
        text = inspect.getdoc(thing) or ""
        if ">>> " in text and text not in seen:
            seen.add(text)
            if doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(examples(text, name)).failed:
                failed.append(name)
    assert seen and failed == []


def tool(name, monkeypatch):
    """A module of tools/, which are no package."""
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    spec = importlib.util.spec_from_file_location(name, ROOT / "tools" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_reference_of_c_has_every_name_of_the_header(monkeypatch):
    header = page("include/comem.h")
    made = "\n\n".join(tool("c_api_page", monkeypatch).page(header))
    declared = set(re.findall(r"^(?:COMEM_API|static inline) .*?\b(comem_\w+)\(", header, re.MULTILINE))
    declared |= set(re.findall(r"^\} (comem_\w+);", header, re.MULTILINE))
    declared |= set(re.findall(r"^#define (COMEM_\w+)", header, re.MULTILINE)) - {"COMEM_H", "COMEM_API"}
    assert len(declared) > 90
    told = set(re.findall(r"`(\w+)`", " ".join(re.findall(r"^### .*$", made, re.MULTILINE))))
    assert declared - told == set()
    links = set(re.findall(r"\]\(#(\w+)\)", made))
    assert links and links - set(re.findall(r'(?:\{ #|<a id=")(\w+)', made)) == set()


def test_the_reference_of_python_has_every_public_name(monkeypatch):
    made = "\n\n".join(tool("python_page", monkeypatch).page())
    names = [*comem.__all__, "open", "unlink", "List.append", "Dict.add", "Value.add", "Store.list"]
    names += ["managers.SyncManager.list"]
    told = set(re.findall(r"{ #(\S+) }$", made, re.MULTILINE)) | set(re.findall(r"\b[A-Z]+\b", comem.__doc__))
    assert [name for name in names if name not in told] == []
