// SPDX-License-Identifier: EUPL-1.2
// The commands for people: one file a noun, its verbs in argv[1]. Results go to stdout, problems as sentences
// to stderr. Exit codes: 0 done, 1 no (refused, not found, not valid), 2 usage, 69 a service we need is away,
// 78 the configuration is wrong.
#pragma once

#define EXIT_NO          1
#define EXIT_USAGE       2
#define EXIT_UNAVAILABLE 69 // EX_UNAVAILABLE of sysexits.h
#define EXIT_CONFIG      78 // EX_CONFIG

int command_apikey(int argc, char **argv);         // apikey create|list|revoke
int command_code(int argc, char **argv);           // code check TEXT…
int command_config(int argc, char **argv);         // config check|print [--config FILE]
int command_device(int argc, char **argv);         // device invite|list|revoke
int command_epoch(int argc, char **argv);          // epoch new|show
int command_tombstones(int argc, char **argv);     // tombstones export|replay
int command_endpoint(int argc, char **argv);       // endpoint add|list|show|pause|… (endpoint.c)
int command_keys(int argc, char **argv);           // keys init|rotate DIR
int command_sms_preview(int argc, char **argv);    // sms preview TEXT
int command_migrate(int argc, char **argv);        // migrate [--url URL] [--dry-run]
int command_webhook_sign(int argc, char **argv);   // webhook sign --secret S --id I --timestamp T < body
int command_webhook_verify(int argc, char **argv); // webhook verify … --signature V [--now T] < body
int command_register(int argc, char **argv); // unit, unit-alias, …: add|import|list (register_kinds.c)
int command_dossier_forget(int argc, char **argv); // dossier forget CODE --yes
int command_attention(int argc, char **argv);      // quarantine, stuck, unmatched, frozen: list (attention.c)
int command_sms_opt(int argc, char **argv);        // sms opt-out|opt-in (opt_out.c)
