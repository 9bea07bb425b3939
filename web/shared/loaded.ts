// A value that is loaded again and again: the last good answer stays while a reload fails, so that
// a short outage shows as a line above old figures and not as an empty page.
import { signal, type ReadonlySignal } from '@preact/signals';
import { toRefusal, type Refusal } from './api';

export interface Loaded<T> {
    readonly value: ReadonlySignal<T | null>;
    readonly trouble: ReadonlySignal<Refusal | null>;
    reload(): Promise<void>;
    set(value: T): void;
}

export function loaded<T>(load: () => Promise<T>): Loaded<T> {
    const value = signal<T | null>(null);
    const trouble = signal<Refusal | null>(null);
    let newest = 0;
    return {
        value,
        trouble,
        set: (next) => {
            newest++;
            value.value = next;
        },
        async reload() {
            const mine = ++newest;
            try {
                const next = await load();
                // An answer that was asked for before a newer change would undo it on the screen.
                if (mine === newest) {
                    value.value = next;
                    trouble.value = null;
                }
            } catch (error) {
                trouble.value = toRefusal(error);
            }
        },
    };
}
