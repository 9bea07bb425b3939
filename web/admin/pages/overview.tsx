// What a friend sees first: how much is used of what, and the sites.
import { useState } from 'preact/hooks';
import type { Me, Site, Usage } from '../../generated/http';
import { call } from '../../shared/api';
import { useLive } from '../../shared/components/hooks';
import { MeterRow } from '../../shared/components/meter';
import { Page, Trouble } from '../../shared/components/page';
import { groupDimensions } from '../../shared/dimensions';
import { formatBytes, formatCores } from '../../shared/format';
import { CreateSite } from '../sites/create_site';
import { SiteCard } from '../sites/site_card';

function MeasuredLine({ measured }: { measured: Usage['measured'] }) {
    return (
        <p class="hint">
            Measured right now: {formatCores(measured.cpu_millicores)} and{' '}
            {formatBytes(measured.memory_bytes)} in {measured.containers}{' '}
            {measured.containers === 1 ? 'container' : 'containers'};{' '}
            {measured.requests_24h.toLocaleString('en')} requests in the last 24 hours.
        </p>
    );
}

function UsageSection({ me }: { me: Me }) {
    const usage = useLive(
        () => call('GET /api/usage/user/{id}', { path: { id: me.user.id } }), [me.user.id]);
    const now = usage.value.value;
    return (
        <section aria-labelledby="usage-title">
            <h2 id="usage-title">What you use</h2>
            <Trouble refusal={usage.trouble.value} hasOld={now !== null} />
            {now ? (
                <div class="card">
                    <ul class="meters">
                        {groupDimensions(now.dimensions).map((group) => (
                            <MeterRow key={group.whole.dimension} group={group} />
                        ))}
                    </ul>
                    <MeasuredLine measured={now.measured} />
                </div>
            ) : <p class="hint">Loading…</p>}
        </section>
    );
}

// A team's site is not the reader's alone, whoever looks.
function ownerOf(site: Site, me: Me, hasOwners: boolean): string | undefined {
    if (site.team) {
        return `the team ${site.team}`;
    }
    return hasOwners && site.owner !== me.user.email ? site.owner : undefined;
}

function SiteList({ sites, me, hasOwners, replace, reload }: {
    sites: Site[];
    me: Me;
    hasOwners: boolean;
    replace: (site: Site) => void;
    reload: () => void;
}) {
    if (sites.length === 0) {
        return (
            <div class="card empty">
                <p>No site yet. Make one below, then drop a folder on it.</p>
            </div>
        );
    }
    return (
        <ul class="sites">
            {sites.map((site) => (
                <li key={site.id}>
                    <SiteCard site={site} replace={replace} reload={reload}
                        owner={ownerOf(site, me, hasOwners)} />
                </li>
            ))}
        </ul>
    );
}

export function OverviewPage({ me }: { me: Me }) {
    const [isAll, setAll] = useState(false);
    const list = useLive(() => call('GET /api/sites', {
        query: { limit: 100, ...(isAll ? { all: 1 } : {}) },
    }), [isAll]);
    const sites = list.value.value?.sites.filter(({ state }) => state !== 'deleted');

    function replace(site: Site): void {
        const old = list.value.value?.sites ?? [];
        const known = old.some(({ id }) => id === site.id);
        list.set({
            sites: known ? old.map((one) => (one.id === site.id ? site : one)) : [...old, site],
        });
    }

    return (
        <Page title="My sites">
            <UsageSection me={me} />
            <section aria-labelledby="sites-title">
                <div class="row spread">
                    <h2 id="sites-title">Sites</h2>
                    {me.user.role === 'admin' && (
                        <label class="check">
                            <input type="checkbox" checked={isAll}
                                onChange={() => setAll(!isAll)} />
                            Show everyone’s
                        </label>
                    )}
                </div>
                <Trouble refusal={list.trouble.value} hasOld={sites !== undefined} />
                {sites ? (
                    <SiteList sites={sites} me={me} hasOwners={isAll} replace={replace}
                        reload={() => void list.reload()} />
                ) : <p class="hint">Loading…</p>}
            </section>
            <CreateSite me={me} onCreated={replace} />
        </Page>
    );
}
