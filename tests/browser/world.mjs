// The mock's world: two friends, an admin, a few sites, and what each operation does to them.
const NOW = () => Math.floor(Date.now() / 1000);
const SUFFIX = 'dialup.localhost';
const CSRF = 'csrf-token';
export const PASSWORD = 'correct horse battery';

const DIMENSIONS = [
    ['sites', 'Sites', 'count', 3],
    ['containers', 'Containers', 'count', 6],
    ['dev_containers', 'Dev Containers', 'count', 2],
    ['memory', 'Memory', 'MiB', -1],
    ['memory_production', 'Production', 'MiB', 512],
    ['memory_development', 'Development', 'MiB', 512],
    ['cpu', 'CPU', 'millicores', -1],
    ['cpu_production', 'Production', 'millicores', 500],
    ['cpu_development', 'Development', 'millicores', 300],
    ['storage', 'Storage', 'MiB', -1],
    ['storage_production', 'Production', 'MiB', 1024],
    ['storage_development', 'Development', 'MiB', 1024],
];

const newLimits = () => new Map(DIMENSIONS.map(([name, , , hard]) => [name, hard]));

function newUser(id, email, name, role) {
    return { id, email, name, role, profile: 'standard', can_create_sites: true,
        can_use_editor: true, is_active: true, created_at: NOW() - 86400 * 20 };
}

function newSite(id, owner, domain, type, rest = {}) {
    return { id, owner_kind: 'user', owner_id: owner.id, owner: owner.email, domain, type,
        strategy: 'lazy', memory_mib: 128, cpu_millicores: 125, desired: 'running',
        state: 'running', state_reason: '', sleep: 'awake', sleep_at: 0,
        idle_minutes: 0, instances: 1, storage_bytes: 18_400_000,
        created_at: NOW() - 86400 * 3, updated_at: NOW() - 600, address: `https://${domain}/`,
        ...rest };
}

function newDeployment(id, site, number, rest = {}) {
    return { id, site_id: site.id, number, kind: 'upload', state: 'live', step: 'done',
        commit_ref: '', message: '', created_by: 'user:1', files: 42, size_bytes: 1_800_000,
        received_bytes: 400_000, error_name: '', error_message: '', error_hint: '', error_checks: [],
        created_at: NOW() - 7200 + id * 60, duration_ms: 8400, log: 'Received 42 files\n' +
            'npm ci\nadded 68 packages in 4s\nStarting container\nReady after 1.2 s\n', ...rest };
}

function populate(world) {
    const ann = newUser(1, 'ann@example.org', 'Ann', 'user');
    const ada = newUser(2, 'ada@example.org', 'Ada', 'admin');
    const bob = newUser(3, 'bob@example.org', 'Bob', 'user');
    world.users.push(ann, ada, bob);
    const blog = newSite(1, ann, `blog.${SUFFIX}`, 'node', {
        live_deployment: 12, desired_deployment: 12,
        measured: { cpu_millicores: 14, memory_bytes: 61_000_000,
            memory_limit_bytes: 134_217_728, pids: 11, requests_24h: 1204,
            bytes_out_24h: 9_000_000, sampled_at: NOW() },
    });
    const shop = newSite(2, ann, `shop.${SUFFIX}`, 'astro', {
        state: 'failed', live_deployment: undefined,
        state_reason: 'The site stopped right after it started (exit code 1). Its log says why.',
    });
    const notes = newSite(3, bob, `notes.${SUFFIX}`, 'static', {
        live_deployment: 31, state: 'stopped', desired: 'stopped',
        state_reason: 'Stopped by its owner',
    });
    world.sites.push(blog, shop, notes);
    world.deployments.push(
        newDeployment(11, blog, 1, { state: 'superseded', message: 'First try' }),
        newDeployment(12, blog, 2),
        newDeployment(21, shop, 1, { state: 'failed', error_name: 'start_failed',
            error_message: 'The site did not start',
            error_hint: 'Look for the last lines of the log' }),
        newDeployment(31, notes, 1));
}

function usedOf(world, user) {
    const own = world.sites.filter((site) => site.owner_id === user.id);
    const awake = own.filter(({ state }) => state === 'running' || state === 'starting');
    const sum = (list, key) => list.reduce((total, one) => total + one[key], 0);
    return {
        sites: own.length,
        containers: awake.length,
        dev_containers: 0,
        memory_production: user.id === 1 ? 428 : sum(awake, 'memory_mib'),
        memory_development: 0,
        cpu_production: sum(awake, 'cpu_millicores'),
        cpu_development: 0,
        storage_production: Math.round(sum(own, 'storage_bytes') / 1048576),
        storage_development: user.id === 1 ? 1024 : 0,
    };
}

const PERCENTS = [[101, 'over'], [100, 'hard'], [80, 'soft'], [0, 'ok']];

function usageOf(world, user) {
    const used = usedOf(world, user);
    const limits = world.limits.get(user.id);
    for (const whole of ['memory', 'cpu', 'storage']) {
        used[whole] = used[`${whole}_production`] + used[`${whole}_development`];
    }
    const dimensions = DIMENSIONS.map(([dimension, label, unit]) => {
        const limit = limits.get(dimension);
        const percent = limit > 0 ? Math.round(used[dimension] * 100 / limit) : 0;
        const [, state] = PERCENTS.find(([least]) => percent >= least);
        return { dimension, label, unit, used: used[dimension], limit, percent, state };
    });
    return { at: NOW(), dimensions, measured: { cpu_millicores: 14, memory_bytes: 61_000_000,
        containers: used.containers, peak_cpu_millicores_24h: 180,
        peak_memory_bytes_24h: 90_000_000, cpu_core_hours: 0.4, memory_gib_hours: 1.2,
        runtime_hours: 22.1, requests_24h: 1204, bytes_out_24h: 9_000_000 },
        storage: { releases_bytes: 30_000_000, images_bytes: 0, container_bytes: 4096,
            logs_bytes: 8192, uploads_bytes: 0 } };
}

export function newWorld(Refused) {
    const world = { users: [], sites: [], deployments: [], uploads: new Map(), calls: [],
        sessions: new Map(), limits: new Map(), csrf: CSRF, isDown: false, received: [] };
    populate(world);
    world.users.forEach(({ id }) => world.limits.set(id, newLimits()));

    const missing = () => new Refused(404, 'not_found', 'There is no such thing');
    const me = (user) => ({ user, sites_suffix: SUFFIX, server_version: '1.0.0' });
    const siteOf = ({ user, names: [domain] }) => {
        const site = world.sites.find((one) => one.domain === domain);
        if (!site || (site.owner_id !== user.id && user.role !== 'admin')) {
            throw missing();
        }
        return site;
    };
    const userOf = ({ user, names: [id] }) => {
        const found = world.users.find((one) => one.id === Number(id));
        if (!found || (found !== user && user.role !== 'admin')) {
            throw missing();
        }
        return found;
    };
    const bare = ({ log, ...deployment }) => deployment;
    const find = (list, id) => list.find((one) => one.id === Number(id)) ?? (() => {
        throw missing();
    })();
    const quotasOf = (user, rest = {}) => ({ user_id: user.id, profile: user.profile,
        limits: DIMENSIONS.map(([dimension, , unit]) => ({ dimension, unit,
            hard: world.limits.get(user.id).get(dimension), soft_percent: 80,
            burst_percent: 0 })), ...rest });

    function login({ body }) {
        const user = world.users.find(({ email }) => email === body.email);
        if (!user || body.password !== PASSWORD) {
            throw new Refused(401, 'unauthenticated', 'Email or password is wrong', {
                hint: 'Check both, or ask your admin for a new password' });
        }
        const id = `s${world.sessions.size + 1}`;
        world.sessions.set(id, user);
        return { body: me(user), headers: {
            'Set-Cookie': `__Host-dud=${id}; Path=/; Secure; HttpOnly; SameSite=Lax` } };
    }

    function createSite({ user, body }) {
        if (!/^[a-z0-9-]+(\.[a-z0-9-]+)+$/.test(body.domain)) {
            throw new Refused(400, 'invalid_argument', 'A name has letters, digits and hyphens', {
                field: 'domain', hint: 'Try one such as my-blog' });
        }
        if (world.sites.some(({ domain }) => domain === body.domain)) {
            throw new Refused(409, 'already_exists', 'This name is taken', {
                field: 'domain', hint: 'Choose another one' });
        }
        const limit = world.limits.get(user.id).get('sites');
        const used = usedOf(world, user).sites;
        if (used >= limit) {
            throw new Refused(403, 'quota_exceeded',
                `Cannot create a site: You've reached your site limit (${used}/${limit})`,
                { hint: 'Contact admin to increase your limits or remove an old site' });
        }
        const site = newSite(world.sites.length + 1, user, body.domain, body.type ?? 'auto', {
            state: 'new', storage_bytes: 0 });
        world.sites.push(site);
        return site;
    }

    const setState = (desired, state, state_reason = '') => (input) =>
        Object.assign(siteOf(input), { desired, state, state_reason });

    function changeSite(input) {
        const site = siteOf(input);
        if (input.body.strategy !== 'lazy' && world.isFull) {
            throw new Refused(403, 'quota_exceeded',
                'Cannot change this site: Not enough memory available (need 128MB, have 0MB)',
                { hint: 'Contact admin to increase your limits or stop a site' });
        }
        if (input.body.idle_minutes > 1000) {
            throw new Refused(400, 'invalid_argument', 'This is too long', {
                field: 'idle_minutes', hint: 'At most 1000' });
        }
        if (input.body.strategy !== 'lazy') {
            Object.assign(site, { sleep: 'awake' });
        }
        return Object.assign(site, input.body);
    }

    function deploy(input) {
        const site = siteOf(input);
        const { body, request } = input;
        const isDirect = request.headers['content-type'] === 'application/gzip';
        if (!isDirect && !world.uploads.has(body.upload_id)) {
            throw new Refused(415, 'unsupported', 'This kind is not supported');
        }
        world.received.push(isDirect ? body : world.uploads.get(body.upload_id));
        const own = world.deployments.filter(({ site_id }) => site_id === site.id);
        own.filter(({ state }) => state === 'live').forEach((one) => {
            one.state = 'superseded';
        });
        const deployment = newDeployment(100 + world.deployments.length, site, own.length + 1,
            { created_at: NOW() });
        world.deployments.push(deployment);
        Object.assign(site, { state: 'running', live_deployment: deployment.id,
            state_reason: '' });
        return bare(deployment);
    }

    function putPart({ names: [id], body, query }) {
        const old = world.uploads.get(id);
        if (!old || old.length !== Number(query.get('offset'))) {
            throw new Refused(409, 'conflict', 'This part does not follow the last one');
        }
        world.uploads.set(id, Buffer.concat([old, body]));
        return upload(id);
    }

    const upload = (id) => ({ id, part_bytes: 4194304, max_bytes: 1 << 28,
        received_bytes: world.uploads.get(id).length });

    function beginUpload(input) {
        siteOf(input);
        const id = `upload-${world.uploads.size + 1}`;
        world.uploads.set(id, Buffer.alloc(0));
        return upload(id);
    }

    function createUser({ body }) {
        if (world.users.some(({ email }) => email === body.email)) {
            throw new Refused(409, 'already_exists', 'Somebody has this email already', {
                field: 'email', hint: 'Look for them in the list above' });
        }
        const user = { ...newUser(world.users.length + 1, body.email, body.name, body.role),
            profile: body.profile };
        world.users.push(user);
        world.limits.set(user.id, newLimits());
        return user;
    }

    function changeLimits(input) {
        const user = userOf(input);
        input.body.limits.forEach(({ hard, dimension }, i) => {
            if (hard > 1_000_000) {
                throw new Refused(400, 'invalid_argument', 'The server does not have this much', {
                    field: `limits[${i}].hard`, hint: 'It has 1000000 in all' });
            }
            world.limits.get(user.id).set(dimension, hard);
        });
        return quotasOf(user, { applied: [] });
    }

    function listUsers({ query }) {
        const search = (query.get('search') ?? '').toLowerCase();
        return { users: world.users.filter(({ name, email }) =>
            `${name} ${email}`.toLowerCase().includes(search)) };
    }

    const listSites = ({ user, query }) => ({
        sites: world.sites.filter(({ owner_id }) =>
            owner_id === user.id || (user.role === 'admin' && query.get('all') === '1')),
    });

    function readLog({ names: [id], query }) {
        const deployment = find(world.deployments, id);
        const offset = Number(query.get('offset') ?? 0);
        return { offset, next_offset: deployment.log.length, text: deployment.log.slice(offset),
            state: deployment.state, step: deployment.step, finished: true };
    }

    function rollBack(input) {
        const site = siteOf(input);
        const own = world.deployments.filter(({ site_id }) => site_id === site.id);
        const source = own.find(({ number }) => number === input.body.number);
        if (!source) {
            throw missing();
        }
        own.filter(({ state }) => state === 'live').forEach((one) => {
            one.state = 'superseded';
        });
        const next = newDeployment(100 + world.deployments.length, site, own.length + 1,
            { kind: 'rollback', created_at: NOW() });
        world.deployments.push(next);
        site.live_deployment = next.id;
        return bare(next);
    }

    const OPEN = { isOpen: true };
    const ADMIN = { isForAdmins: true };
    const rows = [
        ['POST', '/api/login', 200, login, OPEN],
        ['POST', '/api/logout', 200, ({ session }) => {
            world.sessions.delete(session);
            return {};
        }],
        ['GET', '/api/me', 200, ({ user }) => ({ ...me(user), csrf: CSRF })],
        ['GET', '/api/users', 200, listUsers, ADMIN],
        ['POST', '/api/users', 201, createUser, ADMIN],
        ['GET', '/api/profiles', 200, () => ({
            profiles: ['basic', 'standard', 'power', 'editor_only'].map((name) => ({ name,
                limits: [], can_create_sites: true, can_use_editor: true })) })],
        ['GET', '/api/quotas/user/{id}', 200, (input) => quotasOf(userOf(input))],
        ['PUT', '/api/quotas/user/{id}', 200, changeLimits, ADMIN],
        ['GET', '/api/usage/user/{id}', 200, (input) => usageOf(world, userOf(input))],
        ['GET', '/api/sites', 200, listSites],
        ['POST', '/api/sites', 201, createSite],
        ['PATCH', '/api/sites/{domain}', 200, changeSite],
        ['DELETE', '/api/sites/{domain}', 200, (input) => {
            const site = siteOf(input);
            world.sites.splice(world.sites.indexOf(site), 1);
            return { ...site, desired: 'deleted', state: 'deleted' };
        }],
        ['POST', '/api/sites/{domain}/start', 200, setState('running', 'running')],
        ['POST', '/api/sites/{domain}/stop', 200,
            setState('stopped', 'stopped', 'Stopped by its owner')],
        ['POST', '/api/sites/{domain}/restart', 200, setState('running', 'running')],
        ['POST', '/api/sites/{domain}/rollback', 202, rollBack],
        ['GET', '/api/sites/{domain}/deployments', 200, (input) => {
            const site = siteOf(input);
            return { deployments: world.deployments.filter(({ site_id }) => site_id === site.id)
                .reverse().map(bare) };
        }],
        ['POST', '/api/sites/{domain}/deployments', 202, deploy],
        ['POST', '/api/sites/{domain}/uploads', 201, beginUpload],
        ['PUT', '/api/uploads/{id}', 200, putPart],
        ['GET', '/api/deployments/{id}', 200, ({ names: [id] }) =>
            bare(find(world.deployments, id))],
        ['GET', '/api/deployments/{id}/log', 200, readLog],
    ];
    world.routes = rows.map(([method, template, status, handle, rest]) =>
        ({ method, parts: template.split('/'), status, handle, ...rest }));
    return world;
}
