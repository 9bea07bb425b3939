// Who is logged in, for the whole page. Pages read `session`; only the functions here change it.
import { signal } from '@preact/signals';
import type { Me } from '../generated/http';
import { call, guard, Refusal, toRefusal } from './api';

export type Session =
    | { state: 'unknown'; trouble?: Refusal }
    | { state: 'out'; why?: string }
    | { state: 'in'; me: Me };

export const session = signal<Session>({ state: 'unknown' });

guard.onUnauthenticated = () => {
    if (session.value.state === 'in') {
        guard.csrf = '';
        session.value = {
            state: 'out',
            why: 'You were logged out because your session has ended. Please log in again.',
        };
    }
};

function enter(me: Me): void {
    guard.csrf = me.csrf ?? '';
    session.value = { state: 'in', me };
}

export async function resumeSession(): Promise<void> {
    try {
        enter(await call('GET /api/me'));
    } catch (error) {
        const refusal = toRefusal(error);
        session.value = refusal.status === 401
            ? { state: 'out' } : { state: 'unknown', trouble: refusal };
    }
}

export async function logIn(email: string, password: string): Promise<void> {
    const me = await call('POST /api/login', { body: { email, password } });
    enter(me.csrf ? me : await call('GET /api/me'));
}

export async function logOut(): Promise<void> {
    try {
        await call('POST /api/logout');
    } catch (error) {
        if (toRefusal(error).status !== 401) {
            throw error;
        }
    }
    guard.csrf = '';
    session.value = { state: 'out', why: 'You are logged out. See you soon.' };
}
