// One question at a time, in a native dialog: await ask({...}) gives true for yes. The browser
// traps the focus, closes on Escape and gives the focus back to the button that asked.
import { signal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';

interface Question {
    title: string;
    text: string;
    yes: string;
    no: string;
    isDangerous?: boolean;
}

const pending = signal<{ question: Question; answer: (yes: boolean) => void } | null>(null);

export function ask(question: Question): Promise<boolean> {
    pending.value?.answer(false);
    return new Promise((resolve) => {
        pending.value = {
            question,
            answer: (yes) => {
                pending.value = null;
                resolve(yes);
            },
        };
    });
}

export function ConfirmDialog() {
    const dialog = useRef<HTMLDialogElement>(null);
    const current = pending.value;
    useEffect(() => {
        if (current) {
            dialog.current?.showModal();
        } else if (dialog.current?.open) {
            dialog.current.close();
        }
    }, [current]);
    const question = current?.question;
    return (
        <dialog ref={dialog} aria-labelledby="confirm-title" aria-describedby="confirm-text"
            onClose={() => current?.answer(false)}>
            <h2 id="confirm-title">{question?.title}</h2>
            <p id="confirm-text">{question?.text}</p>
            <div class="row end">
                <button type="button" onClick={() => current?.answer(false)}>
                    {question?.no}
                </button>
                <button type="button" class={question?.isDangerous ? 'danger' : 'primary'}
                    onClick={() => current?.answer(true)}>
                    {question?.yes}
                </button>
            </div>
        </dialog>
    );
}
