// What a list of dimensions means for the reader: which rows are parts of which, which words say
// how full they are, and in which unit a person types a limit. Pure.
import type { DimensionUsage, Limit } from '../generated/http';

export interface DimensionGroup {
    whole: DimensionUsage;
    parts: DimensionUsage[];
}

// "memory_production" is a part of "memory" where both are listed.
function wholeOf(name: string, names: Set<string>): string | null {
    const cut = name.lastIndexOf('_');
    const whole = cut > 0 ? name.slice(0, cut) : '';
    return names.has(whole) ? whole : null;
}

const WORST: DimensionUsage['state'][] = ['over', 'hard', 'soft', 'ok'];

// A whole whose limit is only in its parts is shown against their sum, and as full as its fullest
// part: that one is what binds.
function withSum(whole: DimensionUsage, parts: DimensionUsage[]): DimensionUsage {
    if (whole.limit >= 0 || parts.length === 0 || parts.some(({ limit }) => limit < 0)) {
        return whole;
    }
    const limit = parts.reduce((sum, part) => sum + part.limit, 0);
    const state = WORST.find((word) => parts.some((part) => part.state === word)) ?? 'ok';
    return { ...whole, limit, state, percent: limit ? Math.round(whole.used * 100 / limit) : 0 };
}

export function groupDimensions(dimensions: DimensionUsage[]): DimensionGroup[] {
    const names = new Set(dimensions.map(({ dimension }) => dimension));
    return dimensions
        .filter(({ dimension }) => wholeOf(dimension, names) === null)
        .map((whole) => {
            const parts = dimensions.filter(({ dimension }) =>
                wholeOf(dimension, names) === whole.dimension);
            return { whole: withSum(whole, parts), parts };
        });
}

export const STATE_WORDS: Record<DimensionUsage['state'], string> = {
    ok: 'room left',
    soft: 'getting full',
    hard: 'full',
    over: 'over the limit',
};

const UNITS: Record<string, { word: string; step: number | 'any'; perUnit: number }> = {
    MiB: { word: 'MB', step: 1, perUnit: 1 },
    millicores: { word: 'cores', step: 'any', perUnit: 1000 },
    'Mbit/s': { word: 'Mbit/s', step: 1, perUnit: 1 },
    hours: { word: 'hours', step: 1, perUnit: 1 },
    minutes: { word: 'minutes', step: 1, perUnit: 1 },
};

export const unitWord = (unit: string): string => UNITS[unit]?.word ?? '';
export const unitStep = (unit: string): number | 'any' => UNITS[unit]?.step ?? 1;

// What stands in the number input; empty is "no limit".
export function limitToText(limit: Pick<Limit, 'unit' | 'hard'>): string {
    return limit.hard < 0 ? '' : String(limit.hard / (UNITS[limit.unit]?.perUnit ?? 1));
}

export function textToLimit(unit: string, text: string): number {
    return text.trim() === '' ? -1 : Math.round(Number(text) * (UNITS[unit]?.perUnit ?? 1));
}

// The limits that a form offers: each one that stands by itself or is a part, and a whole only if
// somebody has limited the sum as well.
export function editableLimits(limits: Limit[]): Limit[] {
    const names = new Set(limits.map(({ dimension }) => dimension));
    const wholes = new Set(limits.map(({ dimension }) => wholeOf(dimension, names)));
    return limits.filter(({ dimension, hard }) => !wholes.has(dimension) || hard >= 0);
}

export function labelOf(dimension: string, dimensions: DimensionUsage[]): string {
    const names = new Set(dimensions.map((row) => row.dimension));
    const find = (name: string | null): string | undefined =>
        dimensions.find((row) => row.dimension === name)?.label;
    const own = find(dimension) ?? dimension.replaceAll('_', ' ');
    const whole = find(wholeOf(dimension, names));
    return whole ? `${whole}, ${own.toLowerCase()}` : own;
}
