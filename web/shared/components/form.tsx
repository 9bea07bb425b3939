// A form that shows a refusal beside the field it names and moves the focus there. Inputs keep
// their own values: what a person typed is never overwritten by a redraw or a poll.
import type { ComponentChildren } from 'preact';
import { useRef, useState } from 'preact/hooks';
import { toRefusal, type Refusal } from '../api';
import { sentence } from '../format';

export interface FormState {
    isBusy: boolean;
    refusal: Refusal | null;
    field: string | null; // the input that the refusal is about, if the form has it
    attributes: { onSubmit: (event: Event) => void };
}

export type Values = Record<string, string>;

const fieldOf = (form: HTMLFormElement, name: string | undefined): HTMLElement | null => {
    const found = name ? form.elements.namedItem(name) : null;
    return found instanceof HTMLElement ? found : null;
};

// rename: from the field's name in the API to the input's name in the form, where they differ.
export function useForm(
    submit: (values: Values, form: HTMLFormElement) => Promise<void>,
    rename: (field: string | undefined) => string | undefined = (field) => field,
): FormState {
    const [isBusy, setBusy] = useState(false);
    const [refusal, setRefusal] = useState<Refusal | null>(null);
    const [field, setField] = useState<string | null>(null);
    const busy = useRef(false);

    async function onSubmit(event: Event): Promise<void> {
        event.preventDefault();
        const form = event.currentTarget as HTMLFormElement;
        if (busy.current) {
            return;
        }
        busy.current = true;
        setBusy(true);
        setRefusal(null);
        setField(null);
        try {
            await submit(Object.fromEntries(new FormData(form)) as Values, form);
        } catch (error) {
            const caught = toRefusal(error);
            const name = rename(caught.field);
            const input = fieldOf(form, name);
            setRefusal(caught);
            setField(input && name ? name : null);
            focusLater(() => input ?? form.querySelector('.refusal'));
        } finally {
            busy.current = false;
            setBusy(false);
        }
    }

    return {
        isBusy,
        refusal,
        field,
        attributes: { onSubmit: (event) => void onSubmit(event) },
    };
}

// After the redraw, when the element to focus is there and enabled again; not if somebody has gone
// elsewhere meanwhile: what they type would end up in the wrong field.
export function focusLater(find: () => Element | null): void {
    const before = document.activeElement;
    setTimeout(() => {
        const now = document.activeElement;
        const element = now === before || now === document.body ? find() : null;
        if (element instanceof HTMLElement) {
            element.focus();
        }
    }, 50);
}

export function RefusalText({ refusal, id }: { refusal: Refusal; id?: string }) {
    return (
        <p class="refusal" id={id} tabIndex={-1}>
            <strong>{sentence(refusal.message)}</strong>
            {refusal.hint && ` ${sentence(refusal.hint)}`}
        </p>
    );
}

export function FormRefusal({ form }: { form: FormState }) {
    return form.refusal && !form.field ? <RefusalText refusal={form.refusal} /> : null;
}

interface FieldProps {
    form: FormState;
    id: string;
    name: string;
    label: string;
    hint?: ComponentChildren;
    describedBy?: string;
    children: (attributes: {
        id: string;
        name: string;
        'aria-invalid'?: 'true';
        'aria-describedby'?: string;
    }) => ComponentChildren;
}

export function Field({ form, id, name, label, hint, describedBy, children }: FieldProps) {
    const refusal = form.field === name ? form.refusal : null;
    const notes = [hint && `${id}-hint`, refusal && `${id}-refusal`, describedBy]
        .filter(Boolean).join(' ');
    return (
        <div class="field">
            <label for={id}>{label}</label>
            {children({
                id,
                name,
                ...(refusal ? { 'aria-invalid': 'true' as const } : {}),
                ...(notes ? { 'aria-describedby': notes } : {}),
            })}
            {hint && <p class="hint" id={`${id}-hint`}>{hint}</p>}
            {refusal && <RefusalText refusal={refusal} id={`${id}-refusal`} />}
        </div>
    );
}
