/* death.pml — what every model here shares: threads with slots, and death at any step
 *
 * A slot is an attached thread, numbered by its Promela process. ME is the number by which lock words and claims
 * name it, so that 0 can mean nobody. A store into shared memory is written STEP(store): the thread either does it
 * or is killed before it, as long as deaths are left. MAX_DEATHS is given by the runner. Slot number SLOTS belongs
 * to the janitor, a thread that cannot be killed: it starts when all others have ended or are dead, repairs what they
 * left, and checks that nothing was lost.
 *
 * A model defines SLOTS and FORGET before it includes this file. FORGET resets a thread's local variables, so that
 * two deaths that differ in nothing shared are one state to Spin. A thread's last lines are END_OF_THREAD.
 */
#ifndef MAX_DEATHS
#define MAX_DEATHS 2
#endif

#ifndef MAY_DIE
#define MAY_DIE  true           /* a model's further condition */
#endif

#define ME       (_pid + 1)
#define NOBODY   0
#define JANITOR  SLOTS

bool dead[SLOTS + 1];           /* what the life words say; only death writes it */
byte deaths = 0;
byte ended = 0;                 /* threads that returned or died */

#define OR_DIE                                                                          \
    :: atomic { _pid < SLOTS && deaths < MAX_DEATHS && MAY_DIE ->                       \
                deaths++; dead[_pid] = true; goto killed }

#define STEP(store)                                                                     \
    if                                                                                  \
    :: atomic { store }                                                                 \
    OR_DIE                                                                              \
    fi

#define END_OF_THREAD                                                                   \
killed: atomic { ended++; FORGET }

/* A lock is free, held by a living thread, or held by a dead one. */
#define OWNER_DEAD(lock)  (lock != NOBODY && dead[lock - 1])
