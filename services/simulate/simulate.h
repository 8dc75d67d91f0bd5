// SPDX-License-Identifier: EUPL-1.2
// `duongthu simulate`: the postal day, against the running services. See services/simulate/options.c for its
// use.
#pragma once

int simulate_run(int argc, char **argv);
