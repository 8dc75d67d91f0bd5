// SPDX-License-Identifier: EUPL-1.2
// The service `duongthu ingest`: scans in (DESIGN §3 Ingest, proto/README.md).
#pragma once

int ingest_run(int argc, char **argv);
