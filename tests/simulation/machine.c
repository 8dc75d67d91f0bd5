// SPDX-License-Identifier: EUPL-1.2
// Chance, clock, events and processes (sim.h), and main(): seeds in, verdict out.
#include "simulation/sim.h"

#include "base/check.h"
#include "base/clock.h"
#include "io/crypto.h"

#include <ftw.h>
#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define TRACE_LINES 4000
#define TRACE_WIDTH 256
#define EVENTS_MAX  (20u << 20) // of one run: more is a loop without end

struct event {
    int64_t at;
    uint64_t order;
    struct process *process;
    uint64_t life;
    sim_run run;
    void *arg;
    uint64_t tag;
};

static struct {
    uint64_t seed, random[2], order, count, digest;
    uint32_t faults;
    bool healed;
    int64_t now;
    struct event *heap;
    size_t heap_len, heap_cap;
    const char *core;
    jmp_buf end;
    char verdict[512];
} run;

static struct {
    char lines[TRACE_LINES][TRACE_WIDTH];
    size_t count;
} trace;

struct process *process_now;
bool sim_tracing;

// ---------------------------------------------------------------- chance

static uint64_t splitmix(uint64_t *state)
{
    uint64_t z = (*state += 0x9E3779B97F4A7C15U);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
    return z ^ (z >> 31);
}

uint64_t sim_random(void) // xoroshiro128+
{
    uint64_t a = run.random[0], b = run.random[1], sum = a + b;
    b ^= a;
    run.random[0] = ((a << 24) | (a >> 40)) ^ b ^ (b << 16);
    run.random[1] = (b << 37) | (b >> 27);
    return sum;
}

uint64_t sim_below(uint64_t bound)
{
    return (sim_random() >> 11) % bound;
}

int64_t sim_between(int64_t low, int64_t high)
{
    return low + (int64_t)sim_below((uint64_t)(high - low) + 1);
}

bool sim_chance(unsigned in_a_thousand)
{
    return sim_below(1000) < in_a_thousand;
}

static const char *const fault_names[FAULT_COUNT] = {
    [FAULT_DB_SLOW] = "db-slow",
    [FAULT_DB_REFUSED] = "db-refused",
    [FAULT_DB_LOST] = "db-lost",
    [FAULT_DB_LATE] = "db-late",
    [FAULT_DB_DOWN] = "db-down",
    [FAULT_DB_NOT_DURABLE] = "db-local",
    [FAULT_NOTIFY_LOST] = "notify-lost",
    [FAULT_CRASH] = "crash",
    [FAULT_FREEZE] = "freeze",
    [FAULT_RESTART] = "restart",
    [FAULT_STANDBY] = "standby",
    [FAULT_NET_REFUSED] = "net-refused",
    [FAULT_NET_LOST] = "net-lost",
    [FAULT_PEER_ERROR] = "peer-error",
    [FAULT_PEER_THROTTLE] = "peer-throttle",
    [FAULT_PEER_SLOW] = "peer-slow",
    [FAULT_PEER_DEAD] = "peer-dead",
    [FAULT_PEER_GONE] = "peer-gone",
    [FAULT_PEER_ABORT] = "peer-abort",
    [FAULT_POISON] = "poison",
    [FAULT_OPERATOR] = "operator",
    [FAULT_REPLAY] = "replay",
    [FAULT_NO_MEMORY] = "no-memory",
};

const char *sim_fault_name(enum sim_fault fault)
{
    return fault_names[fault];
}

bool sim_has(enum sim_fault fault)
{
    return !run.healed && (run.faults >> fault & 1U) != 0;
}

void sim_heal(void)
{
    run.healed = true;
}

bool sim_healed(void)
{
    return run.healed;
}

// ---------------------------------------------------------------- time and events

int64_t sim_now(void)
{
    return run.now;
}

int64_t sim_wall(void)
{
    return SIM_WALL_0 + run.now;
}

uint64_t sim_event_count(void)
{
    return run.count;
}

static bool before(const struct event *a, const struct event *b)
{
    return a->at != b->at ? a->at < b->at : a->order < b->order;
}

static void push(struct event e)
{
    if (run.heap_len == run.heap_cap) {
        struct process *whose = process_now;
        process_now = NULL;
        run.heap_cap = run.heap_cap ? 2 * run.heap_cap : 1024;
        run.heap = realloc(run.heap, run.heap_cap * sizeof *run.heap);
        process_now = whose;
        if (!run.heap)
            abort();
    }
    size_t i = run.heap_len++;
    while (i > 0 && before(&e, &run.heap[(i - 1) / 2])) {
        run.heap[i] = run.heap[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    run.heap[i] = e;
}

static struct event pop(void)
{
    struct event first = run.heap[0], last = run.heap[--run.heap_len];
    size_t i = 0;
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= run.heap_len)
            break;
        if (child + 1 < run.heap_len && before(&run.heap[child + 1], &run.heap[child]))
            child++;
        if (!before(&run.heap[child], &last))
            break;
        run.heap[i] = run.heap[child];
        i = child;
    }
    if (run.heap_len > 0)
        run.heap[i] = last;
    return first;
}

void sim_after(struct process *p, int64_t delay_ms, sim_run what, void *arg, uint64_t tag)
{
    push((struct event){.at = run.now + (delay_ms > 0 ? delay_ms : 0),
                        .order = run.order++,
                        .process = p,
                        .life = p ? p->life : 0,
                        .run = what,
                        .arg = arg,
                        .tag = tag});
}

bool sim_step(int64_t until)
{
    if (run.heap_len == 0 || run.heap[0].at > until) {
        run.now = until;
        return false;
    }
    struct event e = pop();
    run.now = e.at;
    struct process *p = e.process;
    if (p && (!p->alive || p->life != e.life))
        return true;
    if (p && p->frozen_until > run.now) { // as if the kernel had kept it
        e.at = p->frozen_until;
        push(e);
        return true;
    }
    SIM_CHECK(++run.count < EVENTS_MAX, "more than %u events: it runs in circles", EVENTS_MAX);
    run.digest = (run.digest ^ (uint64_t)e.at ^ e.order << 20) * 0x9E3779B97F4A7C15U;
    process_now = p;
    e.run(e.arg, e.tag);
    process_now = NULL;
    return true;
}

// ---------------------------------------------------------------- processes

void process_init(struct process *p, const char *name, const struct role *role)
{
    *p = (struct process){.name = name, .role = role};
    list_init(&p->memory);
}

static void start_service(void *arg, uint64_t tag)
{
    static uv_loop_t loop;
    struct process *p = arg;
    (void)tag;
    p->ctx = calloc(1, p->role->size);
    int err = -1;
    if (p->ctx) {
        p->service = p->role->service(p->ctx);
        err = p->service.start(&loop, p->ctx);
    }
    if (err) // as its supervisor would see it
        process_kill(p);
}

void process_start(struct process *p)
{
    sim_trace("%s starts", p->name);
    p->life++;
    p->alive = true;
    p->stopping = false;
    p->frozen_until = 0;
    p->started_at = run.now;
    p->pid = 1000 + (unsigned)p->life * 2 + (p->name[0] == 'A');
    p->ctx = NULL;
    sim_after(p, 0, start_service, p, 0);
}

void process_kill(struct process *p)
{
    if (!p->alive)
        return;
    sim_trace("%s is killed", p->name);
    p->alive = false;
    p->db = NULL;
    if (p->ctx)
        p->role->forget(p->ctx);
    p->ctx = NULL;
    memory_free_all(&p->memory);
}

static void stop_service(void *arg, uint64_t tag)
{
    struct process *p = arg;
    (void)tag;
    p->service.stop(p->ctx);
}

void process_stop(struct process *p)
{
    if (!p->alive || p->stopping || !p->ctx)
        return;
    sim_trace("%s is asked to stop", p->name);
    p->stopping = true;
    sim_after(p, 0, stop_service, p, 0);
}

void process_freeze(struct process *p, int64_t ms)
{
    if (!p->alive)
        return;
    sim_trace("%s is frozen for %" PRId64 " ms", p->name, ms);
    p->frozen_until = run.now + ms;
}

// ---------------------------------------------------------------- telling

void sim_say(const char *format, ...)
{
    char *line = trace.lines[trace.count++ % TRACE_LINES];
    int n = snprintf(line, TRACE_WIDTH, "%9.3f %s ", (double)run.now / 1000,
                     process_now ? process_now->name : "-");
    va_list args;
    va_start(args, format);
    (void)vsnprintf(line + n, TRACE_WIDTH - (size_t)n, format, args);
    va_end(args);
}

_Noreturn void sim_fail(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(run.verdict, sizeof run.verdict, format, args);
    va_end(args);
    longjmp(run.end, 1);
}

_Noreturn void check_failed(const char *file, int line, const char *condition)
{
    sim_fail("%s:%d: broken: %s", file, line, condition);
}

static void tell_seed(int signal_number)
{
    char text[160];
    int n =
        snprintf(text, sizeof text, "\nsim: signal %d in core %s; again: make sim SEED=%" PRIu64 " CORE=%s\n",
                 signal_number, run.core, run.seed, run.core);
    (void)!write(STDERR_FILENO, text, (size_t)n);
    (void)signal(signal_number, SIG_DFL);
    (void)raise(signal_number);
}

// ---------------------------------------------------------------- runs

static const struct core {
    const char *name;
    void (*run)(void);
} cores[] = {{"webhook", run_webhook}, {"sms", run_sms}, {"fold", run_fold}};

static struct {
    uint64_t seed, seeds;
    const char *core;
    size_t lines; // of a trace
    bool always_trace;
} options = {.seed = 1, .seeds = 1, .lines = 120};

static bool run_once(const struct core *core, uint64_t seed)
{
    uint64_t state = seed * 0x2545F4914F6CDD1DU + (uint64_t)core->name[0];
    struct event *heap = run.heap;
    size_t cap = run.heap_cap;
    memset(&run, 0, sizeof run);
    run.heap = heap;
    run.heap_cap = cap;
    run.seed = seed;
    run.core = core->name;
    run.random[0] = splitmix(&state);
    run.random[1] = splitmix(&state);
    for (unsigned i = 0; i < FAULT_COUNT; i++)
        run.faults |= (uint32_t)(sim_random() >> 63) << i;
    if (sim_chance(20)) // a fair day, so that nothing hides behind a fault
        run.faults = 0;
    trace.count = 0;
    sim_heard = NULL;
    bool ok = setjmp(run.end) == 0;
    if (ok)
        core->run();
    process_now = NULL;
    db_forget();
    free(run.heap);
    run.heap = NULL;
    run.heap_len = run.heap_cap = 0;
    memory_free_all(&memory_of_world);
    return ok;
}

static void print_trace(void)
{
    size_t n = trace.count < TRACE_LINES ? trace.count : TRACE_LINES;
    if (n > options.lines)
        n = options.lines;
    for (size_t i = trace.count - n; i < trace.count; i++)
        printf("  %s\n", trace.lines[i % TRACE_LINES]);
}

static void print_faults(void)
{
    printf("faults:");
    for (unsigned i = 0; i < FAULT_COUNT; i++) {
        if (run.faults >> i & 1U)
            printf(" %s", fault_names[i]);
    }
    printf("\n");
}

// The same again, with a trace.
static void explain(const struct core *core, uint64_t seed)
{
    char first[sizeof run.verdict];
    uint64_t digest = run.digest;
    memcpy(first, run.verdict, sizeof first);
    sim_tracing = true;
    bool ok = run_once(core, seed);
    sim_tracing = options.always_trace;
    print_trace();
    print_faults();
    printf("FAILED core %s seed %" PRIu64 " at %.3f s, event %" PRIu64 ": %s\n", core->name, seed,
           (double)run.now / 1000, run.count, first);
    if (ok || strcmp(first, run.verdict) != 0 || digest != run.digest)
        printf("and the second run of this seed went another way: the simulation itself is broken\n");
    printf("again: make sim SEED=%" PRIu64 " CORE=%s\n", seed, core->name);
}

static int usage(void)
{
    (void)fprintf(stderr,
                  "usage: sim [--seed N] [--seeds COUNT] [--core webhook|sms|fold] [--lines N] [--trace]\n");
    return 2;
}

static bool parse_number(const char *text, uint64_t *ret)
{
    char *end;
    *ret = text ? strtoull(text, &end, 10) : 0;
    return text && *text && *end == '\0';
}

static bool parse_options(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        uint64_t lines;
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (strcmp(argv[i], "--trace") == 0) {
            options.always_trace = true;
            continue;
        }
        if (strcmp(argv[i], "--seed") == 0 && parse_number(value, &options.seed)) {
        } else if (strcmp(argv[i], "--seeds") == 0 && parse_number(value, &options.seeds)) {
        } else if (strcmp(argv[i], "--lines") == 0 && parse_number(value, &lines)) {
            options.lines = lines;
        } else if (strcmp(argv[i], "--core") == 0 && value) {
            options.core = value;
        } else {
            return false;
        }
        i++;
    }
    return true;
}

static double seconds(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

// All seeds of one core. Every hundredth is run twice and must go the same way.
static bool run_core(const struct core *core)
{
    double since = seconds(), virtual_s = 0;
    uint64_t events = 0;
    for (uint64_t seed = options.seed; seed < options.seed + options.seeds; seed++) {
        bool ok = run_once(core, seed);
        uint64_t digest = run.digest;
        if (ok && seed % 100 == 0 && run_once(core, seed) && run.digest != digest) {
            printf("FAILED core %s seed %" PRIu64 ": two runs of it differ\n", core->name, seed);
            return false;
        }
        if (!ok) {
            explain(core, seed);
            return false;
        }
        virtual_s += (double)run.now / 1000;
        events += run.count;
        if (options.always_trace) {
            print_trace();
            print_faults();
        }
    }
    double took = seconds() - since;
    printf("%-7s %" PRIu64 " seeds from %" PRIu64
           ": all hold; %.1f h of virtual time, %.1f M events, %.1f s of CPU, "
           "%.0f seeds a minute\n",
           core->name, options.seeds, options.seed, virtual_s / 3600, (double)events / 1e6, took,
           took > 0 ? (double)options.seeds * 60 / took : 0);
    return true;
}

static int64_t wall_ms(void *ctx)
{
    (void)ctx;
    return sim_wall();
}

static int64_t mono_ms(void *ctx)
{
    (void)ctx;
    return sim_now() + 1000000; // never 0: the product takes 0 for "never"
}

static void random_out(void *ctx, void *out, size_t len)
{
    (void)ctx;
    for (unsigned char *at = out; len > 0; len--)
        *at++ = (unsigned char)(sim_random() >> 56);
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *where)
{
    (void)st;
    (void)kind;
    (void)where;
    return remove(path);
}

int main(int argc, char **argv)
{
    if (!parse_options(argc, argv))
        return usage();
    static const struct clock_source source = {wall_ms, mono_ms, random_out, NULL};
    char error[256] = "";
    run.random[0] = 1;
    clock_use(&source);
    if (!mkdtemp(sim_keys) || keyring_init(sim_keys, error, sizeof error) != 0) {
        (void)fprintf(stderr, "sim: %s: %s\n", sim_keys, error);
        return 1;
    }
    sms_prepare();
    (void)signal(SIGSEGV, tell_seed);
    (void)signal(SIGABRT, tell_seed);
    (void)signal(SIGFPE, tell_seed);
    sim_tracing = options.always_trace;
    bool ok = true;
    for (size_t i = 0; i < ARRAY_LEN(cores) && ok; i++) {
        if (!options.core || strcmp(options.core, cores[i].name) == 0)
            ok = run_core(&cores[i]);
        (void)fflush(stdout);
    }
    return nftw(sim_keys, remove_one, 4, FTW_DEPTH | FTW_PHYS) == 0 && ok ? 0 : 1;
}
