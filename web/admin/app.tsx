// Chooses the page: log-in without a session, else what the address names. A new page is one row.
import type { ComponentType } from 'preact';
import type { Me } from '../generated/http';
import { announcement, say } from '../shared/announce';
import { toRefusal } from '../shared/api';
import { ConfirmDialog } from '../shared/components/confirm';
import { Page, Trouble } from '../shared/components/page';
import { sentence } from '../shared/format';
import { logOut, resumeSession, session } from '../shared/session';
import { AccountPage } from './pages/account';
import { LoginPage } from './pages/login';
import { OverviewPage } from './pages/overview';
import { PeoplePage } from './pages/people';
import { route } from './route';

interface PageRow {
    path: string;
    name: string;
    isForAdmins: boolean;
    component: ComponentType<{ me: Me }>;
}

const PAGES: PageRow[] = [
    { path: '/', name: 'My sites', isForAdmins: false, component: OverviewPage },
    { path: '/people', name: 'People', isForAdmins: true, component: PeoplePage },
    { path: '/account', name: 'My account', isForAdmins: false, component: AccountPage },
];

const pagesFor = (me: Me): PageRow[] =>
    PAGES.filter(({ isForAdmins }) => !isForAdmins || me.user.role === 'admin');

async function leave(): Promise<void> {
    try {
        await logOut();
    } catch (error) {
        say(`${sentence(toRefusal(error).message)} You are still logged in.`);
    }
}

function TopBar({ me }: { me: Me }) {
    const pages = pagesFor(me);
    return (
        <header class="top">
            <a class="skip" href="#main" onClick={skip}>Skip to the page</a>
            <span class="brand">Dial Up Deploy</span>
            {pages.length > 1 && (
                <nav aria-label="Pages">
                    {pages.map(({ path, name }) => (
                        <a key={path} href={`#${path}`}
                            aria-current={route.value === path ? 'page' : undefined}>
                            {name}
                        </a>
                    ))}
                </nav>
            )}
            <span class="who">{me.user.name}</span>
            <button type="button" class="small" onClick={() => void leave()}>Log out</button>
        </header>
    );
}

// The fragment belongs to the router, so the jump is made by hand.
function skip(event: Event): void {
    event.preventDefault();
    document.querySelector<HTMLElement>('main h1')?.focus();
}

function Waiting({ trouble }: { trouble: ReturnType<typeof toRefusal> | undefined }) {
    if (!trouble) {
        return <Page title="One moment" isNarrow>{null}</Page>;
    }
    return (
        <Page title="Not there yet" isNarrow>
            <Trouble refusal={trouble} hasOld={false} />
            <button type="button" onClick={() => void resumeSession()}>Try again</button>
        </Page>
    );
}

function CurrentPage() {
    const now = session.value;
    if (now.state === 'unknown') {
        return <Waiting trouble={now.trouble} />;
    }
    if (now.state === 'out') {
        return <LoginPage why={now.why} />;
    }
    const pages = pagesFor(now.me);
    const page = pages.find(({ path }) => path === route.value) ?? pages[0];
    const Content = page!.component;
    return (
        <>
            <TopBar me={now.me} />
            <Content key={page!.path} me={now.me} />
            <footer>Dial Up Deploy {now.me.server_version}</footer>
        </>
    );
}

export function App() {
    return (
        <>
            <CurrentPage />
            <ConfirmDialog />
            <p class="status" role="status">{announcement}</p>
        </>
    );
}
