// The pure rooms: formats, dimensions, words, archives.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import './dom';
import { changesOf } from '../admin/people/limits_form';
import { fullDomain } from '../admin/sites/create_site';
import { siteWords, sleepSentence } from '../admin/sites/words';
import { addressOf } from '../shared/api';
import { filesToSend, isDeployed, packFolder, paxRecord } from '../shared/archive';
import {
    editableLimits, groupDimensions, labelOf, limitToText, textToLimit,
} from '../shared/dimensions';
import {
    formatAgo, formatAmount, formatBytes, formatDuration, formatOf, sentence,
} from '../shared/format';

function cases<T>(name: string, made: (input: T) => unknown, rows: Array<[T, unknown]>): void {
    for (const [input, expected] of rows) {
        test(`${name}: ${JSON.stringify(input)}`, () => {
            assert.deepEqual(made(input), expected);
        });
    }
}

cases('formatAmount', ([unit, amount]: [string, number]) => formatAmount(unit, amount), [
    [['MiB', 0], '0MB'],
    [['MiB', 384], '384MB'],
    [['MiB', 2048], '2GB'],
    [['MiB', 1536], '1536MB'],
    [['millicores', 500], '0.5 cores'],
    [['millicores', 1000], '1 core'],
    [['count', 1200], '1,200'],
    [['hours', 24], '24 h'],
]);

cases('formatBytes', formatBytes, [
    [0, '0 bytes'], [1023, '1023 bytes'], [61_000_000, '58MB'], [1_800_000, '1.7MB'],
]);

cases('formatDuration', formatDuration, [
    [0, 'less than a second'], [12, '12 ms'], [8400, '8.4 s'], [125_000, '2 min 5 s'],
]);

cases('formatOf', ([unit, part, whole]: [string, number, number]) => formatOf(unit, part, whole), [
    [['MiB', 256, 1024], '256MB of 1GB'],
    [['millicores', 250, 1000], '0.25 of 1 core'],
    [['count', 2, 3], '2 of 3'],
    [['Mbit/s', 20, 100], '20 of 100 Mbit/s'],
]);

cases('sentence', sentence, [
    ['No room', 'No room.'], ['No room.', 'No room.'], ['Why not?', 'Why not?'],
]);

cases('formatAgo', (age: number) => formatAgo(1_000_000 - age, 1_000_000), [
    [-5, 'just now'], [59, 'just now'], [61, '1 minute ago'], [7300, '2 hours ago'],
    [90_000, 'yesterday'],
]);

cases('fullDomain', (typed: string) => fullDomain(typed, 'example.org'), [
    ['', ''], [' Blog ', 'blog.example.org'], ['my.other.net', 'my.other.net'],
]);

const AWAKE = { sleep: 'awake' as const, sleep_at: 0, instances: 1 };
cases('siteWords', ([state, desired]: ['running' | 'stopped' | 'failed', 'running' | 'stopped']) =>
    siteWords({ ...AWAKE, state, desired })[0], [
    [['running', 'running'], 'Running'],
    [['running', 'stopped'], 'Stopping'],
    [['stopped', 'running'], 'Starting'],
    [['failed', 'running'], 'Failed'],
]);

// Local times: the same day and another one, wherever this runs.
const NOON = new Date(2026, 4, 31, 12, 0).getTime() / 1000;
const TIME = new Date(NOON * 1000).toLocaleTimeString(undefined, { timeStyle: 'short' });
test('sleepSentence: since when, and what the next visit finds', () => {
    const running = { ...AWAKE, state: 'running' as const, desired: 'running' as const };
    const asleep = { ...running, sleep: 'asleep' as const, sleep_at: NOON };
    assert.equal(sleepSentence(asleep, NOON + 3600),
        `Asleep since ${TIME}. The next visit wakes it, that takes about half a second.`);
    assert.match(sleepSentence(asleep, NOON + 86400), /^Asleep since .*2026/);
    assert.match(sleepSentence({ ...asleep, sleep: 'frozen' }, NOON), /^Frozen since/);
    assert.equal(sleepSentence({ ...asleep, state: 'stopped' }, NOON), '');
    assert.equal(sleepSentence({ ...asleep, desired: 'stopped' }, NOON), '');
    assert.equal(sleepSentence(running, NOON), '');
    assert.match(sleepSentence({ ...running, instances: 2 }, NOON), /2 instances/);
    assert.deepEqual(siteWords(asleep), ['Asleep', 'calm']);
    assert.deepEqual(siteWords({ ...asleep, state: 'failed' }), ['Failed', 'bad']);
});

const row = (dimension: string, label: string, used: number, limit: number) => ({
    dimension, label, unit: 'MiB', used, limit, percent: 0, state: 'ok' as const });
const MEMORY = [
    row('memory', 'Memory', 100, -1),
    row('memory_production', 'Production', 100, 300),
    { ...row('memory_development', 'Development', 0, 100), state: 'soft' as const },
    row('dev_containers', 'Dev Containers', 0, 2),
];

test('a whole without a limit is shown against the sum of its parts', () => {
    const [memory, containers] = groupDimensions(MEMORY);
    assert.equal(memory?.whole.limit, 400);
    assert.equal(memory?.whole.percent, 25);
    assert.equal(memory?.whole.state, 'soft');
    assert.equal(memory?.parts.length, 2);
    assert.equal(containers?.whole.dimension, 'dev_containers');
    assert.deepEqual(containers?.parts, []);
});

test('one part without a limit leaves the whole without one', () => {
    const [memory] = groupDimensions([row('cpu', 'CPU', 1, -1), row('cpu_production', 'P', 1, -1)]);
    assert.equal(memory?.whole.limit, -1);
});

test('labels name the whole', () => {
    assert.equal(labelOf('memory_production', MEMORY), 'Memory, production');
    assert.equal(labelOf('dev_containers', MEMORY), 'Dev Containers');
    assert.equal(labelOf('unknown_thing', MEMORY), 'unknown thing');
});

const limit = (dimension: string, unit: string, hard: number) => ({
    dimension, label: dimension, unit, hard, percent: 0, soft_percent: 80, burst_percent: 0 });
const LIMITS = [
    limit('sites', 'count', 3), limit('cpu', 'millicores', -1),
    limit('cpu_production', 'millicores', 125), limit('memory', 'MiB', 900),
    limit('memory_production', 'MiB', 512),
];

test('a whole is editable only when it is limited itself', () => {
    assert.deepEqual(editableLimits(LIMITS).map(({ dimension }) => dimension),
        ['sites', 'cpu_production', 'memory', 'memory_production']);
});

test('limits survive the way into the input and back', () => {
    for (const one of LIMITS) {
        assert.equal(textToLimit(one.unit, limitToText(one)), one.hard);
    }
});

test('only what was changed is sent; empty is no limit', () => {
    assert.deepEqual(changesOf(LIMITS, { sites: '3', cpu_production: '0.3', memory: '' }), [
        { dimension: 'cpu_production', hard: 300 }, { dimension: 'memory', hard: -1 },
    ]);
});

test('addresses are filled and quoted', () => {
    assert.equal(addressOf('/api/sites/{domain}/logs', {
        path: { domain: 'a/b c' }, query: { tail: 5 } }), '/api/sites/a%2Fb%20c/logs?tail=5');
});

cases('isDeployed', isDeployed, [
    ['index.html', true], ['a/node_modules/b.js', false], ['.git/config', false],
    ['my.github/x', true],
]);

cases('what is sent of', ([type, ...paths]: ['auto' | 'static' | 'node', ...string[]]) => {
    const { sent, secrets } = filesToSend(type, paths.map((path) => ({ path, file: null! })));
    return [sent.map(({ path }) => path), secrets];
}, [
    [['static', 'index.html', '.env', 'a/.env.local'], [['index.html'], ['.env', 'a/.env.local']]],
    [['auto', 'index.html', '.env', '.git/x'], [['index.html'], ['.env']]],
    [['auto', 'package.json', '.env'], [['package.json', '.env'], []]],
    [['node', 'a.js', '.env', 'node_modules/b.js'], [['a.js', '.env'], []]],
    [['static', 'env.html', 'my.env'], [['env.html', 'my.env'], []]],
]);

test('a pax record counts its own digits', () => {
    for (const size of [1, 85, 86, 87, 88, 89, 90, 95, 980, 990]) {
        const text = new TextDecoder().decode(paxRecord('path', 'é'.repeat(size)));
        const bytes = new TextEncoder().encode(text).length;
        assert.equal(Number(text.split(' ')[0]), bytes);
    }
});

test('an archive has headers with a right checksum, sorted, with pax names', async () => {
    const file = (text: string): File => Object.assign(new Blob([text]), {
        name: 'x', lastModified: 1_700_000_000_000 }) as unknown as File;
    const packed = await packFolder([
        { path: 'z.txt', file: file('z') },
        { path: 'café.txt', file: file('hello') },
    ]);
    assert.equal(packed.type, 'application/gzip');
    const tar = gunzipSync(Buffer.from(await packed.arrayBuffer()));
    assert.equal(tar.length % 512, 0);
    assert.ok(tar.includes('path=café.txt\n'));
    const header = tar.subarray(0, 512);
    const told = parseInt(header.subarray(148, 154).toString(), 8);
    const sum = header.reduce((total, byte, i) =>
        total + (i >= 148 && i < 156 ? 32 : byte), 0);
    assert.equal(told, sum);
});
