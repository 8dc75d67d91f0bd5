// SPDX-License-Identifier: EUPL-1.2
// The machinery of `make faults` without the system: kinds keep their interface, one seed gives one plan, a run becomes a picture.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { SERVICES } from '../harness/app.mjs';
import { Chance } from '../harness/chance.mjs';
import { History } from '../harness/history.mjs';
import { draw, kinds, words } from '../faults/nemesis.mjs';
import { picture } from '../faults/picture.mjs';

test('each kind of fault keeps the interface', () => {
    assert.ok(kinds.size >= 20, `${kinds.size} kinds`);
    for (const [name, kind] of kinds) {
        for (const part of ['needs', 'dose', 'hits', 'strike'])
            assert.equal(typeof kind[part], 'function', `${name}: ${part}`);
        assert.ok(kind.seconds > 0 && kind.seconds <= 60, `${name}: seconds`);
        for (let seed = 0; seed < 50; seed++) {
            const dose = kind.dose(new Chance(seed));
            assert.deepEqual(JSON.parse(JSON.stringify(dose)), dose, `${name}: a dose is plain`);
            assert.deepEqual(kind.dose(new Chance(seed)), dose, `${name}: chance is the only source of a dose`);
            assert.ok(kind.hits(dose).every((service) => SERVICES.includes(service)), `${name}: hits`);
        }
    }
});

const planOf = (seed, seconds) => Object.entries(draw(new Chance(seed), [...kinds.keys()], seconds))
    .map(([place, strikes]) => [place, strikes.map((one) => `${words(one)} ${one.wait}`)]);

test('one seed, one plan; another seed, another; each kind comes before any comes again', () => {
    assert.deepEqual(planOf(7, 240), planOf(7, 240));
    assert.notDeepEqual(planOf(7, 240), planOf(8, 240));
    for (const [, strikes] of Object.entries(draw(new Chance(7), [...kinds.keys()], 600))) {
        const names = strikes.map(({ kind }) => kind.name);
        const first = names.findIndex((name, i) => names.indexOf(name) < i);
        assert.ok(first === -1 || first === new Set(names).size, names.join());
        assert.ok(strikes.reduce((sum, { kind, wait }) => sum + kind.seconds + wait / 1_000, 0) <= 600);
    }
    // A time in which only one fits: one strike of each place.
    assert.ok(planOf(7, 1).every(([, strikes]) => strikes.length === 1));
});

test('a run becomes a picture', () => {
    const history = new History();
    for (let i = 0; i < 60; i++)
        history.uploads.push({ at: i * 500, until: i * 500 + 20 + (i % 7 === 0 ? 900 : 0), outcome: i % 10 === 0 ? 'unknown' : 'ok', scans: [{}, {}] });
    history.uploads.push({ at: 1_000, until: undefined, outcome: 'unknown', scans: [] });
    history.sinks.push({ requests: [{ answered: 3_000 }, { answered: undefined }] });
    history.nemesis.push({ fault: 'kill', at: 5_000, until: 5_100, hits: ['ingest'], dose: { service: 'ingest' }, proof: 'process 1 <died> & "left"' },
        { fault: 'pg-crash', at: 9_000, until: 14_000, hits: [] });
    const svg = picture(history, 'seed 1 & <all>', (fault) => kinds.get(fault).where);
    assert.ok(svg.includes('seed 1 &amp; &lt;all&gt;') && svg.includes('process 1 &lt;died&gt;'));
    assert.equal(svg.match(/<rect class="bar /g).length, 2);
    assert.equal(svg.match(/<rect class="band /g).length, 2);
    assert.equal(svg.match(/class="lost"/g).length, 6 + 1, 'each upload without an acknowledgement, and one in the legend');
    assert.ok(!/NaN|undefined|Infinity/.test(svg));
});
