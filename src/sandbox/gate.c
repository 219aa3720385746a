/*
** gate.c - waiting and counting under one lock. See gate.h.
*/
#include "gate.h"

#include <string.h>

#include "sys.h"

bool aicc_gate_init(struct aicc_gate *gate) {
  memset(gate, 0, sizeof *gate);
  if (!aicc_sys_make_condition(&gate->changed)) return false;
  if (pthread_mutex_init(&gate->lock, NULL) == 0) return true;
  pthread_cond_destroy(&gate->changed);
  return false;
}

void aicc_gate_destroy(struct aicc_gate *gate) {
  pthread_cond_destroy(&gate->changed);
  pthread_mutex_destroy(&gate->lock);
}

void aicc_gate_stop(struct aicc_gate *gate) {
  pthread_mutex_lock(&gate->lock);
  gate->stopping = true;
  pthread_cond_broadcast(&gate->changed);
  pthread_mutex_unlock(&gate->lock);
}

bool aicc_gate_stopping(struct aicc_gate *gate) {
  pthread_mutex_lock(&gate->lock);
  bool stopping = gate->stopping;
  pthread_mutex_unlock(&gate->lock);
  return stopping;
}

bool aicc_gate_nap(struct aicc_gate *gate, double seconds) {
  struct timespec until = aicc_sys_moment(seconds);
  pthread_mutex_lock(&gate->lock);
  while (!gate->stopping && pthread_cond_timedwait(&gate->changed, &gate->lock, &until) == 0) continue;
  bool running = !gate->stopping;
  pthread_mutex_unlock(&gate->lock);
  return running;
}

bool aicc_gate_hold(struct aicc_gate *gate) {
  pthread_mutex_lock(&gate->lock);
  unsigned long round = gate->round;
  gate->counts.held++;
  pthread_cond_broadcast(&gate->changed);
  while (!gate->stopping && gate->round == round) pthread_cond_wait(&gate->changed, &gate->lock);
  bool running = !gate->stopping;
  pthread_mutex_unlock(&gate->lock);
  return running;
}

/* The count falls here and not where each sleeper wakes, so that a wait for the *next* held request never sees the old ones. */
void aicc_gate_release(struct aicc_gate *gate) {
  pthread_mutex_lock(&gate->lock);
  gate->round++;
  gate->counts.held = 0;
  pthread_cond_broadcast(&gate->changed);
  pthread_mutex_unlock(&gate->lock);
}

bool aicc_gate_wait(struct aicc_gate *gate, unsigned long requests, unsigned long held, double seconds) {
  struct timespec until = aicc_sys_moment(seconds);
  int rc = 0;
  pthread_mutex_lock(&gate->lock);
  bool reached = gate->counts.arrived >= requests && gate->counts.held >= held;
  while (!reached && !gate->stopping && rc == 0) {
    rc = pthread_cond_timedwait(&gate->changed, &gate->lock, &until);
    reached = gate->counts.arrived >= requests && gate->counts.held >= held;
  }
  pthread_mutex_unlock(&gate->lock);
  return reached;
}

unsigned long aicc_gate_connect(struct aicc_gate *gate) {
  pthread_mutex_lock(&gate->lock);
  unsigned long serial = ++gate->counts.connections;
  pthread_mutex_unlock(&gate->lock);
  return serial;
}

void aicc_gate_enter(struct aicc_gate *gate, bool *inside) {
  pthread_mutex_lock(&gate->lock);
  *inside = true;
  gate->counts.requests++;
  gate->counts.in_flight++;
  if (gate->counts.in_flight > gate->counts.max_in_flight) gate->counts.max_in_flight = gate->counts.in_flight;
  pthread_mutex_unlock(&gate->lock);
}

void aicc_gate_leave(struct aicc_gate *gate, bool *inside) {
  pthread_mutex_lock(&gate->lock);
  if (*inside) gate->counts.in_flight--;
  *inside = false;
  pthread_mutex_unlock(&gate->lock);
}

void aicc_gate_set_arrived(struct aicc_gate *gate, unsigned long count) {
  pthread_mutex_lock(&gate->lock);
  if (gate->counts.arrived != count) {
    gate->counts.arrived = count;
    pthread_cond_broadcast(&gate->changed);
  }
  pthread_mutex_unlock(&gate->lock);
}

struct aicc_gate_counts aicc_gate_counts(struct aicc_gate *gate) {
  pthread_mutex_lock(&gate->lock);
  struct aicc_gate_counts counts = gate->counts;
  pthread_mutex_unlock(&gate->lock);
  return counts;
}
