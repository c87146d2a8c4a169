"""Two processes append to a global list, and the parent prints it: nothing has arrived.

Each process has its own copy of final_list. mp_list.py is the same program with a list that both share.
"""

import multiprocessing
import sys

final_list = []

input_list_one = ["one", "two", "three", "four", "five"]
input_list_two = ["six", "seven", "eight", "nine", "ten"]


def worker(data):
    for item in data:
        final_list.append(item)


if __name__ == "__main__":
    if sys.version_info >= (3, 14):
        # The default is forkserver from 3.14 on, whose children do not have this process's variables.
        multiprocessing.set_start_method("fork")

    process1 = multiprocessing.Process(target=worker, args=[input_list_one])
    process2 = multiprocessing.Process(target=worker, args=[input_list_two])

    process1.start()
    process2.start()
    process1.join()
    process2.join()

    print(final_list)
