// SPDX-License-Identifier: EUPL-1.2
#pragma once

// What runs, as `git describe` named it at build time. Only main() is compiled with it and sets it here, so
// that a commit does not rebuild everything.
extern const char *version_text;
