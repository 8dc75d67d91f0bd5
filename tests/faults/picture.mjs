// SPDX-License-Identifier: EUPL-1.2
// A run as a picture: throughput, latency and faults over one axis of time. SVG without a library; it brings its own ground, and follows the reader's light or dark.
const WIDTH = 1_200;
const LEFT = 130;
const RIGHT = 32;
const PANEL = 120; // height of a curve's panel
const ROW = 18; // of a fault's row
const TOP = 54;
const GAP = 34;
const SLOW_FLOOR_MS = 1; // the latency's axis is logarithmic
const PLACES = { ground: 0, house: 1, outside: 2, network: 3 }; // colours

const STYLE = `
    svg { --ground: #ffffff; --ink: #1f2733; --soft: #5b6675; --line: #d8dde4; --a: #1f6fb4; --b: #b4541f; --c: #7a3fa0;
          --p0: #c43c39; --p1: #c98a00; --p2: #2f8f5b; --p3: #5468c4; background: var(--ground); }
    @media (prefers-color-scheme: dark) {
        svg { --ground: #161b22; --ink: #e6eaf0; --soft: #9aa5b4; --line: #333c48; --a: #6db3f2; --b: #f0955c; --c: #c79be8;
              --p0: #f0706c; --p1: #e8b64a; --p2: #66c795; --p3: #93a3f0; } }
    text { font: 12px system-ui, sans-serif; fill: var(--ink); } .soft { fill: var(--soft); } .head { font-size: 15px; font-weight: 600; }
    .ground { fill: var(--ground); } .line { stroke: var(--line); fill: none; } .a { stroke: var(--a); } .b { stroke: var(--b); } .c { stroke: var(--c); }
    .curve { fill: none; stroke-width: 1.6; stroke-linejoin: round; } .area { opacity: .15; } .fa { fill: var(--a); } .fb { fill: var(--b); } .lost { fill: var(--p0); }
    .p0 { fill: var(--p0); } .p1 { fill: var(--p1); } .p2 { fill: var(--p2); } .p3 { fill: var(--p3); } .band { opacity: .10; } .bar { opacity: .85; }`;

const escape = (text) => String(text).replace(/[&<>"]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[c]);
const n1 = (value) => value.toFixed(1);

// → SVG. placeOf(fault): where it struck. title: one line above all.
export function picture(history, title, placeOf = () => 'ground') {
    const uploads = history.uploads.filter(({ until }) => until !== undefined); // the others were under way when all was over
    const acked = uploads.filter(({ outcome }) => outcome === 'ok');
    const events = [...uploads.map(({ until }) => until), ...history.nemesis.map(({ healed, until, at }) => healed ?? until ?? at)];
    const from = Math.min(...uploads.map(({ at }) => at));
    const seconds = Math.max(10, Math.ceil((Math.max(...events) - from) / 1_000));
    const x = (ms) => LEFT + ((ms - from) / 1_000 / seconds) * (WIDTH - LEFT - RIGHT);

    const rows = [...new Set(history.nemesis.map(({ fault }) => fault))];
    const panels = [
        rate('scans acknowledged a second', 'a', acked.map(({ until, scans }) => ({ at: until, n: scans.length })), { from, seconds, x }),
        rate('webhooks answered a second', 'b', history.sinks.flatMap(({ requests }) => requests.filter(({ answered }) => answered).map(({ answered }) => ({ at: answered, n: 1 }))),
            { from, seconds, x }),
        latency({ uploads, from, seconds, x }),
    ];
    const faultsTop = TOP + panels.length * (PANEL + GAP);
    const height = faultsTop + rows.length * ROW + 40;
    const color = (fault) => `p${PLACES[placeOf(fault)] ?? 0}`;
    const end = ({ until, at }) => Math.max(Math.min(x(until ?? at), WIDTH - RIGHT), x(at) + 1.5);
    const bands = history.nemesis.map((one) => `<rect class="band ${color(one.fault)}" x="${n1(x(one.at))}" y="${TOP}" width="${n1(end(one) - x(one.at))}" height="${faultsTop - TOP - GAP}"/>`);
    const bars = history.nemesis.map((one) => `<rect class="bar ${color(one.fault)}" rx="2" x="${n1(x(one.at))}" y="${faultsTop + rows.indexOf(one.fault) * ROW + 3}"`
        + ` width="${n1(end(one) - x(one.at))}" height="${ROW - 6}"><title>${escape(`${one.fault} ${JSON.stringify(one.dose ?? {})}: ${one.proof ?? ''}`)}</title></rect>`);
    const names = rows.map((name, i) => `<text x="${LEFT - 8}" y="${faultsTop + i * ROW + 13}" text-anchor="end">${escape(name)}</text>`
        + `<line class="line" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${faultsTop + (i + 1) * ROW}" y2="${faultsTop + (i + 1) * ROW}"/>`);
    return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="${escape(title)}">
<style>${STYLE}</style>
<rect class="ground" width="${WIDTH}" height="${height}"/>
<text class="head" x="${LEFT}" y="24">${escape(title)}</text>
${bands.join('\n')}
${panels.map((panel, i) => `<g transform="translate(0 ${TOP + i * (PANEL + GAP)})">${panel}</g>`).join('\n')}
<text class="soft" x="${LEFT}" y="${faultsTop - 8}">faults, from the blow until all are at work again</text>
${names.join('\n')}
${timeAxis(x, from, seconds, height - 14, faultsTop)}
${bars.join('\n')}
</svg>
`;
}

function timeAxis(x, from, seconds, y, top) {
    const step = [5, 10, 20, 30, 60, 120, 300, 600, 1_800].find((one) => seconds / one <= 16) ?? 3_600;
    const marks = Array.from({ length: Math.floor(seconds / step) + 1 }, (_, i) => i * step);
    return marks.map((second) => {
        const at = n1(x(from + second * 1_000));
        return `<line class="line" x1="${at}" x2="${at}" y1="${top}" y2="${y - 14}"/><text class="soft" x="${at}" y="${y}" text-anchor="middle">${second} s</text>`;
    }).join('\n');
}

// A round number at or above `value`, for the top of an axis.
function round(value) {
    const power = 10 ** Math.floor(Math.log10(Math.max(value, 1)));
    return [1, 2, 5, 10].map((factor) => factor * power).find((one) => one >= value);
}

function perSecond(list, from, seconds) {
    const counts = new Array(seconds + 1).fill(0);
    for (const { at, n } of list) {
        const second = Math.floor((at - from) / 1_000);
        if (second >= 0 && second <= seconds)
            counts[second] += n;
    }
    return counts;
}

const path = (points) => points.map(([px, py], i) => `${i === 0 ? 'M' : 'L'}${n1(px)} ${n1(py)}`).join('');

// legend: [{ name, mark }]
function frame(title, legend, ticks) {
    const right = WIDTH - RIGHT;
    let at = right;
    const keys = [...legend].reverse().map(({ name, mark }) => {
        at -= name.length * 6.6 + 34;
        return `${mark(at)}<text class="soft" x="${at + 18}" y="-6">${escape(name)}</text>`;
    });
    return `<text x="${LEFT}" y="-6">${escape(title)}</text>${keys.join('')}`
        + ticks.map(({ y, text }) => `<line class="line" x1="${LEFT}" x2="${right}" y1="${n1(y)}" y2="${n1(y)}"/>`
            + `<text class="soft" x="${LEFT - 8}" y="${n1(y + 4)}" text-anchor="end">${escape(text)}</text>`).join('');
}

const dash = (name) => (at) => `<line class="curve ${name}" x1="${at}" x2="${at + 14}" y1="-10" y2="-10"/>`;

function rate(title, color, list, { from, seconds, x }) {
    const counts = perSecond(list, from, seconds);
    // A peak that stands alone is cut off and named, lest all else lie flat on the ground.
    const [peak, high] = [Math.max(...counts), [...counts].sort((a, b) => a - b)[Math.floor(counts.length * 0.95)]];
    const top = round(Math.max(peak > 4 * high ? 2 * high : peak, 1));
    const y = (value) => PANEL - (Math.min(value, top) / top) * PANEL;
    const points = counts.map((value, second) => [x(from + second * 1_000 + 500), y(value)]).filter(([px]) => px <= WIDTH - RIGHT);
    const peaks = counts.map((value, second) => (value > top && counts[second - 1] !== value && counts.slice(Math.max(0, second - 5), second + 6).every((other) => other <= value)
        ? `<text class="soft" x="${n1(x(from + second * 1_000 + 500) + 6)}" y="12">${value}</text>` : ''));
    return frame(title, [], [0, top / 2, top].map((value) => ({ y: y(value), text: String(value) })))
        + `<path class="area f${color}" d="${path([[points[0][0], PANEL], ...points, [points.at(-1)[0], PANEL]])}Z"/>`
        + `<path class="curve ${color}" d="${path(points)}"/>${peaks.join('')}`;
}

function latency({ uploads, from, seconds, x }) {
    const answers = new Map(); // second → times
    for (const { at, until: answered, outcome } of uploads) {
        const second = Math.floor((answered - from) / 1_000);
        if (outcome === 'ok')
            answers.set(second, [...(answers.get(second) ?? []), answered - at]);
    }
    const top = 10 ** Math.ceil(Math.log10(Math.max(100, ...uploads.map(({ at, until }) => until - at))));
    const y = (ms) => PANEL - (Math.log10(Math.max(ms, SLOW_FLOOR_MS) / SLOW_FLOOR_MS) / Math.log10(top / SLOW_FLOOR_MS)) * PANEL;
    // A second without an answer is a gap in the line.
    const curve = (pick) => [...answers.keys()].sort((a, b) => a - b).filter((second) => second <= seconds).map((second) => {
        const times = answers.get(second).sort((a, b) => a - b);
        return `${answers.has(second - 1) ? 'L' : 'M'}${n1(x(from + second * 1_000 + 500))} ${n1(y(pick(times)))}${answers.has(second - 1) || answers.has(second + 1) ? '' : 'h1'}`;
    }).join('');
    const failed = uploads.filter(({ outcome }) => outcome !== 'ok').map(({ at, until: answered }) => `<circle class="lost" r="1.8" cx="${n1(x(answered))}" cy="${n1(y(answered - at))}"/>`);
    const ticks = [];
    for (let value = SLOW_FLOOR_MS; value <= top; value *= 10)
        ticks.push({ y: y(value), text: value < 1_000 ? `${value} ms` : `${value / 1_000} s` });
    return frame('time until an upload was answered', [{ name: 'median', mark: dash('a') }, { name: 'slowest', mark: dash('c') },
        { name: 'not acknowledged', mark: (at) => `<circle class="lost" r="3" cx="${at + 8}" cy="-10"/>` }], ticks)
        + `<path class="curve c" d="${curve((times) => times.at(-1))}"/><path class="curve a" d="${curve((times) => times[times.length >> 1])}"/>${failed.join('')}`;
}
