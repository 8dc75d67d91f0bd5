// SPDX-License-Identifier: EUPL-1.2
// Which plans a program's statements really ran with, from PostgreSQL's own log (auto_explain), nested statements of functions too.
// DESIGN §3: no reading of old log rows on the hot path.

// Settings of a cluster whose log is to be read here. A plan hangs on what ANALYZE saw: when that is, the test says.
export const EXPLAIN = {
    autovacuum: 'off',
    session_preload_libraries: 'auto_explain',
    'auto_explain.log_min_duration': '0',
    'auto_explain.log_nested_statements': 'on',
    'auto_explain.log_format': 'json',
    log_line_prefix: '%a|',
};
const SEGMENTS_MAX = 2; // that a statement of a service may name: neighbours
const LOG = /^(fact|journey|receipt|attempt|sms|quarantine)(_\d+)?$/;

// → [{ query, plan }] of the sessions with this application_name
export function plansOf(log, application) {
    const plans = [];
    for (const entry of log.split(/\n(?!\t)/)) {
        const [, json] = entry.match(/^([^|]*)\|LOG: {2}duration: [\d.]+ ms {2}plan:\n\t(\{[^]*)$/)?.slice(1) ?? [];
        if (json && entry.startsWith(`${application}|`)) {
            const { 'Query Text': query, Plan: plan } = JSON.parse(json.replaceAll('\n\t', '\n'));
            plans.push({ query, plan });
        }
    }
    return plans;
}

// Every plan that names more than two segments of a log, as sentences: those that it reads, and those that it removes only when it begins (a plan that is kept
// locks these at each call).
export function manySegments(plans) {
    const complaints = new Set();
    const count = (node, named) => {
        if (node['Node Type'] !== 'ModifyTable' && /^(fact|journey)_\d+$/.test(node['Relation Name'] ?? ''))
            named.add(node['Relation Name']);
        return (node['Subplans Removed'] ?? 0) + (node.Plans ?? []).reduce((sum, child) => sum + count(child, named), 0);
    };
    for (const { query, plan } of plans) {
        const named = new Set();
        const removed = count(plan, named);
        if (named.size + removed > SEGMENTS_MAX)
            complaints.add(`${named.size + removed} segments in: ${query.replaceAll(/\s+/g, ' ').slice(0, 160)}`);
    }
    return [...complaints];
}

// Indexes over a few rows of a table (what waits): reading all of one is no long read.
export async function partialIndexes(cluster) {
    const rows = await cluster.psql(`SELECT indexrelid::regclass::text AS name FROM pg_index WHERE indpred IS NOT NULL`);
    return rows.map(({ name }) => name.replace(/^dt\./, ''));
}

// Every reading of a log that is not a look-up by position or number, as sentences. A scan by lane alone is a look-up only where a
// Limit above it stops it (the last position).
export function longReads(plans, partial = []) {
    const complaints = new Set();
    const walk = (query, node, limited) => {
        const relation = node['Relation Name'];
        if (relation && LOG.test(relation) && node['Node Type'] !== 'ModifyTable' && !partial.includes(node['Index Name'])) {
            const condition = node['Index Cond'] ?? node['Recheck Cond'] ?? '';
            const narrow = /\b(pos|last_seq|seq|stream|id|state|not_before|code|dossier|item|phone_hmac|cause_pos)\b/.test(condition);
            if (!/^(Index|Bitmap Heap)/.test(node['Node Type']) || !(narrow || (condition && limited)))
                complaints.add(`${node['Node Type']} on ${relation.replace(/_\d+$/, '_…')} [${condition || 'no condition'}] in: ${query.replaceAll(/\s+/g, ' ').slice(0, 160)}`);
        }
        const stops = limited ? !/^(Sort|Hash|Aggregate|WindowAgg)/.test(node['Node Type']) : node['Node Type'] === 'Limit';
        node.Plans?.forEach((child) => walk(query, child, stops));
    };
    plans.forEach(({ query, plan }) => walk(query, plan, false));
    return [...complaints];
}
