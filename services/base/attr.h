// SPDX-License-Identifier: EUPL-1.2
// Attributes and tiny macros shared by every folder above domain/.
#pragma once
#include <stddef.h>

// The caller must look at the result; a deliberate ignore is written (void).
#define MUST_CHECK __attribute__((warn_unused_result))
// fmt and first are 1-based positions of the format string and of its first argument.
#define PRINTF_LIKE(fmt, first) __attribute__((format(printf, fmt, first)))
#define ARRAY_LEN(a)            (sizeof(a) / sizeof((a)[0]))
// The struct that embeds `member` at `ptr` (intrusive lists, libuv and libcurl handles).
#define CONTAINER_OF(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))
