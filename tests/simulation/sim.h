// SPDX-License-Identifier: EUPL-1.2
// The simulated machine: one thread, one virtual clock, one seeded source of chance, one heap of events.
// Processes of the product live in it. Their real code runs unchanged; what is replaced, at link time, is
// what it stands on: libuv's timers (seam_uv.c), io/db.h (seam_db.c, in front of a model of the tables),
// io/fetch.h (seam_fetch.c, in front of model peers), and the small things of a process (seam_process.c).
//
// A run is a function of its seed alone. It is made twice when it fails: the second time with a trace.
#pragma once
#include "base/attr.h"
#include "base/list.h"
#include "io/service.h"
#include <stdbool.h>
#include <stdint.h>

// ---------------------------------------------------------------- faults

// Each seed may use a random half of them (swarm testing: what never happens lets other things pile up).
enum sim_fault {
    FAULT_DB_SLOW,        // statements and answers take up to 12 s, beyond the caller's patience
    FAULT_DB_REFUSED,     // a transient SQL state: rolled back
    FAULT_DB_LOST,        // the connection breaks before or after the commit
    FAULT_DB_LATE,        // what its caller has given up runs later, while the server lives
    FAULT_DB_DOWN,        // the server is gone for a while
    FAULT_DB_NOT_DURABLE, // committed, but the wait for the standby was cancelled
    FAULT_NOTIFY_LOST,    // a wake-up does not come
    FAULT_CRASH,          // kill -9
    FAULT_FREEZE,         // stopped for up to 40 s, beyond the lease
    FAULT_RESTART,        // a planned stop
    FAULT_STANDBY,        // a second process waits for the lease
    FAULT_NET_REFUSED,    // no connection to the peer
    FAULT_NET_LOST,       // request or answer lost on the way
    FAULT_PEER_ERROR,     // 5xx for a while
    FAULT_PEER_THROTTLE,  // 429, with and without Retry-After
    FAULT_PEER_SLOW,      // seconds, up to beyond the limit
    FAULT_PEER_DEAD,      // nobody answers, for longer than the schedule
    FAULT_PEER_GONE,      // webhook: 410. sms: refuses for good
    FAULT_PEER_ABORT,     // webhook: abort-message. sms: a late or double receipt
    FAULT_POISON,         // one dossier that the peer never takes
    FAULT_OPERATOR,       // pauses and wakes endpoints; opts people out
    FAULT_REPLAY,         // people ask for events again
    FAULT_NO_MEMORY,      // malloc() says no, now and then
    FAULT_COUNT,
};
bool sim_has(enum sim_fault fault);
const char *sim_fault_name(enum sim_fault fault);
// The safety phase is over: nothing breaks any more.
void sim_heal(void);
bool sim_healed(void);

// ---------------------------------------------------------------- chance, clock, events

uint64_t sim_random(void);
uint64_t sim_below(uint64_t bound);
int64_t sim_between(int64_t low, int64_t high); // both included
bool sim_chance(unsigned in_a_thousand);

#define SIM_WALL_0 INT64_C(1795221000000) // 2026-11-21T00:30:00Z, 07:30 in Việt Nam

struct process;
typedef void (*sim_run)(void *arg, uint64_t tag);
int64_t sim_now(void);  // monotonic
int64_t sim_wall(void); // unix
// Runs in the process p (NULL: in the world outside), unless it has died since; when it is frozen, later.
void sim_after(struct process *p, int64_t delay_ms, sim_run run, void *arg, uint64_t tag);
// The next event, at most at `until`; false: there is none, and it is `until`.
bool sim_step(int64_t until);
uint64_t sim_event_count(void);

// ---------------------------------------------------------------- what is said about a run

extern bool sim_tracing;
#define sim_trace(...) (sim_tracing ? sim_say(__VA_ARGS__) : (void)0)
void sim_say(const char *format, ...) PRINTF_LIKE(1, 2);
// An invariant is broken: ends the run.
_Noreturn void sim_fail(const char *format, ...) PRINTF_LIKE(1, 2);
struct log_field;
extern void (*sim_heard)(const char *event, const struct log_field *fields); // what services log; may be NULL
#define SIM_CHECK(condition, ...) ((condition) ? (void)0 : sim_fail(__VA_ARGS__))

// ---------------------------------------------------------------- processes

struct role {
    size_t size; // of the service's struct
    struct service (*service)(void *ctx);
    void (*forget)(void *ctx); // frees what libraries of others hold for a process that was killed
};

struct process {
    const char *name;
    const struct role *role;
    uint64_t life; // rises with each start
    bool alive, stopping;
    int64_t frozen_until;
    struct list memory; // all it has allocated (memory.c)
    struct service service;
    void *ctx;
    struct db *db;
    int64_t started_at;
    unsigned pid;
};

extern struct process *process_now; // whose code is running; NULL: the world's
void process_init(struct process *p, const char *name, const struct role *role);
void process_start(struct process *p);
void process_kill(struct process *p);
void process_stop(struct process *p); // asks it to
void process_freeze(struct process *p, int64_t ms);

// ---- memory.c
size_t memory_count(const struct list *owner, size_t *ret_bytes);
void memory_free_all(struct list *owner);
extern struct list memory_of_world;

// ---- seam_db.c
struct db_op;
void db_server_down(struct process *const *processes, unsigned count);
void db_server_up(struct process *const *processes, unsigned count);
void db_notify(struct process *const *processes, unsigned count, const char *channel);
void db_forget(void); // a new run

// ---- seam_fetch.c
struct peer_request {
    const struct process *process;
    uint64_t life;
    int64_t decided; // when the process started it
    const char *url, *body;
    size_t body_len;
};
struct peer_answer {
    int status;
    int64_t delay_ms;
    bool lost;
    char retry_after[16], directive[24], body[64];
};
struct peer {
    bool (*reachable)(const char *url);
    // The first byte is about to leave; and the request has arrived.
    void (*departs)(const struct peer_request *r);
    void (*arrives)(const struct peer_request *r, struct peer_answer *ret_answer);
    // The process has taken notice of the end.
    void (*ended)(const struct peer_request *r, int outcome, int status, const char *retry_after);
};
extern const struct peer *fetch_peer;

// ---- seam_process.c: configuration of the processes of a run
struct sim_knobs {
    int64_t in_flight, per_endpoint, timeout_ms, connect_ms, speed, window, quiet_from, quiet_to;
};
extern struct sim_knobs sim_knobs;
extern char sim_keys[]; // directory of the key ring

// ---- the cores: one run each; they end in sim_fail() or return
void run_webhook(void);
void run_sms(void);
void sms_prepare(void); // once a program: sealing draws random bytes, which may not be a run's
void run_fold(void);
