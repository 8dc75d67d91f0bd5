// SPDX-License-Identifier: EUPL-1.2
// The service `duongthu ingest`: scans in (DESIGN §3 Ingest, proto/README.md).
#pragma once

int ingest_main(int argc, char **argv);
