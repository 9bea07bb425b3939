// One site: what it is, how it is, and what can be done with it.
import { useEffect, useState } from 'preact/hooks';
import type { Deployment, Site } from '../../generated/http';
import { say } from '../../shared/announce';
import { call, toRefusal, type Refusal } from '../../shared/api';
import { ask } from '../../shared/components/confirm';
import { focusLater, RefusalText } from '../../shared/components/form';
import { formatAgo, formatAmount, formatBytes, formatCores, formatOf } from '../../shared/format';
import { DeployBox } from './deploy_box';
import { Deployments } from './deployments';
import { Keeping } from './keeping';
import { siteWords, sleepSentence, TYPE_WORDS } from './words';

type Verb = 'start' | 'stop' | 'restart';

const VERBS: Record<Verb, { name: string; done: string }> = {
    start: { name: 'Start', done: 'is starting' },
    stop: { name: 'Stop', done: 'is stopping' },
    restart: { name: 'Restart', done: 'is restarting' },
};

// Static files are served as they are: no process to restart, no memory or CPU to count.
const hasContainer = ({ type }: Site): boolean => type !== 'static';

function verbsOf(site: Site): Verb[] {
    if (site.desired === 'deleted' || site.state === 'new') {
        return [];
    }
    if (site.desired === 'stopped' || site.state === 'stopped') {
        return ['start'];
    }
    if (!hasContainer(site)) {
        return ['stop'];
    }
    return site.state === 'failed' ? ['restart', 'stop'] : ['stop', 'restart'];
}

const run = (verb: Verb, domain: string): Promise<Site> =>
    call(`POST /api/sites/{domain}/${verb}`, { path: { domain } });

function mayStop(domain: string): Promise<boolean> {
    return ask({
        title: `Stop ${domain}?`,
        text: 'Visitors will see a page that says the site is stopped. Its files stay, and you ' +
            'can start it again at any time.',
        yes: 'Stop the site',
        no: 'Keep it running',
    });
}

function mayDelete(domain: string): Promise<boolean> {
    return ask({
        title: `Delete ${domain}?`,
        text: 'The site goes offline at once and its name becomes free. Its files stay in the ' +
            'trash for 7 days; ask your admin if you want them back.',
        yes: 'Delete the site',
        no: 'Keep it',
        isDangerous: true,
    });
}

function LiveVersion({ id }: { id: number | undefined }) {
    const [live, setLive] = useState<Deployment | null>(null);
    useEffect(() => {
        setLive(null);
        if (id) {
            // Without an answer the card stays without a number; the list below tells of trouble.
            call('GET /api/deployments/{id}', { path: { id } }).then(setLive, () => undefined);
        }
    }, [id]);
    if (!id) {
        return <>nothing yet</>;
    }
    const nowUnix = Math.floor(Date.now() / 1000);
    return (
        <span>{live && `version ${live.number}, ${formatAgo(live.created_at, nowUnix)}`}</span>
    );
}

function Facts({ site }: { site: Site }) {
    const { measured } = site;
    return (
        <dl class="facts">
            <div>
                <dt>Type</dt>
                <dd>{site.type === 'auto' ? 'Not known yet' : TYPE_WORDS[site.type]}</dd>
            </div>
            <div>
                <dt>Live</dt>
                <dd><LiveVersion id={site.live_deployment} /></dd>
            </div>
            {site.memory_mib > 0 && (
                <>
                    <div>
                        <dt>Memory</dt>
                        <dd>
                            {measured && `${formatBytes(measured.memory_bytes)} of `}
                            {formatAmount('MiB', site.memory_mib)}
                        </dd>
                    </div>
                    <div>
                        <dt>CPU</dt>
                        <dd>
                            {measured
                                ? formatOf('millicores', measured.cpu_millicores,
                                    site.cpu_millicores)
                                : formatCores(site.cpu_millicores)}
                        </dd>
                    </div>
                </>
            )}
            <div><dt>Storage</dt><dd>{formatBytes(site.storage_bytes)}</dd></div>
        </dl>
    );
}

interface SiteCardProps {
    site: Site;
    owner: string | undefined; // shown where it is not the reader
    replace: (site: Site) => void;
    reload: () => void;
}

export function SiteCard({ site, owner, replace, reload }: SiteCardProps) {
    const [busy, setBusy] = useState<Verb | 'delete' | null>(null);
    const [refusal, setRefusal] = useState<Refusal | null>(null);
    const [followed, setFollowed] = useState<number | null>(null);
    const { domain } = site;
    const [words, tone] = siteWords(site);
    const sleeping = sleepSentence(site, Math.floor(Date.now() / 1000));
    const titleId = `site-${site.id}`;

    async function act(
        verb: Verb | 'delete', work: () => Promise<Site>, done: string,
    ): Promise<void> {
        setBusy(verb);
        setRefusal(null);
        try {
            replace(await work());
            say(done);
        } catch (error) {
            setRefusal(toRefusal(error));
            focusLater(() => document.querySelector(`#${titleId}-card > .refusal`));
        } finally {
            setBusy(null);
        }
    }

    async function onVerb(verb: Verb): Promise<void> {
        if (verb !== 'stop' || await mayStop(domain)) {
            await act(verb, () => run(verb, domain), `${domain} ${VERBS[verb].done}.`);
        }
    }

    async function onDelete(): Promise<void> {
        if (await mayDelete(domain)) {
            await act('delete', () => call('DELETE /api/sites/{domain}', { path: { domain } }),
                `${domain} is deleted.`);
        }
    }

    return (
        <article class="card site" id={`${titleId}-card`} aria-labelledby={titleId}>
            <div class="row spread">
                <h3 id={titleId}>
                    <a href={site.address} target="_blank" rel="noopener">{domain}</a>
                </h3>
                <span class={`state ${tone}`} data-state={site.state}>{words}</span>
            </div>
            {owner && <p class="hint">Belongs to {owner}</p>}
            {site.state_reason && <p class="reason">{site.state_reason}</p>}
            {sleeping && <p class="reason">{sleeping}</p>}
            {refusal && <RefusalText refusal={refusal} />}
            <Facts site={site} />
            <div class="row" role="group" aria-label={`Actions for ${domain}`}>
                {verbsOf(site).map((verb) => (
                    <button key={verb} type="button" disabled={busy !== null}
                        onClick={() => void onVerb(verb)}>
                        {VERBS[verb].name}
                    </button>
                ))}
                <button type="button" class="quiet" disabled={busy !== null}
                    onClick={() => void onDelete()}>
                    Delete…
                </button>
            </div>
            <DeployBox domain={domain} type={site.type} isOpen={site.state === 'new'}
                onDeployed={(deployment) => {
                    setFollowed(deployment.id);
                    reload();
                }} />
            {site.memory_mib > 0 && <Keeping site={site} replace={replace} />}
            <Deployments domain={domain} followed={followed} />
        </article>
    );
}
