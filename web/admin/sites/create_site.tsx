// A new site: a name and what it is made of. Limits and defaults are the server's to choose.
import { useState } from 'preact/hooks';
import type { Me, Site } from '../../generated/http';
import { say } from '../../shared/announce';
import { call } from '../../shared/api';
import { Field, focusLater, FormRefusal, useForm } from '../../shared/components/form';
import { TYPE_WORDS } from './words';

// "blog" becomes "blog.example.org"; a full name stays as it is.
export function fullDomain(typed: string, suffix: string): string {
    const name = typed.trim().toLowerCase();
    return name && !name.includes('.') && suffix ? `${name}.${suffix}` : name;
}

function CreateForm({ suffix, onCreated }: { suffix: string; onCreated: (site: Site) => void }) {
    const [typed, setTyped] = useState('');
    const form = useForm(async (values) => {
        const site = await call('POST /api/sites', {
            body: {
                domain: fullDomain(values.domain ?? '', suffix),
                type: values.type as Site['type'],
            },
        });
        setTyped('');
        onCreated(site);
        say(`${site.domain} is made. Now drop a folder on it.`);
        focusLater(() => document.querySelector(`#site-${site.id}-card summary`));
    });
    const domain = fullDomain(typed, suffix);
    return (
        <form class="card" {...form.attributes} aria-labelledby="create-title">
            <FormRefusal form={form} />
            <div class="grid">
                <Field form={form} id="new-domain" name="domain" label="Name" hint={domain
                    ? <>Its address will be <strong>{domain}</strong></>
                    : `A short name such as “blog”${suffix && `, it becomes blog.${suffix}`}`}>
                    {(attributes) => (
                        <input {...attributes} required maxLength={253} value={typed}
                            autocomplete="off" autocapitalize="none" spellcheck={false}
                            onInput={(event) => setTyped(event.currentTarget.value)} />
                    )}
                </Field>
                <Field form={form} id="new-type" name="type" label="Made of">
                    {(attributes) => (
                        <select {...attributes}>
                            {Object.entries(TYPE_WORDS).map(([type, words]) => (
                                <option key={type} value={type}>{words}</option>
                            ))}
                        </select>
                    )}
                </Field>
            </div>
            <button class="primary" disabled={form.isBusy}>
                {form.isBusy ? 'Making the site…' : 'Make the site'}
            </button>
        </form>
    );
}

export function CreateSite({ me, onCreated }: { me: Me; onCreated: (site: Site) => void }) {
    return (
        <section aria-labelledby="create-title">
            <h2 id="create-title">A new site</h2>
            {me.user.can_create_sites
                ? <CreateForm suffix={me.sites_suffix} onCreated={onCreated} />
                : <p class="notice">Your account cannot make sites. Ask your admin if you want one.</p>}
        </section>
    );
}
