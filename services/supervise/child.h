// SPDX-License-Identifier: EUPL-1.2
// A child process of the supervisor: this executable again, with a service's name as its command.
#pragma once
#include "base/attr.h"
#include <sys/types.h>

// Starts `duongthu NAME [--config CONFIG]` in a process group of its own, so that Ctrl-C at the terminal
// reaches only the supervisor. The kernel kills it when the supervisor dies, however that happens. config may
// be NULL. 0, or a negative errno (libuv's code): nothing was started.
MUST_CHECK int child_start(const char *name, const char *config, pid_t *ret_pid);
