// SPDX-License-Identifier: EUPL-1.2
// Files of this folder that travel inside the program; the Makefile makes the C file.
#pragma once
#include <stddef.h>

extern const char portal_openapi[]; // openapi.json
extern const size_t portal_openapi_len;
extern const char portal_style[]; // page.css
extern const size_t portal_style_len;
