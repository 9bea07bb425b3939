// The short journey that must hold on a running suite: log in, see the sites, stop and start one,
// deploy a folder to it, log out. DIALUP_PANEL, DIALUP_EMAIL and DIALUP_PASSWORD name the suite; without them, the mock.
// DIALUP_SITE names the site to stop and start; without it, the first that runs.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { axeProblems, launch, logIn, openPage, screenshot } from './browser.mjs';
import { startMock } from './mock_server.mjs';
import { PASSWORD } from './world.mjs';

const { DIALUP_PANEL, DIALUP_EMAIL = 'ann@example.org', DIALUP_PASSWORD = PASSWORD,
    DIALUP_SITE } = process.env;
const START_MS = 60000;
let browser;
let mock;
let opened;

before(async () => {
    mock = DIALUP_PANEL ? null : await startMock();
    browser = await launch();
    opened = await openPage(browser, DIALUP_PANEL ?? mock.base);
});
after(async () => {
    await browser.close();
    await mock?.close();
});

const card = () => {
    const cards = opened.page.getByRole('article');
    return DIALUP_SITE ? cards.filter({ hasText: DIALUP_SITE }).first()
        : cards.filter({ has: opened.page.locator('[data-state=running]') }).first();
};

test('a wrong password is refused with words', async () => {
    await logIn(opened.page, DIALUP_EMAIL, 'surely not this one');
    await opened.page.locator('form .refusal').waitFor();
});

test('the overview shows usage and sites', async () => {
    await logIn(opened.page, DIALUP_EMAIL, DIALUP_PASSWORD);
    await opened.page.getByRole('heading', { name: 'My sites', level: 1 }).waitFor();
    await opened.page.locator('[data-dimension=sites]').waitFor();
    await card().waitFor();
    await screenshot(opened.page, 'real-overview');
    assert.deepEqual(await axeProblems(opened.page), []);
});

test('a site stops and starts', async () => {
    const domain = await card().getByRole('link').first().textContent();
    const site = opened.page.getByRole('article', { name: domain });
    await site.getByRole('button', { name: 'Stop' }).click();
    await opened.page.getByRole('button', { name: 'Stop the site' }).click();
    await site.locator('[data-state=stopped]').waitFor({ timeout: START_MS });
    await site.getByRole('button', { name: 'Start' }).click();
    await site.locator('[data-state=running]').waitFor({ timeout: START_MS });
});

// A site that is right for both: static files, and a server that answers.
function writeSite() {
    const folder = mkdtempSync(path.join(tmpdir(), 'dialup-real-'));
    writeFileSync(path.join(folder, 'index.html'), '<h1>by browser</h1>');
    writeFileSync(path.join(folder, 'package.json'), JSON.stringify({
        name: 'by-browser', version: '1.0.0', private: true,
        scripts: { start: 'node server.js' } }));
    writeFileSync(path.join(folder, 'server.js'), "require('http').createServer((request, " +
        "response) => response.end('by browser')).listen(process.env.PORT, '0.0.0.0');\n");
    return folder;
}

test('a folder becomes the live version, and its log is followed to the end', async () => {
    const folder = writeSite();
    const site = card();
    await site.getByText('Deploy a new version').click();
    await site.getByLabel('Choose a folder').setInputFiles(folder);
    await site.locator('.deployment').first().getByText('Live').waitFor({ timeout: START_MS });
    await site.locator('.log', { hasText: /(Live|Ready after .*)\s*$/ }).waitFor();
    await screenshot(opened.page, 'real-deployed');
    assert.deepEqual(await axeProblems(opened.page), []);
    rmSync(folder, { recursive: true });
});

test('log-out leads back to the log-in', async () => {
    await opened.page.getByRole('button', { name: 'Log out' }).click();
    await opened.page.getByLabel('Password').waitFor();
});

test('the browser had nothing to complain about', () => {
    assert.deepEqual(opened.problems, []);
});
