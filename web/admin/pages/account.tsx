// One's own account: a new password, with the present one beside it.
import type { Me } from '../../generated/http';
import { say } from '../../shared/announce';
import { call } from '../../shared/api';
import { Field, FormRefusal, useForm } from '../../shared/components/form';
import { Page } from '../../shared/components/page';

export function AccountPage({ me }: { me: Me }) {
    const form = useForm(async (values, element) => {
        await call('PUT /api/me/password', {
            body: {
                current_password: values.current_password ?? '',
                password: values.password ?? '',
            },
        });
        element.reset();
        say('Your password is changed. You are logged out everywhere else.');
    });
    return (
        <Page title="My account">
            <section aria-labelledby="password-title">
                <h2 id="password-title">A new password</h2>
                <form class="card" {...form.attributes} aria-labelledby="password-title">
                    <FormRefusal form={form} />
                    <input type="text" hidden readOnly value={me.user.email} autocomplete="username" />
                    <Field form={form} id="current-password" name="current_password"
                        label="Present password">
                        {(attributes) => (
                            <input {...attributes} type="password" required maxLength={200}
                                autocomplete="current-password" />
                        )}
                    </Field>
                    <Field form={form} id="own-new-password" name="password" label="New password"
                        hint="At least 10 characters.">
                        {(attributes) => (
                            <input {...attributes} type="password" required minLength={10}
                                maxLength={200} autocomplete="new-password" />
                        )}
                    </Field>
                    <button class="primary" disabled={form.isBusy}>
                        {form.isBusy ? 'Changing it…' : 'Change my password'}
                    </button>
                </form>
            </section>
        </Page>
    );
}
