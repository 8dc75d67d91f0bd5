// SPDX-License-Identifier: EUPL-1.2
// The citizens' telephones: sees every SMS that leaves. With gateway `file` it follows the file of JSON lines
// from where it ends now; with gateway `http-json` and an address of this machine it is the provider, and
// listens there.
#pragma once
#include "base/attr.h"
#include <stdbool.h>

struct sim;
struct phones;

// Reads [sms] of the configuration. ERR_CONFIG: the gateway is somebody else's; note() says so, and SMS are
// not checked.
MUST_CHECK int phones_create(struct sim *sim, struct phones **ret_phones);
// Are messages seen at all, and may they leave at this hour?
bool phones_listen(const struct phones *p);
// Looks for new messages now; the tick does so anyway.
void phones_poll(struct phones *p);
// closed is called once, later. NULL is legal: closed is not called.
void phones_close(struct phones *p, void (*closed)(void *owner), void *owner);
