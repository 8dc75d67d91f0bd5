// SPDX-License-Identifier: EUPL-1.2
#include "base/version.h"

const char *version_text = "unknown";
