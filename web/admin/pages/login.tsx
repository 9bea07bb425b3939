// The way in. Says why one is here again after a session has ended.
import { useEffect, useRef } from 'preact/hooks';
import { Field, FormRefusal, useForm } from '../../shared/components/form';
import { Page } from '../../shared/components/page';
import { logIn } from '../../shared/session';

export function LoginPage({ why }: { why: string | undefined }) {
    const email = useRef<HTMLInputElement>(null);
    const form = useForm(async (values, element) => {
        try {
            await logIn(values.email ?? '', values.password ?? '');
        } catch (error) {
            const password = element.elements.namedItem('password') as HTMLInputElement;
            password.value = '';
            throw error;
        }
    }, (field) => field ?? 'password');
    useEffect(() => email.current?.focus(), []);
    return (
        <Page title="Log in" intro="to Dial Up Deploy, the home of your sites." isNarrow hasLogo
            keepsFocus>
            {why && <p class="notice" id="why">{why}</p>}
            <form class="card" {...form.attributes} method="post" aria-label="Log in">
                <FormRefusal form={form} />
                <Field form={form} id="email" name="email" label="Email"
                    {...(why ? { describedBy: 'why' } : {})}>
                    {(attributes) => (
                        <input {...attributes} ref={email} type="email" required maxLength={254}
                            autocomplete="username" inputMode="email" spellcheck={false} />
                    )}
                </Field>
                <Field form={form} id="password" name="password" label="Password">
                    {(attributes) => (
                        <input {...attributes} type="password" required maxLength={200}
                            autocomplete="current-password" />
                    )}
                </Field>
                <button class="primary wide" disabled={form.isBusy}>
                    {form.isBusy ? 'Logging in…' : 'Log in'}
                </button>
            </form>
            <p class="hint">No account, or the password is lost? Ask the admin of this server.</p>
        </Page>
    );
}
