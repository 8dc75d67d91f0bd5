// SPDX-License-Identifier: EUPL-1.2
// One direction of one connection through the fault proxy: bytes are read from one end, kept at most
// FLOW_BYTES of them, and written to the other when the toxics of that direction let them. TCP's own promise
// is kept: what arrives is a prefix of what was sent; a direction that once swallowed a byte never delivers
// another.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#define FLOW_BYTES ((size_t)64 << 10) // kept of one direction; above it the sender waits
#define FLOW_MARKS 256                // groups of bytes with a due time of their own

// What is wrong with one direction of a link. Zeroed but for `limit` (-1): nothing.
struct toxics {
    int64_t latency_ms, jitter_ms; // every byte comes so much later, ± jitter, in order
    int64_t rate;                  // bytes a second; 0 = as fast as they come
    int64_t slice, slice_pause_ms; // bytes of one write, and the pause behind each; 0 = as they come
    int64_t slow_close_ms;         // the end of the stream comes so much later
    int64_t limit;                 // after so many bytes of a connection both ends are closed; -1 = never
    bool stall;                    // nothing passes; what comes is kept and passes after the healing
    bool swallow;                  // nothing passes, and what comes is gone
    int64_t close_ms,
        reset_ms; // with swallow: so long after the first byte both ends are closed, or reset; -1 = never
};

void toxics_clear(struct toxics *t);

enum flow_end {
    FLOW_DONE,   // the end of the stream was passed on
    FLOW_CLOSED, // a toxic closes the connection
    FLOW_RESET,  // a toxic resets both ends, or the sender's reset was passed on
    FLOW_BROKEN, // the receiver is gone
};

struct flow {
    const struct toxics *toxics; // may change at any time; call flow_step() then
    uv_stream_t *from, *to;
    void *owner;
    void (*on_end)(struct flow *f,
                   enum flow_end end); // the last thing that a call does; at most one per flow
    uint64_t *bytes;                   // where the link counts what comes
    uint64_t *dice;                    // the proxy's chance
    uint64_t taken, given;             // bytes kept and written so far
    // private
    char ring[FLOW_BYTES];
    size_t head, len;
    struct {
        uint64_t end;   // of `taken`
        int64_t due_us; // loop time
    } marks[FLOW_MARKS];
    unsigned mark_head, mark_count;
    uv_write_t write;
    uv_shutdown_t shutdown;
    uv_timer_t timer; // the owner closes it
    size_t in_write;
    int64_t pace_us; // no write before this time
    int64_t eof_us,
        fuse_us; // when the stream's end, and the first byte that was swallowed, came; -1 = not yet
    bool reading, writing;
    bool hole;   // something was swallowed
    bool broken; // the stream ended with a reset
    bool shutting;
    bool over; // on_end was called, or the owner closes both ends
};

// f is zeroed, but for its public members. Starts nothing; the owner closes `timer` in the end.
void flow_init(struct flow *f, uv_loop_t *loop);
// Does whatever can be done now. The first call is after both ends are connected, the next ones when the
// toxics changed.
void flow_step(struct flow *f);
// The sender is gone: passes that on, as late as all else.
void flow_break(struct flow *f);
