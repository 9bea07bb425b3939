// The states of sites and deployments in words, with the colour that goes with them. Pure.
import type { Deployment, Site } from '../../generated/http';

export type Tone = 'good' | 'busy' | 'calm' | 'bad';
type Words = [text: string, tone: Tone];

const SITE_WORDS: Record<Site['state'], Words> = {
    new: ['Nothing deployed yet', 'calm'],
    starting: ['Starting', 'busy'],
    running: ['Running', 'good'],
    stopped: ['Stopped', 'calm'],
    failed: ['Failed', 'bad'],
    deleted: ['Deleted', 'calm'],
};

const DEPLOYMENT_WORDS: Record<Deployment['state'], Words> = {
    queued: ['Waiting', 'busy'],
    building: ['Building', 'busy'],
    starting: ['Starting', 'busy'],
    live: ['Live', 'good'],
    superseded: ['Replaced', 'calm'],
    failed: ['Failed', 'bad'],
};

export const TYPE_WORDS: Record<Site['type'], string> = {
    auto: 'Find out from the files',
    static: 'Static files',
    node: 'Node.js server',
    astro: 'Astro',
    next: 'Next.js',
    dockerfile: 'My own Dockerfile',
    'static-container': 'Static files in a container',
};

export function siteWords(site: Pick<Site, 'state' | 'desired'>): Words {
    if (site.desired === 'deleted') {
        return ['Being deleted', 'busy'];
    }
    if (site.desired === 'stopped' && ['running', 'starting'].includes(site.state)) {
        return ['Stopping', 'busy'];
    }
    if (site.desired === 'running' && site.state === 'stopped') {
        return ['Starting', 'busy'];
    }
    return SITE_WORDS[site.state];
}

export const deploymentWords = ({ state }: Pick<Deployment, 'state'>): Words =>
    DEPLOYMENT_WORDS[state];

export const isFinished = ({ state }: Pick<Deployment, 'state'>): boolean =>
    DEPLOYMENT_WORDS[state][1] !== 'busy';
