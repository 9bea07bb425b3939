// One account: what it uses in one line, and its limits when opened.
import { useState } from 'preact/hooks';
import type { Usage, User } from '../../generated/http';
import { call } from '../../shared/api';
import { useLive } from '../../shared/components/hooks';
import { usedOfLimit } from '../../shared/components/meter';
import { groupDimensions, STATE_WORDS } from '../../shared/dimensions';
import { LimitsForm } from './limits_form';

function UsageLine({ usage }: { usage: Usage }) {
    return (
        <ul class="inline">
            {groupDimensions(usage.dimensions).map(({ whole }) => (
                <li key={whole.dimension}>
                    {whole.label} {usedOfLimit(whole)}
                    {whole.state !== 'ok' && whole.limit >= 0 && (
                        <> <span class={`tag ${whole.state}`}>{STATE_WORDS[whole.state]}</span></>
                    )}
                </li>
            ))}
        </ul>
    );
}

export function PersonCard({ person, refreshMs }: { person: User; refreshMs: number }) {
    const [isOpen, setOpen] = useState(false);
    const usage = useLive(
        () => call('GET /api/usage/user/{id}', { path: { id: person.id } }), [person.id], refreshMs);
    const titleId = `person-${person.id}`;
    const now = usage.value.value;
    return (
        <article class="card" aria-labelledby={titleId}>
            <div class="row spread">
                <h3 id={titleId}>{person.name}</h3>
                <span class="hint">
                    {person.role === 'admin' ? 'admin, ' : ''}{person.profile}
                    {!person.is_active && <> <span class="tag hard">switched off</span></>}
                </span>
            </div>
            <p class="hint">{person.email}</p>
            {now ? <UsageLine usage={now} />
                : <p class="hint">{usage.trouble.value?.message ?? 'Loading…'}</p>}
            <details open={isOpen} onToggle={(event) => setOpen(event.currentTarget.open)}>
                <summary>Limits<span class="vh"> of {person.name}</span></summary>
                {isOpen && (
                    <LimitsForm person={person} dimensions={now?.dimensions ?? []}
                        onChanged={() => void usage.reload()} />
                )}
            </details>
        </article>
    );
}
