// SPDX-License-Identifier: EUPL-1.2
// `duongthu serve`: every service as a child process, restarted when it dies.
#pragma once

int supervise_run(int argc, char **argv);
