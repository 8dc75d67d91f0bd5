// SPDX-License-Identifier: EUPL-1.2
// What systemd wants to hear of a service (sd_notify(3), Type=notify, WatchdogSec=). Without systemd all of
// it does nothing.
#pragma once
#include <stdint.h>

// Reads $NOTIFY_SOCKET and $WATCHDOG_USEC and takes them out of the environment, so that children of the
// supervisor do not speak for it. Returns how often to send WATCHDOG=1 (half of what systemd waits), in ms,
// or 0 for never. Call once.
uint64_t notify_open(void);
// "READY=1", "STOPPING=1", "WATCHDOG=1". A failure is ignored: there is nobody to tell.
void notify_send(const char *state);
// RELOADING=1 with the clock reading that Type=notify-reload asks for.
void notify_reloading(void);
