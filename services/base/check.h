// SPDX-License-Identifier: EUPL-1.2
// CHECK states what only our own bug can break. It stays on in release builds: a process that no longer
// understands itself stops, and the supervisor starts a fresh one. Never for anything a peer, the disk or the
// database can cause.
#pragma once

#define CHECK(condition) ((condition) ? (void)0 : check_failed(__FILE__, __LINE__, #condition))

// Writes "file:line: broken: condition" to stderr and aborts.
_Noreturn void check_failed(const char *file, int line, const char *condition);
