// SPDX-License-Identifier: EUPL-1.2
// From facts to journeys: the service `duongthu correlate`, and `duongthu rebuild`, which proves that the
// facts alone say it all.
#pragma once

int correlate_run(int argc, char **argv);
int correlate_rebuild(int argc, char **argv); // rebuild --check [--orders N] [--batch N]
