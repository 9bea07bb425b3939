// The short journey that must hold on a running suite: log in, see the sites, stop and start one,
// log out. DIALUP_PANEL, DIALUP_EMAIL and DIALUP_PASSWORD name the suite; without them, the mock.
// DIALUP_SITE names the site to stop and start; without it, the first that runs.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
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

test('log-out leads back to the log-in', async () => {
    await opened.page.getByRole('button', { name: 'Log out' }).click();
    await opened.page.getByLabel('Password').waitFor();
});

test('the browser had nothing to complain about', () => {
    assert.deepEqual(opened.problems, []);
});
