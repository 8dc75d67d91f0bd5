// SPDX-License-Identifier: EUPL-1.2
// The two macros of base/attr.h that domain/ needs; repeated here, word for word, because domain/ includes
// nothing from outside itself.
#pragma once

#define MUST_CHECK   __attribute__((warn_unused_result))
#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
