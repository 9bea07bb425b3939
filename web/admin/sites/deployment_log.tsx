// The log of one deployment. While the deployment runs, it asks the server to wait for more, so a
// line stands here as soon as it is written.
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Deployment } from '../../generated/http';
import { call, toRefusal } from '../../shared/api';

const WAIT_MS = 10000;
const RETRY_MS = 2000;
const SHOWN_CHARACTERS = 200_000; // the end of a long log is what matters

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function shownAgain(): Promise<void> {
    while (document.hidden) {
        await new Promise((resolve) =>
            document.addEventListener('visibilitychange', resolve, { once: true }));
    }
}

async function follow(
    id: number, isWanted: () => boolean, append: (text: string) => void,
): Promise<void> {
    let offset = 0;
    for (;;) {
        await shownAgain();
        if (!isWanted()) {
            return;
        }
        const startedAt = Date.now();
        const more = await call('GET /api/deployments/{id}/log', {
            path: { id }, query: { offset, wait_ms: offset ? WAIT_MS : 0 },
        });
        if (!isWanted()) {
            return;
        }
        append(more.text);
        const isIdle = more.next_offset === offset;
        offset = more.next_offset;
        if (more.finished && isIdle) {
            return;
        }
        if (isIdle && Date.now() - startedAt < RETRY_MS) {
            await pause(RETRY_MS);
        }
    }
}

export function DeploymentLog({ deployment, domain }: { deployment: Deployment; domain: string }) {
    const [text, setText] = useState('');
    const [trouble, setTrouble] = useState('');
    const box = useRef<HTMLPreElement>(null);
    useEffect(() => {
        let isWanted = true;
        follow(deployment.id, () => isWanted, (more) =>
            setText((old) => (old + more).slice(-SHOWN_CHARACTERS)))
            .catch((error) => setTrouble(toRefusal(error).message));
        return () => {
            isWanted = false;
        };
    }, [deployment.id]);
    useEffect(() => {
        const { current } = box;
        if (current) {
            current.scrollTop = current.scrollHeight;
        }
    }, [text]);
    return (
        <>
            <p class="hint">Log of version {deployment.number}{trouble && `: ${trouble}`}</p>
            <pre class="log" ref={box} tabIndex={0} role="region"
                aria-label={`Log of version ${deployment.number} of ${domain}`}>
                {text || 'Nothing written yet.'}
            </pre>
        </>
    );
}
