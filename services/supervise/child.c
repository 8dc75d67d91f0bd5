// SPDX-License-Identifier: EUPL-1.2
#include "supervise/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <unistd.h>
#include <uv.h>

#define EXIT_NOT_EXECUTED 127

// Runs in the child between fork and exec: only async-signal-safe calls.
static _Noreturn void become(const char *name, const char *config, pid_t supervisor)
{
    const char *argv[] = {"duongthu", name, config ? "--config" : NULL, config, NULL};
    sigset_t none;
    int null = open("/dev/null", O_RDONLY);
    bool ready = setpgid(0, 0) == 0 && null >= 0 && dup2(null, STDIN_FILENO) >= 0 &&
                 // SIGKILL: a child that drains without a supervisor would hold ports and leases that the
                 // next one needs. What was acknowledged survives it like any crash.
                 prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 &&
                 getppid() == supervisor && // it may have died before the line above
                 sigemptyset(&none) == 0 && sigprocmask(SIG_SETMASK, &none, NULL) == 0 &&
                 signal(SIGPIPE, SIG_DFL) != SIG_ERR;
    if (ready) {
        (void)close(null);
        (void)execv("/proc/self/exe", (char *const *)argv);
    }
    _exit(EXIT_NOT_EXECUTED);
}

int child_start(const char *name, const char *config, pid_t *ret_pid)
{
    pid_t supervisor = getpid();
    pid_t pid = fork();
    if (pid < 0)
        return uv_translate_sys_error(errno);
    if (pid == 0)
        become(name, config, supervisor);
    // Both sides set the group: whoever comes second finds it done (or the child already executed: EACCES).
    (void)setpgid(pid, pid);
    *ret_pid = pid;
    return 0;
}
