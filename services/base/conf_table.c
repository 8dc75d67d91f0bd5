// SPDX-License-Identifier: EUPL-1.2
// Every key of the configuration, its default and its limits. `duongthu config print` shows this table with
// the values in force; keep the sections together.
#include "base/conf.h"

#define SERVICES "ingest|correlate|webhook|sms|portal|watch"

// Each service may have a PostgreSQL role, hence a connection string, of its own.
#define ROLE_URL                                                                                             \
    "database_url", CONF_TEXT, "",                                                                           \
        .secret = true, .help = "libpq connection string of this service's role; empty: [database] url"
#define OPS(address)                                                                                         \
    "ops_listen", CONF_ADDR, address, .help = "where /livez, /readyz and /metrics are served; keep it inside"

const struct conf_key conf_keys[] = {
    {"database", "url", CONF_TEXT, "", .secret = true,
     .help = "libpq connection string: a socket directory or an address, not a name"},
    {"database", "owner_url", CONF_TEXT, "", .secret = true,
     .help = "connection string of the schema's owner, for `duongthu migrate` only; empty: [database] url"},

    {"log", "level", CONF_CHOICE, "info", .allowed = "debug|info|warn|error", .reloadable = true,
     .help = "log lines below this level are dropped"},

    {"keys", "dir", CONF_TEXT, "var/keys", .min = 1,
     .help = "directory of the installation's key files (0700)"},

    {"forget", "file", CONF_TEXT, "",
     .help = "`duongthu dossier forget` adds its tombstone to this file first; keep it with the backups, on "
             "another disk. Empty: only `duongthu tombstones export` knows them"},

    {"safety", "allow_unsafe_database", CONF_BOOL, "false",
     .help = "start although PostgreSQL may lose what it has acknowledged (fsync, full_page_writes or "
             "synchronous_commit off)"},

    {"service", "drain", CONF_MS, "24s", .min = 100, .max = 24000,
     .help =
         "longest a service may finish its work after SIGTERM; `duongthu serve` kills it one second later"},

    {"supervise", OPS("127.0.0.1:9100")},
    {"supervise", "services", CONF_WORDS, "ingest correlate webhook sms portal watch", .allowed = SERVICES,
     .help = "what `duongthu serve` starts"},

    {"ingest", "listen", CONF_ADDR, "127.0.0.1:8080", .help = "where handhelds upload"},
    {"ingest", OPS("127.0.0.1:9101")},
    {"ingest", ROLE_URL},
    {"ingest", "connections", CONF_INT, "2", .min = 1, .max = 16,
     .help = "PostgreSQL connections; two let one batch collect while the other commits"},
    {"ingest", "batch", CONF_INT, "500", .min = 1, .max = 2000,
     .help = "scans in one transaction; grows to 2000 by itself while commits are slow"},
    {"ingest", "waiting", CONF_INT, "20000", .min = 500, .max = 1000000,
     .help = "scans that may wait for a commit; above it uploads are answered 503"},
    {"ingest", "requests", CONF_INT, "5000", .min = 1, .max = 100000,
     .help = "requests worked on at once; above it they are answered 503"},
    {"ingest", "max_connections", CONF_INT, "10000", .min = 1, .max = 100000,
     .help = "open HTTP connections; keep it below the limit of open files"},

    {"correlate", OPS("127.0.0.1:9103")},
    {"correlate", ROLE_URL},
    {"correlate", "facts", CONF_INT, "1000", .min = 1, .max = 1000,
     .help = "facts folded in one transaction"},
    {"correlate", "rows", CONF_INT, "2000", .min = 1, .max = 2000,
     .help = "journey rows after which a transaction is closed; a larger fan-out goes on in the next"},

    {"webhook", OPS("127.0.0.1:9104")},
    {"webhook", ROLE_URL},
    {"webhook", "in_flight", CONF_INT, "512", .min = 1, .max = 1000, .help = "requests under way at once"},
    {"webhook", "per_endpoint", CONF_INT, "8", .min = 1, .max = 100,
     .help = "requests to one endpoint at once, each about another dossier"},
    {"webhook", "timeout", CONF_MS, "15s", .min = 100, .max = 30000, .help = "longest wait for an answer"},
    {"webhook", "connect_timeout", CONF_MS, "5s", .min = 100, .max = 15000,
     .help = "longest wait for a connection, name look-up and TLS included"},
    {"webhook", "ca_file", CONF_TEXT, "",
     .help = "certificate authorities of the endpoints; empty: the system's"},
    {"webhook", "ports", CONF_PORTS, "",
     .help =
         "ports that an endpoint's URL may name beside 443; in networks of its --allow list it may name any"},
    {"webhook", "speed", CONF_INT, "1", .min = 1, .max = 1000000,
     .help = "divides every wait of the retry schedule and of the breaker; for trials only"},

    {"sms", OPS("127.0.0.1:9105")},
    {"sms", ROLE_URL},
    {"sms", "gateway", CONF_CHOICE, "file", .allowed = "file|http-json", .help = "how messages leave"},
    {"sms", "file", CONF_TEXT, "var/sms.jsonl", .min = 1, .help = "gateway file: one JSON line per message"},
    {"sms", "url", CONF_TEXT, "", .help = "gateway http-json: where messages are posted"},
    {"sms", "token_file", CONF_TEXT, "", .help = "gateway http-json: file with the bearer token"},
    {"sms", "allow", CONF_TEXT, "",
     .help = "gateway http-json: networks it may reach beyond the public internet (CIDR list)"},
    {"sms", "window", CONF_INT, "10", .min = 1, .max = 100, .help = "messages at the gateway at once"},
    {"sms", "receipts_listen", CONF_TEXT, "",
     .help = "where the provider posts delivery receipts; empty: nowhere"},
    {"sms", "receipts_token_file", CONF_TEXT, "",
     .help = "file with the bearer token of the receipts listener"},
    {"sms", "sender", CONF_TEXT, "DUONGTHU", .min = 1, .max = 11,
     .help = "sender name registered with the operators"},
    {"sms", "hotline", CONF_TEXT, "1900561563", .min = 3, .max = 15,
     .help = "number in the texts, instead of a person's"},
    {"sms", "quiet_from", CONF_TIME, "21:00", .reloadable = true,
     .help = "no message leaves after this time"},
    {"sms", "quiet_to", CONF_TIME, "07:00", .reloadable = true, .help = "until this time (Asia/Ho_Chi_Minh)"},

    {"portal", "listen", CONF_ADDR, "127.0.0.1:8081", .help = "pages and the office API"},
    {"portal", OPS("127.0.0.1:9102")},
    {"portal", ROLE_URL},
    {"portal", "public_url", CONF_TEXT, "http://127.0.0.1:8081", .min = 1,
     .help = "how citizens reach the portal: links in messages start with it"},
    {"portal", "connections", CONF_INT, "4", .min = 1, .max = 64, .help = "PostgreSQL connections"},
    {"portal", "lookups_minute", CONF_INT, "10", .min = 1, .max = 1000000, .reloadable = true,
     .help = "look-ups by dossier code a minute from one address"},
    {"portal", "lookups_day", CONF_INT, "100", .min = 1, .max = 1000000, .reloadable = true,
     .help = "the same a day; raise both where many people share an address"},
    {"portal", "api_minute", CONF_INT, "6000", .min = 1, .max = 1000000, .reloadable = true,
     .help = "requests a minute of one API key"},
    {"portal", "proxies", CONF_TEXT, "",
     .help = "addresses of reverse proxies whose X-Forwarded-For is believed, separated by blanks"},

    {"watch", OPS("127.0.0.1:9106")},
    {"watch", ROLE_URL},
    {"watch", "forgotten", CONF_MS, "60s", .min = 1000, .max = 3600000,
     .help =
         "how often is erased what came of the forgotten since: a scan uploaded late, a late link; a round "
         "takes about 100 ms for 1,000 tombstones"},
    {"watch", "segments_ahead", CONF_INT, "4", .min = 2, .max = 64,
     .help = "segments of each log that are made before they are needed"},
    {"watch", "stalled_after", CONF_MS, "5s", .min = 1000, .max = 60000,
     .help = "a PostgreSQL backend in the middle of a statement that its client does not finish is ended"},
    {"watch", "retention", CONF_MS, "90d", .min = INT64_C(7776000000), .max = INT64_C(315360000000),
     .help = "webhook attempts and SMS messages are kept for so long"},
    {"watch", "silence_intra", CONF_MS, "48h", .min = 60000, .max = INT64_C(7776000000), .reloadable = true,
     .help = "no scan of an item for so long is an alarm, within the office's province"},
    {"watch", "silence_inter", CONF_MS, "96h", .min = 60000, .max = INT64_C(7776000000), .reloadable = true,
     .help = "the same from or to another province, or when that is not known"},
    {"watch", "pickup_confirm", CONF_MS, "4h", .min = 60000, .max = INT64_C(7776000000), .reloadable = true,
     .help = "a pick-up that was assigned and not confirmed for so long is an alarm"},
};

const size_t conf_key_count = ARRAY_LEN(conf_keys);
