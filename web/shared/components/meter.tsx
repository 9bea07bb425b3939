// "Used of limit" for one dimension: the words carry everything, the bar is for the eye only.
import type { DimensionUsage } from '../../generated/http';
import { STATE_WORDS, type DimensionGroup } from '../dimensions';
import { formatAmount, formatOf } from '../format';

export function usedOfLimit({ unit, used, limit }: DimensionUsage): string {
    return limit < 0 ? `${formatAmount(unit, used)}, no limit` : formatOf(unit, used, limit);
}

function Bar({ usage }: { usage: DimensionUsage }) {
    if (usage.limit < 0) {
        return null;
    }
    return (
        <svg class={`bar ${usage.state}`} aria-hidden="true" preserveAspectRatio="none"
            viewBox="0 0 100 1">
            <rect width={Math.min(100, usage.percent)} height="1" />
        </svg>
    );
}

function Numbers({ usage, hasTag = true }: { usage: DimensionUsage; hasTag?: boolean }) {
    return (
        <span class="numbers">
            {usedOfLimit(usage)}
            {usage.limit >= 0 && ` (${usage.percent} %)`}
            {hasTag && usage.limit >= 0 && usage.state !== 'ok' && (
                <> <span class={`tag ${usage.state}`}>{STATE_WORDS[usage.state]}</span></>
            )}
        </span>
    );
}

export function MeterRow({ group }: { group: DimensionGroup }) {
    const { whole, parts } = group;
    return (
        <li class="meter" data-dimension={whole.dimension}>
            <span class="label">{whole.label}</span>
            <Numbers usage={whole} hasTag={parts.every(({ state }) => state !== whole.state)} />
            <Bar usage={whole} />
            {parts.length > 0 && (
                <ul class="parts">
                    {parts.map((part) => (
                        <li key={part.dimension} data-dimension={part.dimension}>
                            <span>{part.label}</span> <Numbers usage={part} />
                        </li>
                    ))}
                </ul>
            )}
        </li>
    );
}
