// The limits of one account as number inputs. Sends only what was changed; running sites follow
// at once, and the answer says how many did.
import { useEffect, useState } from 'preact/hooks';
import type { DimensionUsage, Limit, LimitChange, Quotas, User } from '../../generated/http';
import { say } from '../../shared/announce';
import { call, toRefusal, type Refusal } from '../../shared/api';
import {
    Field, FormRefusal, RefusalText, useForm, type FormState, type Values,
} from '../../shared/components/form';
import {
    editableLimits, labelOf, limitToText, textToLimit, unitStep, unitWord,
} from '../../shared/dimensions';

export function changesOf(limits: Limit[], values: Values): LimitChange[] {
    return limits
        .filter(({ dimension }) => values[dimension] !== undefined)
        .map((limit) => ({
            dimension: limit.dimension,
            hard: textToLimit(limit.unit, values[limit.dimension] ?? ''),
            old: limit.hard,
        }))
        .filter(({ hard, old }) => hard !== old)
        .map(({ dimension, hard }) => ({ dimension, hard }));
}

// The API names a limit by its place in the list that was sent, or by its dimension.
function dimensionOf(field: string | undefined, sent: LimitChange[]): string | undefined {
    const place = field?.match(/^\/?limits[[/.](\d+)/)?.[1];
    return place ? sent[Number(place)]?.dimension : field;
}

function followed({ applied = [], note }: Quotas): string {
    const hint = note ? ` Note: ${note}` : '';
    if (applied.length === 0) {
        return `No running site had to change.${hint}`;
    }
    const agreeing = applied.filter(({ agrees }) => agrees).length;
    return agreeing === applied.length
        ? `${agreeing} running ${agreeing === 1 ? 'site follows' : 'sites follow'} already.${hint}`
        : `${agreeing} of ${applied.length} running sites follow already, the others soon.${hint}`;
}

function LimitField({ form, person, limit, dimensions }: {
    form: FormState;
    person: User;
    limit: Limit;
    dimensions: DimensionUsage[];
}) {
    const unit = unitWord(limit.unit);
    const label = labelOf(limit.dimension, dimensions);
    return (
        <Field form={form} id={`limit-${person.id}-${limit.dimension}`} name={limit.dimension}
            label={unit ? `${label} (${unit})` : label}>
            {(attributes) => (
                <input {...attributes} type="number" min={0} step={unitStep(limit.unit)}
                    inputMode="decimal" placeholder="no limit"
                    defaultValue={limitToText(limit)} />
            )}
        </Field>
    );
}

interface LimitsFormProps {
    person: User;
    dimensions: DimensionUsage[]; // for their labels
    onChanged: () => void;
}

export function LimitsForm({ person, dimensions, onChanged }: LimitsFormProps) {
    const [quotas, setQuotas] = useState<Quotas | null>(null);
    const [trouble, setTrouble] = useState<Refusal | null>(null);
    const [sent] = useState<{ changes: LimitChange[] }>({ changes: [] });
    const path = { id: person.id };
    const form = useForm(async (values) => {
        sent.changes = changesOf(quotas?.limits ?? [], values);
        if (sent.changes.length === 0) {
            say('Nothing to change.');
            return;
        }
        const answer = await call('PUT /api/quotas/user/{id}', {
            path, body: { limits: sent.changes },
        });
        setQuotas(answer);
        onChanged();
        say(`The limits of ${person.name} are changed. ${followed(answer)}`);
    }, (field) => dimensionOf(field, sent.changes));
    useEffect(() => {
        call('GET /api/quotas/user/{id}', { path })
            .then(setQuotas, (error) => setTrouble(toRefusal(error)));
    }, [person.id]);
    if (!quotas) {
        return trouble ? <RefusalText refusal={trouble} /> : <p class="hint">Loading…</p>;
    }
    return (
        <form {...form.attributes} aria-label={`Limits of ${person.name}`}>
            <FormRefusal form={form} />
            <div class="grid">
                {editableLimits(quotas.limits).map((limit) => (
                    <LimitField key={limit.dimension} form={form} person={person} limit={limit}
                        dimensions={dimensions} />
                ))}
            </div>
            <p class="hint">Empty means no limit of their own; the server’s still holds.</p>
            <button class="primary" disabled={form.isBusy}>
                {form.isBusy ? 'Changing…' : 'Change the limits'}
            </button>
        </form>
    );
}
