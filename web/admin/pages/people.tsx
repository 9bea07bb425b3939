// For admins: who is here, what they use, their limits, and new accounts.
import { useRef, useState } from 'preact/hooks';
import type { Me, User } from '../../generated/http';
import { call } from '../../shared/api';
import { useLive } from '../../shared/components/hooks';
import { Page, Trouble } from '../../shared/components/page';
import { CreatePerson } from '../people/create_person';
import { PersonCard } from '../people/person_card';

const PAGE_SIZE = 20;
const REFRESH_MS = 15000; // each person shown is one more request

function PersonList({ people }: { people: User[] }) {
    return people.length === 0 ? <p class="card empty">Nobody has a name like this.</p> : (
        <ul class="people">
            {people.map((person) => (
                <li key={person.id}>
                    <PersonCard person={person} refreshMs={REFRESH_MS} />
                </li>
            ))}
        </ul>
    );
}

export function PeoplePage(_props: { me: Me }) {
    const [search, setSearch] = useState('');
    const [after, setAfter] = useState<number[]>([]); // the way back to the first page
    const last = after[after.length - 1];
    const list = useLive(() => call('GET /api/users', {
        query: {
            limit: PAGE_SIZE,
            ...(search ? { search } : {}),
            ...(last ? { after: last } : {}),
        },
    }), [search, last], REFRESH_MS);
    const newest = useRef(list.value.value); // the last list stays while a new search is asked for
    newest.current = list.value.value ?? newest.current;
    const now = newest.current;
    return (
        <Page title="People">
            <section aria-labelledby="people-title">
                <div class="row spread">
                    <h2 id="people-title">Accounts</h2>
                    <input type="search" aria-label="Search people" placeholder="Name or email"
                        maxLength={100} onInput={(event) => {
                            setAfter([]);
                            setSearch(event.currentTarget.value.trim());
                        }} />
                </div>
                <Trouble refusal={list.trouble.value} hasOld={now !== null} />
                {now ? <PersonList people={now.users} /> : <p class="hint">Loading…</p>}
                <div class="row">
                    {after.length > 0 && (
                        <button type="button" onClick={() => setAfter(after.slice(0, -1))}>
                            Back
                        </button>
                    )}
                    {now?.next_after !== undefined && now.next_after > 0 && (
                        <button type="button"
                            onClick={() => setAfter([...after, now.next_after ?? 0])}>
                            More people
                        </button>
                    )}
                </div>
            </section>
            <CreatePerson onCreated={() => void list.reload()} />
        </Page>
    );
}
