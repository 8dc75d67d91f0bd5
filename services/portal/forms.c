// SPDX-License-Identifier: EUPL-1.2
#include "portal/forms.h"

#include <string.h>

static void add(struct unit_forms *f, const struct unit_id *unit)
{
    for (size_t i = 0; i < f->count; i++) {
        if (strcmp(f->list[i].text, unit->text) == 0)
            return;
    }
    f->list[f->count++] = *unit;
}

void unit_forms_of(const struct unit_id *unit, struct unit_forms *ret)
{
    struct unit_id other;
    bool has_other = unit_id_convert(unit, &other);
    ret->count = 0;
    if (has_other && unit->form == UNIT_OLD)
        add(ret, &other); // canonical is the form of QĐ 20/2020/QĐ-TTg
    add(ret, unit);
    if (has_other)
        add(ret, &other);
}

void dossier_forms_of(const struct dossier_code *code, struct dossier_forms *ret)
{
    struct unit_forms units;
    unit_forms_of(&code->unit, &units);
    ret->count = units.count;
    for (size_t i = 0; i < units.count; i++)
        dossier_code_with_unit(code, &units.list[i], &ret->list[i]);
}

void unit_forms_put(struct db_params *p, const struct unit_forms *forms)
{
    db_open_array(p, DB_TEXT);
    for (size_t i = 0; i < forms->count; i++)
        db_item_text(p, forms->list[i].text, forms->list[i].len);
    db_close_array(p);
}

void dossier_forms_put(struct db_params *p, const struct dossier_forms *forms)
{
    db_open_array(p, DB_TEXT);
    for (size_t i = 0; i < forms->count; i++)
        db_item_text(p, forms->list[i].text, forms->list[i].len);
    db_close_array(p);
}
