// SPDX-License-Identifier: EUPL-1.2
// `duongthu watch`: the timers of the house. One process holds the lease and works; another waits for it.
#pragma once

int watch_run(int argc, char **argv);
