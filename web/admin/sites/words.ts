// The states of sites and deployments in words, with the colour that goes with them. Pure.
import type { Deployment, Site } from '../../generated/http';
import { formatSince } from '../../shared/format';

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

// As libdialup/site/strategies.def says it, and what follows from it.
export const STRATEGY_WORDS: Record<Site['strategy'], [label: string, consequence: string]> = {
    lazy: ['Sleeps while nobody visits it',
        'Its memory is free for your other sites meanwhile. If it slept long, the first visitor ' +
        'waits about half a second, and what it only kept in memory is gone.'],
    persistent: ['Always awake',
        'For sites that work without visitors: timers, bots, mail. It holds its memory all the time.'],
    scalable: ['Always awake, a second instance under load',
        'It holds its memory all the time, and twice as much under load, if your limits have room.'],
};

type Sleeper = Pick<Site, 'state' | 'desired' | 'sleep' | 'sleep_at' | 'instances'>;

const isRunning = ({ state, desired }: Sleeper): boolean =>
    state === 'running' && desired === 'running';

// What a visitor would find, in one sentence; empty if there is nothing to say.
export function sleepSentence(site: Sleeper, nowUnix: number): string {
    if (!isRunning(site)) {
        return '';
    }
    if (site.sleep === 'asleep') {
        return `Asleep since ${formatSince(site.sleep_at, nowUnix)}. ` +
            'The next visit wakes it, that takes about half a second.';
    }
    if (site.sleep === 'frozen') {
        return `Frozen since ${formatSince(site.sleep_at, nowUnix)}. ` +
            'The next visit wakes it, nobody will notice.';
    }
    return site.instances > 1
        ? `So many visit it that ${site.instances} instances answer them.` : '';
}

export function siteWords(site: Sleeper): Words {
    if (site.desired === 'deleted') {
        return ['Being deleted', 'busy'];
    }
    if (site.desired === 'stopped' && ['running', 'starting'].includes(site.state)) {
        return ['Stopping', 'busy'];
    }
    if (site.desired === 'running' && site.state === 'stopped') {
        return ['Starting', 'busy'];
    }
    if (isRunning(site) && site.sleep !== 'awake') {
        return [site.sleep === 'asleep' ? 'Asleep' : 'Frozen', 'calm'];
    }
    return SITE_WORDS[site.state];
}

export const deploymentWords = ({ state }: Pick<Deployment, 'state'>): Words =>
    DEPLOYMENT_WORDS[state];

export const isFinished = ({ state }: Pick<Deployment, 'state'>): boolean =>
    DEPLOYMENT_WORDS[state][1] !== 'busy';
