// The one way from the browser to the daemons: a typed call of an operation of the HTTP API.
// Every page uses it; none calls fetch itself. A refusal of the server and a server that cannot be
// reached both arrive as a Refusal, which says what happened and what to do next.
import type { ApiError, ErrorAnswer, Operations } from '../generated/http';

export type Operation = keyof Operations;
export type Answer<K extends Operation> = Operations[K]['answer'];
type Input<K extends Operation> = Operations[K]['input'];
type Arguments<K extends Operation> =
    Record<string, never> extends Input<K> ? [input?: Input<K>] : [input: Input<K>];

export class Refusal extends Error {
    readonly status: number;
    readonly name: string;
    readonly field: string | undefined;
    readonly hint: string | undefined;

    constructor(status: number, error: Omit<ApiError, 'request_id'>) {
        super(error.message);
        this.status = status;
        this.name = error.name;
        this.field = error.field;
        this.hint = error.hint;
    }
}

// Set by session.ts: the token that unsafe requests carry, and what to do when a session has ended.
export const guard = {
    csrf: '',
    onUnauthenticated: (): void => undefined,
};

interface AnyInput {
    path?: Record<string, string | number>;
    query?: Record<string, string | number>;
    body?: unknown;
}

export function addressOf(template: string, input: AnyInput): string {
    const path = template.replace(/\{(\w+)\}/g, (_all, name: string) =>
        encodeURIComponent(String(input.path?.[name] ?? '')));
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries(input.query ?? {})) {
        query.set(name, String(value));
    }
    return query.size ? `${path}?${query}` : path;
}

function requestOf(method: string, body: unknown): RequestInit {
    const headers: Record<string, string> = { Accept: 'application/json' };
    if (method !== 'GET') {
        headers['X-CSRF'] = guard.csrf;
    }
    if (body === undefined) {
        return { method, headers };
    }
    if (body instanceof Blob) {
        headers['Content-Type'] = body.type || 'application/octet-stream';
        return { method, headers, body };
    }
    headers['Content-Type'] = 'application/json';
    return { method, headers, body: JSON.stringify(body) };
}

function unreachable(): Refusal {
    return new Refusal(0, {
        name: 'unreachable',
        message: 'The server does not answer',
        hint: 'Check your connection and try again in a moment.',
    });
}

async function refusalOf(response: Response): Promise<Refusal> {
    const answer = await response.json().catch(() => null) as ErrorAnswer | null;
    if (answer?.error?.message) {
        return new Refusal(response.status, answer.error);
    }
    // Not from our daemons: the proxy in front of them answers like this while they restart.
    return new Refusal(response.status, {
        name: 'unavailable',
        message: `The server could not do this (${response.status})`,
        hint: 'Try again in a moment. If it stays so, tell your admin.',
    });
}

export async function call<K extends Operation>(
    operation: K, ...[given]: Arguments<K>
): Promise<Answer<K>> {
    const [method = 'GET', template = ''] = operation.split(' ');
    const input: AnyInput = given ?? {};
    const response = await fetch(addressOf(template, input), {
        ...requestOf(method, input.body),
        credentials: 'same-origin',
        cache: 'no-store',
        redirect: 'error',
    }).catch(() => {
        throw unreachable();
    });
    if (!response.ok) {
        if (response.status === 401 && operation !== 'POST /api/login') {
            guard.onUnauthenticated();
        }
        throw await refusalOf(response);
    }
    const isJson = response.headers.get('Content-Type')?.startsWith('application/json');
    return await (isJson ? response.json() : response.text()) as Answer<K>;
}

export function toRefusal(error: unknown): Refusal {
    if (error instanceof Refusal) {
        return error;
    }
    console.error(error);
    return new Refusal(0, {
        name: 'internal',
        message: 'Something went wrong on this page',
        hint: 'Reload the page. If it happens again, tell your admin.',
    });
}
