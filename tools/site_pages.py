"""What MkDocs is told beside mkdocs.yml: the pages of the site that are not files in docs/.

The README is the site's first page. The references of C and Python are made from the header and the docstrings. A file
of the repository that a page links to, an example or the changelog, becomes a page of its own; so links are written
for those who read the pages in the repository, and hold in the site, too.
"""

import posixpath
import re
import subprocess
import sys
from pathlib import Path

from mkdocs.structure.files import File

ROOT = Path(__file__).resolve().parent.parent
LINK = re.compile(r"(?<=\]\()(?!\w+:|#)([^)#\s]+)")
LANGUAGES = {".c": "c", ".h": "c", ".py": "python", ".sh": "sh"}
PLACES = {"README.md": "index.md", "include/comem.h": "c-reference.md"}
MADE = {"c-reference.md": "c_api_page.py", "python-reference.md": "python_page.py"}


def place(path):
    """Where in the site a file of the repository is, by its path in it."""
    if path in PLACES:
        return PLACES[path]
    if path.startswith("docs/"):
        return path[len("docs/") :]
    return f"repository/{path}" if path.endswith(".md") else f"repository/{path}.md"


def target(path, link):
    """The file of the repository that a link on a page of it is to."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(path), link))


def page_text(path):
    text = (ROOT / path).read_text(encoding="utf-8")
    language = LANGUAGES.get(posixpath.splitext(path)[1], "text")
    return text if path.endswith(".md") else f"# {path}\n\n````{language}\n{text}````\n"


def reached(pages):
    """These pages and all files of the repository that they link to, and so on."""
    waiting, found = list(pages), set()
    while waiting:
        path = waiting.pop()
        if path in found or not (ROOT / path).is_file():  # what is not there is a broken link, which MkDocs will tell
            continue
        found.add(path)
        if path.endswith(".md"):
            waiting += [target(path, link) for link in LINK.findall(page_text(path))]
    return found


def on_files(files, config):
    for path in reached(["README.md"]):
        if not path.startswith("docs/") and place(path) not in MADE:
            files.append(File.generated(config, place(path), content=page_text(path)))
    for name, tool in MADE.items():
        done = subprocess.run([sys.executable, ROOT / "tools" / tool], check=True, stdout=subprocess.PIPE)
        files.append(File.generated(config, name, content=done.stdout.decode()))
    return files


def on_page_markdown(markdown, page, **_):
    """The links of a page to where things are in the site."""
    here = page.file.src_uri
    path = next((path for path in PLACES if PLACES[path] == here), None)
    if path is None:
        path = here[len("repository/") :] if here.startswith("repository/") else f"docs/{here}"
    if here in MADE:
        return markdown
    return LINK.sub(lambda it: posixpath.relpath(place(target(path, it[1])), posixpath.dirname(here) or "."), markdown)
