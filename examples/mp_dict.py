"""Three processes count the words of three texts in one dict, and the parent prints how often each word came up.

words.add(word) is one change, so no count is lost; words[word] += 1 would be two, with room for another process between
them. The dict is an argument, so it does not matter how processes are started. mp_dict.c is the same program in C.
"""

import multiprocessing

import comem

texts = [
    "the rain falls on the roof",
    "the cat sleeps on the stairs",
    "and the rain falls on the cat",
]


def worker(words, text):
    for word in text.split():
        words.add(word)


if __name__ == "__main__":
    words = comem.Manager().dict()
    processes = [multiprocessing.Process(target=worker, args=[words, text]) for text in texts]
    for process in processes:
        process.start()
    for process in processes:
        process.join()

    for word, count in sorted(words.items()):
        print(count, word)
