// SPDX-License-Identifier: EUPL-1.2
// A code in every way it may have been written, canonical first: what look-ups in the database ask for. Pure.
#pragma once
#include "domain/dossier_code.h"
#include "io/db.h"

#define FORMS_MAX 3 // canonical, as written, the other legal form

struct unit_forms {
    struct unit_id list[FORMS_MAX];
    size_t count;
};

struct dossier_forms {
    struct dossier_code list[FORMS_MAX];
    size_t count;
};

void unit_forms_of(const struct unit_id *unit, struct unit_forms *ret);
void dossier_forms_of(const struct dossier_code *code, struct dossier_forms *ret);

// A text[] parameter.
void unit_forms_put(struct db_params *p, const struct unit_forms *forms);
void dossier_forms_put(struct db_params *p, const struct dossier_forms *forms);
