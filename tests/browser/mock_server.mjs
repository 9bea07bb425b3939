// A stand-in for the panel's server: the built pages with the real security headers, and the HTTP
// API over a small in-memory world. It answers as the contract says and checks what the real one
// checks (cookie, Origin, X-CSRF, content types), so that a page that works here can work there.
import { createServer } from 'node:http';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import path from 'node:path';
import { newWorld } from './world.mjs';

const pages = fileURLToPath(new URL('../../web/dist/admin/', import.meta.url));
const TYPES = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript; charset=utf-8',
    '.css': 'text/css; charset=utf-8', '.svg': 'image/svg+xml' };
const PAGE_HEADERS = {
    'Content-Security-Policy': "default-src 'none'; script-src 'self'; style-src 'self'; " +
        "img-src 'self' data:; font-src 'self'; connect-src 'self'; form-action 'self'; " +
        "base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'",
    'X-Content-Type-Options': 'nosniff',
    'Referrer-Policy': 'same-origin',
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Cross-Origin-Resource-Policy': 'same-origin',
};

function servePage(request, response) {
    const wanted = request.url === '/' ? '/index.html' : request.url.split('?')[0];
    const file = path.join(pages, path.normalize(wanted));
    if (!file.startsWith(pages) || !existsSync(file)) {
        response.writeHead(404).end();
        return;
    }
    const hasGzip = /\bgzip\b/.test(request.headers['accept-encoding'] ?? '');
    response.writeHead(200, {
        ...PAGE_HEADERS,
        'Content-Type': TYPES[path.extname(file)],
        'Cache-Control': wanted.startsWith('/assets/')
            ? 'public, max-age=31536000, immutable' : 'no-cache',
        ...(hasGzip ? { 'Content-Encoding': 'gzip' } : {}),
    });
    response.end(readFileSync(hasGzip ? `${file}.gz` : file));
}

function answer(response, status, body, headers = {}) {
    response.writeHead(status, {
        'Content-Type': 'application/json', 'Cache-Control': 'no-store', ...headers,
    });
    response.end(JSON.stringify(body));
}

export class Refused extends Error {
    constructor(status, name, message, rest = {}) {
        super(message);
        this.status = status;
        this.error = { name, message, ...rest, request_id: 'r-1' };
    }
}

async function bodyOf(request) {
    const parts = [];
    for await (const part of request) {
        parts.push(part);
    }
    const bytes = Buffer.concat(parts);
    return request.headers['content-type'] === 'application/json'
        ? JSON.parse(bytes.toString()) : bytes;
}

const sessionOf = (request) =>
    request.headers.cookie?.match(/__Host-dud=(\w+)/)?.[1] ?? '';

function guard(world, request, route) {
    const isUnsafe = request.method !== 'GET';
    if (isUnsafe && request.headers.origin !== `http://${request.headers.host}`) {
        throw new Refused(403, 'forbidden', 'This request came from another site');
    }
    if (route.isOpen) {
        return null;
    }
    const user = world.sessions.get(sessionOf(request));
    if (!user) {
        throw new Refused(401, 'unauthenticated', 'Please log in first');
    }
    if (isUnsafe && request.headers['x-csrf'] !== world.csrf) {
        throw new Refused(403, 'forbidden', 'The X-CSRF header is missing or wrong');
    }
    if (route.isForAdmins && user.role !== 'admin') {
        throw new Refused(403, 'forbidden', 'Your account may not do this');
    }
    return user;
}

async function serveApi(world, request, response) {
    const url = new URL(request.url, 'http://mock');
    world.calls.push(`${request.method} ${url.pathname}`);
    try {
        if (world.isDown) {
            throw new Refused(503, 'unavailable', 'A part of the server does not answer');
        }
        const parts = url.pathname.split('/').map(decodeURIComponent);
        const route = world.routes.find((row) => row.method === request.method &&
            row.parts.length === parts.length &&
            row.parts.every((part, i) => part.startsWith('{') || part === parts[i]));
        if (!route) {
            throw new Refused(404, 'not_found', 'There is no such thing');
        }
        const user = guard(world, request, route);
        const names = parts.filter((_part, i) => route.parts[i].startsWith('{'));
        const body = await bodyOf(request);
        const result = route.handle({
            user, names, body, query: url.searchParams, request, session: sessionOf(request),
        });
        answer(response, route.status, result.body ?? result, result.headers);
    } catch (error) {
        if (!(error instanceof Refused)) {
            console.error(error);
        }
        answer(response, error.status ?? 500,
            { error: error.error ?? { name: 'internal', message: String(error), request_id: '' } });
    }
}

// Returns { base, world, close }. The name ends in .localhost: browsers take it for loopback and
// for a secure context, so that the real cookie with its __Host- prefix can be used.
export async function startMock() {
    const world = newWorld(Refused);
    const server = createServer((request, response) => {
        if (request.url.startsWith('/api/')) {
            void serveApi(world, request, response);
        } else {
            servePage(request, response);
        }
    });
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    return {
        base: `http://admin.dialup.localhost:${server.address().port}`,
        world,
        close: () => new Promise((resolve) => {
            server.close(resolve);
            server.closeAllConnections();
        }),
    };
}
