#!/usr/bin/env python3
"""check_word_stores.py finds each line of these that says `bad`, and no other."""

from check_word_stores import Types, findings

DECLARED = """
struct seat { word64 control; uint64_t plain; };
struct slot { struct seat seat; word64 held[8]; };
struct map { struct slot *slots; uint64_t size; pthread_mutex_t mutex; };
struct slot *slot_at(struct map *map, uint32_t number);
"""

SNIPPETS = {
    "a shared struct is written by words": """
    void f(struct slot *slot, struct map *map) {
        word_store(&slot->held[0], 7);
        word_store(&map->slots[3].seat.control, 1);
        map->size = slot->seat.plain;
        if (slot->seat.plain == 1 || map->slots->seat.plain <= 2)
            map->slots = slot + 1;
        slot = slot_at(map, map->size * 2);
        slot++;
        uint64_t size = sizeof(*slot) * map->size;
        for (struct slot *other = slot; other != NULL; other = slot_at(map, 1)) size++;
    }
    """,
    "an assignment goes through a pointer": """
    void f(struct slot *slot, struct map *map) {
        slot->seat.plain = 1; // bad
        slot->seat.plain += 1; // bad
        slot->seat.plain++; // bad
        --slot[2].seat.plain; // bad
        map->slots->seat.plain = 1; // bad
        map->slots[map->size].seat.plain = 1; // bad
        slot_at(map, 3)->seat.plain |= 4; // bad
    }
    void g(struct other *slot) { slot->plain = 1; }
    """,
    "a struct is copied": """
    void f(struct slot *slot, const struct slot *from, word64 *word) {
        *slot = *from; // bad
        struct slot copy = from[1]; // bad
        slot[1] = copy; // bad
        *word = word[1]; // bad
        *word = (word64){3}; // bad
        uint64_t product = 2 *word_load(word);
        if (x)
            *slot = copy; // bad
    }
    """,
    "bytes are copied": """
    void f(struct slot *slot, char *text) {
        memcpy(slot, text, 8); // bad
        memset(text, 0, 8); /* private: the caller's buffer */
        /* private: the caller's buffer */
        memset(text, 0, 8);
        memset(text, 0, 8); // bad
        __builtin_memmove(slot,
                          text, 8); /* private: no, but the comment says so */
        strcpy(text, "memcpy(a, b, 1)"); // bad
        /* private: */ memset(text, 0, 8); // bad
        if (memcmp(slot, text, 8) == 0) /* memcpy() would do */
            word_fill(slot, text, 8);
    }
    """,
    "atomics and assembler": """
    static _Atomic int seen; // bad
    static _Atomic int known; /* private: a cache */
    void f(word64 *word) {
        __atomic_store_n(&word, 1, 0); // bad
        __sync_synchronize(); // bad
        atomic_thread_fence(memory_order_seq_cst); // bad
        word->value_ = 3; // bad
        __asm__ volatile("" ::: "memory"); // bad
    }
    """,
    "casts": """
    void f(struct slot *slot, char *base, const void *block) {
        *(uint64_t *)(base + 8) = 1; // bad
        *(uint8_t *)base = 1; // bad
        ((char *)slot)[0] = *(const char *)block;
        volatile uint32_t *x = (volatile uint32_t *)slot; // bad
        unsigned long y = *(unsigned long *)block; // bad
        uint64_t z = *(const uint64_t *)block;
        word64 *words = (word64 *)(base + 16);
        if (*(const uint8_t *)block == 1) return (uint64_t)*base;
    }
    """,
    "a pointer to what is private": """
    void plan(struct slot *slot, /* private: on the stack of the caller */
              struct slot *other) {
        slot->seat.plain = 1;
        other->seat.plain = 1; // bad
    }
    """,
}


def test_word_stores():
    types = Types([DECLARED])
    assert types.shared == {"seat", "slot"}
    for name, snippet in SNIPPETS.items():
        expected = [number for number, line in enumerate(snippet.splitlines(), 1) if line.endswith("// bad")]
        found = sorted({line for line, _ in findings(snippet, types)})
        assert found == expected, f"{name}: found {found} instead of {expected}"


if __name__ == "__main__":
    test_word_stores()
