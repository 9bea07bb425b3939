// The page's one live region: say() shows a short message to eyes and screen readers alike.
import { signal } from '@preact/signals';

const SHOWN_MS = 7000;

export const announcement = signal('');
let timer: ReturnType<typeof setTimeout> | undefined;

export function say(text: string): void {
    clearTimeout(timer);
    announcement.value = text;
    timer = setTimeout(() => {
        announcement.value = '';
    }, SHOWN_MS);
}
