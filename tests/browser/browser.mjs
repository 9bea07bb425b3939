// What the browser tests share: one Chromium, pages that remember every console error and every
// violation of the security policy, axe, screenshots, and the log-in. The packages come from
// web/node_modules.
import { createRequire } from 'node:module';
import { mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

const need = createRequire(new URL('../../web/package.json', import.meta.url));
const { chromium } = need('playwright-core');
const axe = readFileSync(need.resolve('axe-core/axe.min.js'), 'utf8');
const AXE_TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

export const launch = () => chromium.launch({
    executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
        '--disable-background-networking', '--disable-component-update', '--disable-sync',
        '--host-resolver-rules=MAP *.localhost 127.0.0.1'],
});

// Refused requests are part of many tests; Chromium reports each as a console error of its own.
const isExpected = (text) => /^Failed to load resource: the server responded with a status of/
    .test(text);

export async function openPage(browser, base, options = {}) {
    const context = await browser.newContext({ baseURL: base, ignoreHTTPSErrors: true,
        viewport: { width: 1100, height: 900 }, ...options });
    await context.addInitScript(() => {
        document.addEventListener('securitypolicyviolation', (event) =>
            console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`));
    });
    const page = await context.newPage();
    page.setDefaultTimeout(15000);
    const problems = [];
    page.on('pageerror', (error) => problems.push(String(error)));
    page.on('console', (message) => {
        if (['error', 'warning'].includes(message.type()) && !isExpected(message.text())) {
            problems.push(message.text());
        }
    });
    await page.goto('/');
    return { page, problems, close: () => context.close() };
}

export async function logIn(page, email, password) {
    await page.getByLabel('Email').fill(email);
    await page.getByLabel('Password').fill(password);
    await page.getByRole('button', { name: 'Log in' }).click();
}

// The violations that axe finds, as short lines. Evaluated by the debugger's protocol, which the
// page's policy does not bind.
export async function axeProblems(page) {
    await page.evaluate(axe);
    const { violations } = await page.evaluate((tags) =>
        globalThis.axe.run(document, { runOnly: tags }), AXE_TAGS);
    return violations.map(({ id, nodes }) =>
        `${id}: ${nodes.map((node) => `${node.target} ${node.any[0]?.message ?? ''}`).join(' | ')}`);
}

// How far the page is wider than the window; 0 is right.
export const overflow = (page) => page.evaluate(() =>
    document.documentElement.scrollWidth - document.documentElement.clientWidth);

export async function screenshot(page, name) {
    const folder = process.env.SCREENSHOTS;
    if (folder) {
        mkdirSync(folder, { recursive: true });
        await page.screenshot({ path: path.join(folder, `${name}.png`), fullPage: true });
    }
}
