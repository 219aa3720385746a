/*
** gate.h - where the sandbox's threads wait, and what they count. Knows no Lua and no HTTP.
**
** One mutex and one condition: every nap, hold and wait sleeps on it, so one broadcast wakes them all when the server stops.
** Nothing here calls back, so the lock may be taken while the handler's lock is held, never the other way round.
*/
#ifndef AICC_SANDBOX_GATE_H
#define AICC_SANDBOX_GATE_H

#include <pthread.h>
#include <stdbool.h>

struct aicc_gate_counts {
  unsigned long connections;   /* accepted since the start */
  unsigned long requests;      /* whose head arrived since the start */
  unsigned long in_flight;     /* head arrived, answer not yet handed over */
  unsigned long max_in_flight;
  unsigned long arrived;       /* completely, since the log was last cleared */
  unsigned long held;
};

struct aicc_gate {
  pthread_mutex_t lock;
  pthread_cond_t changed;
  bool stopping;
  unsigned long round;  /* grows when held requests are let go */
  struct aicc_gate_counts counts;
};

/* False when the system has no mutex or condition left. */
bool aicc_gate_init(struct aicc_gate *gate);
void aicc_gate_destroy(struct aicc_gate *gate);

/* Wakes everybody; from now on nothing sleeps here. */
void aicc_gate_stop(struct aicc_gate *gate);
bool aicc_gate_stopping(struct aicc_gate *gate);

/* Both sleep, and tell whether the server is still running: for `seconds`; until aicc_gate_release. */
bool aicc_gate_nap(struct aicc_gate *gate, double seconds);
bool aicc_gate_hold(struct aicc_gate *gate);
void aicc_gate_release(struct aicc_gate *gate);

/* Waits until so many requests have arrived and so many are held; false when the time is up or the server stops. */
bool aicc_gate_wait(struct aicc_gate *gate, unsigned long requests, unsigned long held, double seconds);

unsigned long aicc_gate_connect(struct aicc_gate *gate);  /* counts a connection and gives its serial number */
void aicc_gate_enter(struct aicc_gate *gate, bool *inside);
void aicc_gate_leave(struct aicc_gate *gate, bool *inside);  /* once per request; later calls do nothing */
void aicc_gate_set_arrived(struct aicc_gate *gate, unsigned long count);
struct aicc_gate_counts aicc_gate_counts(struct aicc_gate *gate);

#endif
