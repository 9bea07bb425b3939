// A browser's globals for node: imported first by the tests that draw or listen.
import { Window } from 'happy-dom';

const window = new Window({ url: 'http://admin.dialup.localhost/' });
const NAMES = ['window', 'document', 'location', 'Event', 'HTMLElement', 'FormData', 'history'];
for (const name of NAMES) {
    const value = name === 'window' ? window : (window as never)[name];
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
}
globalThis.requestAnimationFrame = (run) => setTimeout(() => run(0), 0) as unknown as number;
globalThis.cancelAnimationFrame = (id) => clearTimeout(id);

export interface Asked {
    method: string;
    address: string;
    headers: Record<string, string>;
    body: unknown;
}

// Answers every fetch by the given function and remembers what was asked.
export function fakeFetch(answer: (asked: Asked) => [status: number, body: unknown]): Asked[] {
    const all: Asked[] = [];
    globalThis.fetch = (async (address: string, init: RequestInit) => {
        const body = typeof init.body === 'string' ? JSON.parse(init.body) : init.body;
        const asked = { method: init.method ?? 'GET', address, body,
            headers: init.headers as Record<string, string> };
        all.push(asked);
        const [status, result] = answer(asked);
        return new Response(JSON.stringify(result), {
            status, headers: { 'Content-Type': 'application/json' },
        });
    }) as typeof fetch;
    return all;
}

export async function until(isTrue: () => boolean): Promise<void> {
    for (let turn = 0; turn < 500; turn++) {
        if (isTrue()) {
            return;
        }
        await new Promise((resolve) => setTimeout(resolve, 2));
    }
    throw new Error(`never true: ${isTrue}`);
}
