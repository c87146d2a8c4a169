"""Two processes append to a list of multiprocessing's manager, and the parent prints it: all ten words are there.

    python mp_list_unchanged.py              the list lives in a server process, which every append asks
    python -m comem mp_list_unchanged.py     it lives in shared memory, where every process changes it

It imports nothing of comem.
"""

import multiprocessing

input_list_one = ["one", "two", "three", "four", "five"]
input_list_two = ["six", "seven", "eight", "nine", "ten"]


def worker(final_list, data):
    for item in data:
        final_list.append(item)


if __name__ == "__main__":
    with multiprocessing.Manager() as manager:
        final_list = manager.list()

        process1 = multiprocessing.Process(target=worker, args=[final_list, input_list_one])
        process2 = multiprocessing.Process(target=worker, args=[final_list, input_list_two])

        process1.start()
        process2.start()
        process1.join()
        process2.join()

        print(final_list)
