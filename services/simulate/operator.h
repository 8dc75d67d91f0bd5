// SPDX-License-Identifier: EUPL-1.2
// The operator at the command line: runs `duongthu NOUN VERB …` of this very binary, as a person would. One
// at a time; its output is kept, its end is told.
#pragma once
#include "base/attr.h"
#include "base/buf.h"

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#define OPERATOR_ARGS_MAX   24
#define OPERATOR_OUTPUT_MAX (1 << 20) // bytes kept of each stream
#define OPERATOR_LIMIT_MS   60000     // a command that takes longer is ended

// code: its exit code, or -1 when it could not run or was ended. Output lives until the callback returns.
typedef void (*operator_done)(void *owner, int code, const char *output, const char *errors);

struct operator
{
    uv_loop_t *loop;
    uv_process_t process;
    uv_pipe_t pipes[2]; // stdout, stderr
    uv_timer_t limit;
    struct buf texts[2];
    unsigned open; // handles
    int code;
    bool busy;
    operator_done done;
    void *owner;
};

void operator_init(struct operator* op, uv_loop_t *loop);
// argv: noun, verb and arguments, NULL at the end, copied. ERR_OK: done is called once, later. Busy: our own
// bug.
MUST_CHECK int operator_run(struct operator* op, const char *const *argv, operator_done done, void *owner);
// Ends a command that runs; its callback comes.
void operator_stop(struct operator* op);
