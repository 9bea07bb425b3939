// A new account. The admin chooses the first password and hands it over.
import { useEffect, useState } from 'preact/hooks';
import type { User } from '../../generated/http';
import { say } from '../../shared/announce';
import { call } from '../../shared/api';
import { Field, FormRefusal, useForm } from '../../shared/components/form';

const DEFAULT_PROFILE = 'standard';

function useProfiles(): string[] {
    const [names, setNames] = useState<string[]>([DEFAULT_PROFILE]);
    useEffect(() => {
        // Without the list the default is offered; the server checks the name anyway.
        call('GET /api/profiles').then(
            ({ profiles }) => setNames(profiles.map(({ name }) => name)), () => undefined);
    }, []);
    return names;
}

export function CreatePerson({ onCreated }: { onCreated: (person: User) => void }) {
    const profiles = useProfiles();
    const form = useForm(async (values, element) => {
        const person = await call('POST /api/users', {
            body: {
                email: values.email?.trim() ?? '',
                name: values.name?.trim() ?? '',
                password: values.password ?? '',
                profile: values.profile ?? DEFAULT_PROFILE,
                role: values.is_admin ? 'admin' : 'user',
            },
        });
        element.reset();
        onCreated(person);
        say(`${person.name} has an account now. Tell them their password.`);
    });
    return (
        <section aria-labelledby="create-title">
            <h2 id="create-title">A new account</h2>
            <form class="card" {...form.attributes} aria-labelledby="create-title">
                <FormRefusal form={form} />
                <div class="grid">
                    <Field form={form} id="new-name" name="name" label="Name">
                        {(attributes) => (
                            <input {...attributes} required maxLength={100} autocomplete="off" />
                        )}
                    </Field>
                    <Field form={form} id="new-email" name="email" label="Email">
                        {(attributes) => (
                            <input {...attributes} type="email" required maxLength={254}
                                autocomplete="off" />
                        )}
                    </Field>
                    <Field form={form} id="new-password" name="password" label="Password"
                        hint="At least 10 characters. Hand it over yourself; no mail is sent.">
                        {(attributes) => (
                            <input {...attributes} type="password" required minLength={10}
                                maxLength={200} autocomplete="new-password" />
                        )}
                    </Field>
                    <Field form={form} id="new-profile" name="profile" label="Limits to begin with">
                        {(attributes) => (
                            <select {...attributes}>
                                {profiles.map((name) => (
                                    <option key={name} value={name}
                                        selected={name === DEFAULT_PROFILE}>
                                        {name.replaceAll('_', ' ')}
                                    </option>
                                ))}
                            </select>
                        )}
                    </Field>
                </div>
                <label class="check">
                    <input type="checkbox" name="is_admin" /> May manage this server (admin)
                </label>
                <button class="primary" disabled={form.isBusy}>
                    {form.isBusy ? 'Making the account…' : 'Make the account'}
                </button>
            </form>
        </section>
    );
}
