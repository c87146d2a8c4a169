"""Two processes append to a global list, and the parent prints it: all ten words are there, however processes are started.

    mp_global.py [fork | spawn | forkserver]

comem.var() gives every process of the program the same list, by its name. mp_list_issue.py is the program with a plain
list.
"""

import multiprocessing
import sys

import comem

final_list = comem.var("final_list", [])

input_list_one = ["one", "two", "three", "four", "five"]
input_list_two = ["six", "seven", "eight", "nine", "ten"]


def worker(data):
    for item in data:
        final_list.append(item)


if __name__ == "__main__":
    multiprocessing.set_start_method(sys.argv[1] if len(sys.argv) > 1 else None)  # None: the platform's own

    process1 = multiprocessing.Process(target=worker, args=[input_list_one])
    process2 = multiprocessing.Process(target=worker, args=[input_list_two])

    process1.start()
    process2.start()
    process1.join()
    process2.join()

    print(final_list[:])
