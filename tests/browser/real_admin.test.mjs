// What an admin does on a running suite: look at people, change limits, make an account.
// DIALUP_PANEL, DIALUP_EMAIL and DIALUP_PASSWORD name the suite and its admin; there is a person
// called Friend with sites. Run by tests/suite/panel.test.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { axeProblems, launch, logIn, openPage, overflow, screenshot } from './browser.mjs';

const { DIALUP_PANEL, DIALUP_EMAIL, DIALUP_PASSWORD } = process.env;
let browser;
let opened;
let page;

before(async () => {
    browser = await launch();
    opened = await openPage(browser, DIALUP_PANEL);
    ({ page } = opened);
    await logIn(page, DIALUP_EMAIL, DIALUP_PASSWORD);
    await page.getByRole('heading', { name: 'My sites', level: 1 }).waitFor();
});
after(() => browser.close());

const friend = () => page.getByRole('article', { name: 'Friend' });

async function changeSites(limit) {
    await friend().getByLabel('Sites').fill(limit);
    await friend().getByRole('button', { name: 'Change the limits' }).click();
}

test('everyone’s sites, with their owners', async () => {
    await page.getByText('No site yet').waitFor();
    await page.getByLabel('Show everyone’s').check();
    await page.getByRole('article', { name: 'hello-static' }).getByText('Belongs to friend@')
        .waitFor();
});

test('people with what they use', async () => {
    await page.getByRole('link', { name: 'People' }).click();
    await friend().getByText('Sites 2 of 3').waitFor();
    await friend().getByText('Limits of Friend').click();
    await friend().getByLabel('Sites').waitFor();
    await screenshot(page, 'real-people');
    assert.deepEqual(await axeProblems(page), []);
});

test('a changed limit is shown at once and kept', async () => {
    await changeSites('4');
    await page.getByRole('status').getByText('The limits of Friend are changed').waitFor();
    await friend().getByText('Sites 2 of 4').waitFor();
    await page.reload();
    await friend().getByText('Sites 2 of 4').waitFor();
});

test('a limit that cannot be is refused beside its field', async () => {
    await friend().getByText('Limits of Friend').click();
    await changeSites('99999999999999');
    await friend().locator('[id$=-sites-refusal]').waitFor();
    await friend().getByText('Sites 2 of 4').waitFor();
    await changeSites('3');
    await friend().getByText('Sites 2 of 3').waitFor();
});

test('a new account is found by its name, and a second one of its email refused', async () => {
    const make = async () => {
        await page.getByLabel('Name', { exact: true }).fill('Cleo');
        await page.getByLabel('Email').fill('cleo@example.org');
        await page.getByLabel('Password').fill('a long password');
        await page.getByRole('button', { name: 'Make the account' }).click();
    };
    await make();
    await page.getByRole('article', { name: 'Cleo' }).getByText('Sites 0 of 3').waitFor();
    await make();
    await page.locator('#new-email-refusal').waitFor();
    await page.locator('#new-email:focus').waitFor();
    await page.getByLabel('Search people').fill('cleo');
    await friend().waitFor({ state: 'detached' });
    await page.getByRole('article', { name: 'Cleo' }).waitFor();
});

test('the page fits a phone', async () => {
    await page.setViewportSize({ width: 360, height: 740 });
    assert.equal(await overflow(page), 0);
});

test('the browser had nothing to complain about', () => {
    assert.deepEqual(opened.problems, []);
});
