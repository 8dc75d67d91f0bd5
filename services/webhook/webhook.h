// SPDX-License-Identifier: EUPL-1.2
// Journeys to one-stop systems: the service `duongthu webhook`.
#pragma once

int webhook_run(int argc, char **argv);
