"""Appends lines to a list and counts their words in a dict that programs share.

    words.py STORE LINE...

words.c is the same program in C, and both work on one store at the same time: whichever comes first makes it.
"""

import sys

import comem


def main(name, *texts):
    with comem.open(name) as store:
        lines = store.list("lines")
        words = store.dict("words")
        for text in texts:
            lines.append(text)
            for word in text.split():
                words.add(word)


if __name__ == "__main__":
    main(*sys.argv[1:])
