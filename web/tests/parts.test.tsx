// The rooms with effects, on a make-believe browser: calls, session, polling, forms.
import './dom';
import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { render } from 'preact';
import { call, guard, Refusal } from '../shared/api';
import { Field, FormRefusal, useForm } from '../shared/components/form';
import { loaded } from '../shared/loaded';
import { poll } from '../shared/poll';
import { logIn, resumeSession, session } from '../shared/session';
import { fakeFetch, until } from './dom';

const user = { id: 1, email: 'a@b.org', name: 'A', role: 'user', profile: 'standard',
    can_create_sites: true, can_use_editor: true, is_active: true, created_at: 0 };
const me = { user, csrf: 'token', sites_suffix: 'b.org', server_version: '1' };
const error = (rest: object) => ({ error: { name: 'x', message: 'No', request_id: 'r', ...rest } });

beforeEach(() => {
    document.body.innerHTML = '<div id="root"></div>';
    session.value = { state: 'unknown' };
    guard.csrf = '';
});

test('log-in takes the token, and unsafe calls carry it', async () => {
    const asked = fakeFetch(({ address }) =>
        [200, address === '/api/login' ? { ...me, csrf: undefined } : me]);
    await logIn('a@b.org', 'secret');
    await call('POST /api/sites/{domain}/stop', { path: { domain: 'x.b.org' } });
    assert.deepEqual(asked.map(({ address }) => address),
        ['/api/login', '/api/me', '/api/sites/x.b.org/stop']);
    assert.equal(asked[2]?.headers['X-CSRF'], 'token');
    assert.equal(asked[1]?.headers['X-CSRF'], undefined);
    assert.equal(session.value.state, 'in');
});

test('a 401 ends the session with a word why; without one it is quiet', async () => {
    fakeFetch(() => [401, error({})]);
    await resumeSession();
    assert.deepEqual(session.value, { state: 'out' });
    session.value = { state: 'in', me: me as never };
    await assert.rejects(call('GET /api/sites'), Refusal);
    assert.match(JSON.stringify(session.value), /session has ended/);
});

test('no answer and a foreign answer are refusals with a hint', async () => {
    globalThis.fetch = () => Promise.reject(new TypeError('network'));
    await assert.rejects(call('GET /api/me'), { name: 'unreachable', status: 0 });
    globalThis.fetch = () => Promise.resolve(new Response('<h1>502', { status: 502 }));
    await assert.rejects(call('GET /api/me'), { name: 'unavailable', status: 502 });
});

test('a late answer does not undo a newer value, and trouble keeps the old one', async () => {
    let release: (text: string) => void = () => undefined;
    const live = loaded(() => new Promise<string>((resolve) => {
        release = resolve;
    }));
    const slow = live.reload();
    live.set('newer');
    release('older');
    await slow;
    assert.equal(live.value.value, 'newer');
    const failing = loaded(() => Promise.reject(new Refusal(503, { name: 'x', message: 'No' })));
    failing.set('kept' as never);
    await failing.reload();
    assert.equal(failing.value.value, 'kept');
    assert.equal(failing.trouble.value?.message, 'No');
});

test('polling rests while hidden and ends when told', async () => {
    let count = 0;
    const hide = (hidden: boolean): void => {
        Object.defineProperty(document, 'hidden', { value: hidden, configurable: true });
        document.dispatchEvent(new Event('visibilitychange'));
    };
    const stop = poll(async () => void count++, 1);
    await until(() => count >= 3);
    hide(true);
    const resting = count;
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.ok(count <= resting + 1);
    hide(false);
    await until(() => count > resting + 2);
    stop();
    const ended = count;
    hide(false);
    assert.equal(count, ended);
});

function Form({ submit }: { submit: () => Promise<void> }) {
    const form = useForm(submit);
    return (
        <form {...form.attributes}>
            <FormRefusal form={form} />
            <Field form={form} id="name" name="domain" label="Name">
                {(attributes) => <input {...attributes} />}
            </Field>
        </form>
    );
}

async function refusedBy(field: string | undefined): Promise<HTMLElement> {
    const root = document.getElementById('root')!;
    render(<Form submit={() => Promise.reject(new Refusal(409, {
        name: 'already_exists', message: 'Taken', hint: 'Choose another', ...(field ? { field } : {}),
    }))} />, root);
    root.querySelector('form')!.dispatchEvent(
        new Event('submit', { bubbles: true, cancelable: true }));
    await until(() => root.querySelector('.refusal') !== null);
    return root;
}

test('a refusal stands at the field it names and takes the focus there', async () => {
    const root = await refusedBy('domain');
    const input = root.querySelector('input')!;
    assert.equal(input.getAttribute('aria-describedby'), 'name-refusal');
    assert.equal(root.querySelector('#name-refusal')?.textContent, 'Taken. Choose another.');
    await until(() => document.activeElement === input);
});

test('a refusal without a field, or of a field that is not here, heads the form', async () => {
    for (const field of [undefined, 'memory_mib']) {
        const root = await refusedBy(field);
        assert.equal(root.querySelector('form')?.firstElementChild?.className, 'refusal');
        render(null, root);
    }
});
