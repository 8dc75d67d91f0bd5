// SPDX-License-Identifier: EUPL-1.2
// Journeys to citizens: the service `duongthu sms`.
#pragma once

int sms_run(int argc, char **argv);
