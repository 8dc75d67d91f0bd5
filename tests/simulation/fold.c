// SPDX-License-Identifier: EUPL-1.2
#include "simulation/sim.h"
void run_fold(void)
{
}
