// Numbers and times as people read them. Pure. The words for amounts are those of the refusals that
// the server writes (256MB, 2GB, 0.5 cores), so that both can be compared at a glance.

export function formatAmount(unit: string, amount: number): string {
    switch (unit) {
    case 'MiB':
        return amount !== 0 && amount % 1024 === 0 ? `${amount / 1024}GB` : `${amount}MB`;
    case 'millicores':
        return formatCores(amount);
    default:
        return plain(amount) + (UNIT_WORDS[unit] ?? '');
    }
}

const UNIT_WORDS: Record<string, string> = { 'Mbit/s': ' Mbit/s', hours: ' h', minutes: ' min' };
const plain = (amount: number): string => amount.toLocaleString('en');

const coresOf = (millicores: number): string => String(Number((millicores / 1000).toFixed(2)));

export const formatCores = (millicores: number): string =>
    `${coresOf(millicores)} ${millicores === 1000 ? 'core' : 'cores'}`;

function partOf(unit: string, part: number): string {
    switch (unit) {
    case 'MiB':
        return formatAmount(unit, part);
    case 'millicores':
        return coresOf(part);
    default:
        return plain(part);
    }
}

// "256MB of 1GB", "0.25 of 0.5 cores".
export const formatOf = (unit: string, part: number, whole: number): string =>
    `${partOf(unit, part)} of ${formatAmount(unit, whole)}`;

// What others wrote ends with one full stop, whether they wrote it or not.
export const sentence = (text: string): string => (/[.!?…]$/.test(text) ? text : `${text}.`);

export function formatBytes(bytes: number): string {
    const units = [' bytes', 'KB', 'MB', 'GB', 'TB'];
    let amount = bytes;
    let unit = 0;
    while (amount >= 1024 && unit < units.length - 1) {
        amount /= 1024;
        unit++;
    }
    return `${Number(amount.toFixed(amount < 10 && unit > 1 ? 1 : 0))}${units[unit]}`;
}

// Some durations are measured in whole seconds: none of those is nothing at all.
export function formatDuration(ms: number): string {
    if (ms === 0) {
        return 'less than a second';
    }
    if (ms < 1000) {
        return `${ms} ms`;
    }
    const seconds = ms / 1000;
    return seconds < 60
        ? `${Number(seconds.toFixed(1))} s`
        : `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}

const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });
const STEPS: Array<[Intl.RelativeTimeFormatUnit, number]> = [
    ['day', 86400], ['hour', 3600], ['minute', 60],
];

export function formatAgo(atUnix: number, nowUnix: number): string {
    const age = Math.max(0, nowUnix - atUnix);
    for (const [unit, seconds] of STEPS) {
        if (age >= seconds) {
            return relative.format(-Math.floor(age / seconds), unit);
        }
    }
    return 'just now';
}

export const formatTime = (atUnix: number): string =>
    new Date(atUnix * 1000).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' });

// "10:32" of today, with the day if it was another one.
export function formatSince(atUnix: number, nowUnix: number): string {
    const [at, now] = [new Date(atUnix * 1000), new Date(nowUnix * 1000)];
    return at.toDateString() === now.toDateString()
        ? at.toLocaleTimeString(undefined, { timeStyle: 'short' }) : formatTime(atUnix);
}
