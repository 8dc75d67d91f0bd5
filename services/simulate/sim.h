// SPDX-License-Identifier: EUPL-1.2
// What the actors of the simulator share.
#pragma once
#include "io/fetch.h"
#include "simulate/audit.h"
#include "simulate/day.h"
#include "simulate/handheld.h"
#include "simulate/history.h"
#include "simulate/ledger.h"
#include "simulate/notes.h"
#include "simulate/office.h"
#include "simulate/options.h"
#include "simulate/phones.h"
#include "simulate/sink.h"
#include "simulate/store.h"
#include "simulate/story.h"

#include <uv.h>

struct sim {
    struct sim_options options;
    uv_loop_t loop;
    struct fetcher *fetcher;
    char ingest_url[SIM_URL_MAX], portal_url[SIM_URL_MAX]; // without a slash behind
    struct store store;
    struct history history;
    struct story story;
    struct notes notes;
    struct plan plan; // of the day that comes
    struct day day;   // the one that is played
    int32_t now;      // second of the day that has been played
    struct ledger ledger;
    struct handheld *handhelds; // options.plan.devices of them
    struct office office;
    struct audit audit;
    struct sink *sink;
    struct phones *phones;
    bool ending; // no new request
};

// Networks that the simulator may reach: this machine and the private ones.
#define SIM_ALLOW      "127.0.0.0/8,10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,::1/128,fd00::/16"
#define SIM_TIMEOUT_MS 15000
