// A site's deployments and the log of one of them, loaded when somebody opens the section.
import { useEffect, useState } from 'preact/hooks';
import type { Deployment } from '../../generated/http';
import { say } from '../../shared/announce';
import { call, toRefusal, type Refusal } from '../../shared/api';
import { ask } from '../../shared/components/confirm';
import { RefusalText } from '../../shared/components/form';
import { useLive } from '../../shared/components/hooks';
import { Trouble } from '../../shared/components/page';
import { formatAgo, formatDuration, formatTime, sentence } from '../../shared/format';
import { DeploymentLog } from './deployment_log';
import { deploymentWords, isFinished } from './words';

function Outcome({ deployment }: { deployment: Deployment }) {
    if (deployment.state === 'failed') {
        return (
            <span>
                {deployment.error_message && sentence(deployment.error_message)}
                {deployment.error_hint && ` ${sentence(deployment.error_hint)}`}
            </span>
        );
    }
    return (
        <span>
            {isFinished(deployment)
                ? `${deployment.files} files, took ${formatDuration(deployment.duration_ms)}`
                : deployment.step}
        </span>
    );
}

function Row({ deployment, isShown, onShow, onBack }: {
    deployment: Deployment;
    isShown: boolean;
    onShow: () => void;
    onBack: () => void;
}) {
    const [words, tone] = deploymentWords(deployment);
    const nowUnix = Math.floor(Date.now() / 1000);
    return (
        <li class="deployment">
            <span class={`state ${tone}`}>{words}</span>
            <div>
                <strong>Version {deployment.number}</strong>{' '}
                <span class="hint" title={formatTime(deployment.created_at)}>
                    {formatAgo(deployment.created_at, nowUnix)}
                    {deployment.kind === 'rollback' && ', brought back'}
                </span>
                {deployment.message && <p>{deployment.message}</p>}
                <p class="hint"><Outcome deployment={deployment} /></p>
            </div>
            <div class="row">
                {deployment.state === 'superseded' && (
                    <button type="button" class="small" onClick={onBack}>
                        Go back<span class="vh"> to version {deployment.number}</span>
                    </button>
                )}
                <button type="button" class="small" aria-pressed={isShown} onClick={onShow}>
                    Log<span class="vh"> of version {deployment.number}</span>
                </button>
            </div>
        </li>
    );
}

function DeploymentList({ domain, followed }: { domain: string; followed: number | null }) {
    const list = useLive(() => call('GET /api/sites/{domain}/deployments', {
        path: { domain }, query: { limit: 10 },
    }), [domain, followed]);
    const [chosen, setChosen] = useState<number | null>(followed);
    const [refusal, setRefusal] = useState<Refusal | null>(null);
    useEffect(() => setChosen(followed), [followed]);
    const deployments = list.value.value?.deployments;
    const shown = deployments?.find(({ id }) => id === chosen) ?? deployments?.[0];

    async function goBack({ number }: Deployment): Promise<void> {
        const isSure = await ask({
            title: `Go back to version ${number}?`,
            text: `${domain} will serve version ${number} again. The version of now stays here.`,
            yes: 'Go back',
            no: 'Stay',
        });
        if (!isSure) {
            return;
        }
        setRefusal(null);
        try {
            const started = await call('POST /api/sites/{domain}/rollback', {
                path: { domain }, body: { number },
            });
            say(`Version ${number} is coming back.`);
            setChosen(started.id);
            await list.reload();
        } catch (error) {
            setRefusal(toRefusal(error));
        }
    }

    if (!deployments) {
        return list.trouble.value
            ? <Trouble refusal={list.trouble.value} hasOld={false} />
            : <p class="hint">Loading…</p>;
    }
    if (!shown) {
        return <p class="hint">Nothing has been deployed yet.</p>;
    }
    return (
        <>
            <Trouble refusal={list.trouble.value} hasOld />
            {refusal && <RefusalText refusal={refusal} />}
            <ul class="deployments">
                {deployments.map((deployment) => (
                    <Row key={deployment.id} deployment={deployment}
                        isShown={deployment.id === shown.id}
                        onShow={() => setChosen(deployment.id)}
                        onBack={() => void goBack(deployment)} />
                ))}
            </ul>
            <DeploymentLog key={shown.id} deployment={shown} domain={domain} />
        </>
    );
}

interface DeploymentsProps {
    domain: string;
    followed: number | null; // a deployment that was just begun here: opens the section
}

export function Deployments({ domain, followed }: DeploymentsProps) {
    const [isOpen, setOpen] = useState(false);
    useEffect(() => {
        if (followed) {
            setOpen(true);
        }
    }, [followed]);
    return (
        <details open={isOpen} onToggle={(event) => setOpen(event.currentTarget.open)}>
            <summary>Deployments and their logs</summary>
            {isOpen && <DeploymentList domain={domain} followed={followed} />}
        </details>
    );
}
