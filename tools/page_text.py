"""Plain text of comments and docstrings as Markdown: what the tools that make pages of sources have in common."""

import re


def escaped(text):
    """The text with nothing in it that Markdown would take for markup, but for what stands in backticks."""
    parts = re.split(r"(`[^`\n]+`)", text)
    parts[::2] = [re.sub(r"([\\*_\[\]<>#|`~])", r"\\\1", part) for part in parts[::2]]
    return "".join(parts)


def fenced(code, language):
    return f"```{language}\n{code}\n```"
