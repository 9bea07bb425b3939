// How a site with a container is kept while few, or many, visit it: its owner chooses.
import { useState } from 'preact/hooks';
import type { Site } from '../../generated/http';
import { say } from '../../shared/announce';
import { call } from '../../shared/api';
import { Field, FormRefusal, useForm } from '../../shared/components/form';
import { STRATEGY_WORDS } from './words';

const MOST_MINUTES = 10080;

function Choice({ name, chosen, onChoose }: {
    name: Site['strategy'];
    chosen: boolean;
    onChoose: () => void;
}) {
    const [label, consequence] = STRATEGY_WORDS[name];
    return (
        <label class="choice">
            <input type="radio" name="strategy" value={name} checked={chosen}
                onChange={onChoose} />
            <span>
                <strong>{label}</strong>
                <span class="hint">{consequence}</span>
            </span>
        </label>
    );
}

function KeepingForm({ site, replace }: { site: Site; replace: (site: Site) => void }) {
    const { domain } = site;
    const [strategy, setStrategy] = useState(site.strategy);
    const form = useForm(async ({ idle_minutes }) => {
        replace(await call('PATCH /api/sites/{domain}', {
            path: { domain },
            body: {
                strategy,
                ...(strategy === 'lazy' ? { idle_minutes: Number(idle_minutes) } : {}),
            },
        }));
        say(`${domain} is kept like this from now on.`);
    });
    return (
        <form {...form.attributes} aria-label={`How ${domain} is kept`}>
            <FormRefusal form={form} />
            <fieldset>
                <legend class="vh">While nobody visits it</legend>
                {(Object.keys(STRATEGY_WORDS) as Array<Site['strategy']>).map((name) => (
                    <Choice key={name} name={name} chosen={name === strategy}
                        onChoose={() => setStrategy(name)} />
                ))}
            </fieldset>
            {strategy === 'lazy' && (
                <Field form={form} id={`idle-${site.id}`} name="idle_minutes"
                    label="Minutes without a visit until it sleeps"
                    hint="Empty means as the server is set.">
                    {(attributes) => (
                        <input {...attributes} type="number" min={1} max={MOST_MINUTES} step={1}
                            inputMode="numeric" defaultValue={site.idle_minutes || ''} />
                    )}
                </Field>
            )}
            <button class="primary" disabled={form.isBusy}>
                {form.isBusy ? 'Saving…' : 'Keep it like this'}
            </button>
        </form>
    );
}

export function Keeping({ site, replace }: { site: Site; replace: (site: Site) => void }) {
    const [isOpen, setOpen] = useState(false);
    return (
        <details open={isOpen} onToggle={(event) => setOpen(event.currentTarget.open)}>
            <summary>Sleep and load</summary>
            {isOpen && <KeepingForm site={site} replace={replace} />}
        </details>
    );
}
