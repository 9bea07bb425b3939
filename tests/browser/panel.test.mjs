// The panel's journeys in a real browser, against the mock.
import assert from 'node:assert/strict';
import { gunzipSync } from 'node:zlib';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { axeProblems, launch, logIn, openPage, overflow, screenshot } from './browser.mjs';
import { startMock } from './mock_server.mjs';
import { PASSWORD } from './world.mjs';

let browser;
let mock;
let opened;
let folder;

before(async () => {
    browser = await launch();
    folder = mkdtempSync(path.join(tmpdir(), 'dialup-browser-'));
});
after(async () => {
    await browser.close();
    rmSync(folder, { recursive: true });
});
beforeEach(async () => {
    mock = await startMock();
});
afterEach(async () => {
    await opened?.close();
    await mock.close();
    assert.deepEqual(opened?.problems ?? [], [], 'no console errors, no policy violations');
    opened = undefined;
});

async function open(email, options) {
    opened = await openPage(browser, mock.base, options);
    if (email) {
        await logIn(opened.page, email, PASSWORD);
        await opened.page.getByRole('heading', { name: 'My sites', level: 1 }).waitFor();
    }
    return opened.page;
}

const site = (page, name) => page.getByRole('article', { name });
const status = (page) => page.getByRole('status');
const focused = (page) => page.evaluate(() => document.activeElement?.id ||
    document.activeElement?.className || document.activeElement?.textContent);

describe('log-in', () => {
    test('the first thing is the email, ready to type, for a password manager', async () => {
        const page = await open();
        await page.getByRole('heading', { name: 'Log in' }).waitFor();
        assert.equal(await focused(page), 'email');
        assert.equal(await page.title(), 'Log in · Dial Up Deploy');
        assert.equal(await page.getByLabel('Email').getAttribute('autocomplete'), 'username');
        assert.equal(await page.getByLabel('Password').getAttribute('autocomplete'),
            'current-password');
    });

    test('a wrong password is refused beside the field, with what to do', async () => {
        const page = await open();
        await logIn(page, 'ann@example.org', 'wrong');
        const refusal = page.locator('#password-refusal');
        await refusal.waitFor();
        assert.equal(await refusal.textContent(), 'Email or password is wrong. ' +
            'Check both, or ask your admin for a new password.');
        await page.waitForFunction(() => document.activeElement?.id === 'password');
        assert.equal(await page.getByLabel('Password').inputValue(), '');
        assert.equal(await page.getByLabel('Email').inputValue(), 'ann@example.org');
        await screenshot(page, 'login-refused');
    });

    test('the right one leads to the overview, with the focus on its heading', async () => {
        const page = await open('ann@example.org');
        assert.equal(await page.title(), 'My sites · Dial Up Deploy');
        assert.equal(await focused(page), 'My sites');
        const links = page.getByRole('navigation').getByRole('link');
        assert.deepEqual(await links.allTextContents(), ['My sites', 'My account']);
    });

    test('log-out, and a reload stays out', async () => {
        const page = await open('ann@example.org');
        await page.getByRole('button', { name: 'Log out' }).click();
        await page.getByText('You are logged out').waitFor();
        await page.reload();
        await page.getByLabel('Email').waitFor();
    });

    test('a session that ends says why, once', async () => {
        const page = await open('ann@example.org');
        mock.world.sessions.clear();
        await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
        await page.getByText('your session has ended').waitFor();
        assert.equal(await focused(page), 'email');
        await screenshot(page, 'login-expired');
        await logIn(page, 'ann@example.org', PASSWORD);
        await page.getByRole('heading', { name: 'My sites' }).waitFor();
    });
});

describe('overview', () => {
    test('usage in words, percent and state', async () => {
        const page = await open('ann@example.org');
        const row = (name) => page.locator(`[data-dimension=${name}]`);
        await row('sites').waitFor();
        assert.match(await row('sites').textContent(), /Sites2 of 3 \(67 %\)/);
        assert.match(await row('memory_production').textContent(),
            /Production 428MB of 512MB \(84 %\) getting full/);
        assert.match(await row('storage_development').textContent(), /1GB of 1GB \(100 %\) full/);
        assert.match(await row('memory').textContent(), /^Memory428MB of 1GB \(42 %\)/);
    });

    test('sites with state, reason, version and measured use', async () => {
        const page = await open('ann@example.org');
        const blog = site(page, 'blog.dialup.localhost');
        await blog.getByText('version 2').waitFor();
        const text = await blog.textContent();
        assert.match(text, /Running/);
        assert.match(text, /58MB of 128MB/);
        assert.match(text, /0.01 of 0.13 cores/);
        assert.equal(await blog.getByRole('link').getAttribute('href'),
            'https://blog.dialup.localhost/');
        assert.match(await site(page, 'shop.dialup.localhost').textContent(),
            /Failed.*exit code 1/);
        assert.equal(await site(page, 'notes.dialup.localhost').count(), 0);
    });

    test('figures follow by themselves, and an outage keeps the old ones', async () => {
        const page = await open('ann@example.org');
        const blog = site(page, 'blog.dialup.localhost');
        await blog.getByText('Running').waitFor();
        mock.world.sites[0].state = 'failed';
        mock.world.sites[0].state_reason = 'Ran out of memory';
        await blog.getByText('Ran out of memory').waitFor();
        mock.world.isDown = true;
        await page.getByText('figures may be old').first().waitFor();
        assert.equal(await blog.getByText('Failed').count(), 1);
        mock.world.isDown = false;
        await page.getByText('figures may be old').first().waitFor({ state: 'detached' });
    });

    test('one that sleeps says so, since when, and what the next visit does', async () => {
        const page = await open('ann@example.org');
        const blog = site(page, 'blog.dialup.localhost');
        Object.assign(mock.world.sites[0], {
            sleep: 'asleep', sleep_at: Math.floor(Date.now() / 1000) });
        await blog.getByText(/^Asleep since \d+:\d+.*The next visit wakes it, that takes about half a second\.$/)
            .waitFor();
        assert.equal(await blog.locator('.state').first().textContent(), 'Asleep');
        await screenshot(page, 'asleep');
        Object.assign(mock.world.sites[0], { sleep: 'frozen', sleep_at: 1700000000 });
        await blog.getByText(/^Frozen since .*2023.*nobody will notice/).waitFor();
        Object.assign(mock.world.sites[0], { sleep: 'awake', instances: 2 });
        await blog.getByText('2 instances answer them').waitFor();
        assert.equal(await blog.locator('.state').first().textContent(), 'Running');
    });

    test('how a site is kept is chosen by keyboard, with what follows from it', async () => {
        const page = await open('ann@example.org');
        const blog = site(page, 'blog.dialup.localhost');
        Object.assign(mock.world.sites[0], { sleep: 'asleep', sleep_at: 1700000000 });
        await blog.getByText('Sleep and load').click();
        const form = blog.getByRole('form', { name: 'How blog.dialup.localhost is kept' });
        const lazy = form.getByRole('radio', { name: /^Sleeps while nobody visits it Its memory is free/ });
        assert.equal(await lazy.isChecked(), true);
        const minutes = form.getByLabel('Minutes without a visit');
        assert.equal(await minutes.inputValue(), '');
        await minutes.fill('5000');
        await page.keyboard.press('Enter');
        await form.getByText('This is too long. At most 1000.').waitFor();
        await page.waitForFunction(() => document.activeElement?.id === 'idle-1');
        await minutes.fill('45');
        await page.keyboard.press('Enter');
        await status(page).getByText('is kept like this').waitFor();
        assert.deepEqual([mock.world.sites[0].strategy, mock.world.sites[0].idle_minutes], ['lazy', 45]);
        await minutes.fill('');
        await form.getByRole('button').click();
        await page.waitForFunction(() => !document.querySelector('[aria-label^="How"] button').disabled);
        assert.equal(mock.world.sites[0].idle_minutes, 0);
        await lazy.focus();
        await page.keyboard.press('ArrowDown');
        assert.equal(await form.getByRole('radio', { name: /^Always awake For sites/ }).isChecked(), true);
        assert.equal(await minutes.count(), 0);
        mock.world.isFull = true;
        await form.getByRole('button', { name: 'Keep it like this' }).click();
        await form.getByText('Not enough memory available (need 128MB, have 0MB)').waitFor();
        await screenshot(page, 'keeping-refused');
        mock.world.isFull = false;
        await form.getByRole('button', { name: 'Keep it like this' }).click();
        await blog.getByText('Running').waitFor();
        assert.equal(mock.world.sites[0].strategy, 'persistent');
        Object.assign(mock.world.sites[0], { state_reason: 'A poll came' });
        await blog.getByText('A poll came').waitFor();
        assert.equal(await form.getByRole('radio', { name: /^Always awake For sites/ }).isChecked(), true);
        assert.equal(await site(page, 'shop.dialup.localhost').getByText('Sleep and load').count(), 1);
    });

    test('stop asks first; start brings it back', async () => {
        const page = await open('ann@example.org');
        const blog = site(page, 'blog.dialup.localhost');
        await blog.getByRole('button', { name: 'Stop' }).click();
        const dialog = page.getByRole('dialog');
        await dialog.getByText('Visitors will see').waitFor();
        await screenshot(page, 'stop-question');
        await page.keyboard.press('Escape');
        assert.equal(await blog.locator('.state').first().textContent(), 'Running');
        await blog.getByRole('button', { name: 'Stop' }).click();
        await dialog.getByRole('button', { name: 'Stop the site' }).click();
        await blog.getByText('Stopped', { exact: true }).waitFor();
        assert.match(await status(page).textContent(), /blog.dialup.localhost is stopping/);
        await blog.getByRole('button', { name: 'Start' }).click();
        await blog.getByText('Running').waitFor();
        assert.ok(mock.world.calls.includes('POST /api/sites/blog.dialup.localhost/stop'));
    });

    test('nothing is asked while nobody looks', async () => {
        const page = await open('ann@example.org');
        await site(page, 'blog.dialup.localhost').getByText('version 2').waitFor();
        await page.clock.install();
        await page.evaluate(() => {
            Object.defineProperty(document, 'hidden', { value: true, configurable: true });
            document.dispatchEvent(new Event('visibilitychange'));
        });
        const before = mock.world.calls.length;
        await page.clock.runFor(60000);
        assert.equal(mock.world.calls.length, before);
        await page.evaluate(() => {
            Object.defineProperty(document, 'hidden', { value: false });
            document.dispatchEvent(new Event('visibilitychange'));
        });
        await page.waitForResponse('**/api/sites?*');
    });
});

describe('a new site', () => {
    test('a taken name is refused beside the name', async () => {
        const page = await open('ann@example.org');
        await page.getByLabel('Name').fill('blog');
        await page.getByText('blog.dialup.localhost').last().waitFor();
        await page.getByRole('button', { name: 'Make the site' }).click();
        await page.locator('#new-domain-refusal').waitFor();
        assert.equal(await page.locator('#new-domain-refusal').textContent(),
            'This name is taken. Choose another one.');
        await page.waitForFunction(() => document.activeElement?.id === 'new-domain');
        assert.equal(await page.getByLabel('Name').getAttribute('aria-invalid'), 'true');
    });

    test('made, and ready for a folder; the fourth one is over the limit', async () => {
        const page = await open('ann@example.org');
        await page.getByLabel('Name').fill('garden');
        await page.getByLabel('Made of').selectOption('static');
        await page.getByRole('button', { name: 'Make the site' }).click();
        const garden = site(page, 'garden.dialup.localhost');
        await garden.getByText('Nothing deployed yet').waitFor();
        await garden.getByText('Drop a folder or a .tar.gz here').waitFor();
        await page.getByLabel('Name').fill('fourth');
        await page.getByRole('button', { name: 'Make the site' }).click();
        await page.locator('form .refusal').waitFor();
        assert.match(await page.locator('form .refusal').textContent(),
            /site limit \(3\/3\).*remove an old site/);
        await screenshot(page, 'quota-refused');
    });

    test('deleting one asks first', async () => {
        const page = await open('ann@example.org');
        const shop = site(page, 'shop.dialup.localhost');
        await shop.getByRole('button', { name: 'Delete' }).click();
        await page.getByRole('dialog').getByRole('button', { name: 'Delete the site' }).click();
        await shop.waitFor({ state: 'detached' });
    });
});

describe('deploying', () => {
    test('a small archive goes in one request, then its log is shown', async () => {
        const page = await open('ann@example.org');
        const blog = site(page, 'blog.dialup.localhost');
        await blog.getByText('Deploy a new version').click();
        await blog.getByLabel('Choose an archive').setInputFiles({
            name: 'site.tar.gz', mimeType: 'application/gzip', buffer: Buffer.from('small') });
        await blog.getByText('Version 3', { exact: true }).waitFor();
        await blog.getByText('Ready after 1.2 s').waitFor();
        assert.equal(mock.world.received[0].toString(), 'small');
        await screenshot(page, 'deployed');
    });

    test('a large archive goes in parts', async () => {
        const page = await open('ann@example.org');
        const blog = site(page, 'blog.dialup.localhost');
        await blog.getByText('Deploy a new version').click();
        const buffer = Buffer.alloc(9 * 1024 * 1024, 'x');
        await blog.getByLabel('Choose an archive').setInputFiles({
            name: 'site.tgz', mimeType: 'application/gzip', buffer });
        await blog.getByText('Version 3', { exact: true }).waitFor();
        assert.ok(mock.world.received[0].equals(buffer));
        assert.equal(mock.world.calls.filter((line) => /^PUT .*uploads/.test(line)).length, 3);
    });

    test('a folder is packed here, without what does not belong', async () => {
        const source = path.join(folder, 'my-site');
        mkdirSync(path.join(source, 'node_modules'), { recursive: true });
        mkdirSync(path.join(source, 'css'));
        writeFileSync(path.join(source, 'index.html'), '<h1>hello</h1>');
        writeFileSync(path.join(source, 'css', 'a.css'), 'h1 { color: red }');
        writeFileSync(path.join(source, 'node_modules', 'x.js'), '');
        const page = await open('ann@example.org');
        const blog = site(page, 'blog.dialup.localhost');
        await blog.getByText('Deploy a new version').click();
        await blog.getByLabel('Choose a folder').setInputFiles(source);
        await blog.getByText('Version 3', { exact: true }).waitFor();
        const tar = gunzipSync(mock.world.received[0]).toString('latin1');
        assert.match(tar, /^css\/a\.css\0/);
        assert.match(tar, /index\.html\0/);
        assert.doesNotMatch(tar, /node_modules/);
    });

    test('another kind of file is refused without asking the server', async () => {
        const page = await open('ann@example.org');
        const blog = site(page, 'blog.dialup.localhost');
        await blog.getByText('Deploy a new version').click();
        await blog.getByLabel('Choose an archive').setInputFiles({
            name: 'site.zip', mimeType: 'application/zip', buffer: Buffer.from('PK') });
        await blog.getByText('This is not a .tar.gz archive').waitFor();
    });

    test('going back to an older version', async () => {
        const page = await open('ann@example.org');
        const blog = site(page, 'blog.dialup.localhost');
        await blog.getByText('Deployments and their logs').click();
        await blog.getByRole('button', { name: 'Go back to version 1' }).click();
        await page.getByRole('dialog').getByRole('button', { name: 'Go back' }).click();
        await blog.getByText('brought back').waitFor();
    });
});

describe('people', () => {
    async function openPeople(options) {
        const page = await open('ada@example.org', options);
        await page.getByRole('link', { name: 'People' }).click();
        await page.getByRole('heading', { name: 'People', level: 1 }).waitFor();
        return page;
    }

    test('everybody with their usage; the page is only for admins', async () => {
        const page = await openPeople();
        assert.equal(await focused(page), 'People');
        await page.getByRole('article', { name: 'Ann' }).getByText('Sites 2 of 3').waitFor();
        await page.getByLabel('Search people').fill('bob');
        await page.getByRole('article', { name: 'Ann' }).waitFor({ state: 'detached' });
        await page.getByRole('article', { name: 'Bob' }).waitFor();
        assert.equal(await page.getByRole('article').count(), 1);
    });

    test('a new account; a known email is refused beside the field', async () => {
        const page = await openPeople();
        const fill = async (email) => {
            await page.getByLabel('Name', { exact: true }).fill('Cleo');
            await page.getByLabel('Email').fill(email);
            await page.getByLabel('Password').fill('a long password');
            await page.getByLabel('Limits to begin with').selectOption('basic');
            await page.getByRole('button', { name: 'Make the account' }).click();
        };
        await fill('ann@example.org');
        await page.locator('#new-email-refusal').waitFor();
        // The focus moves there a moment after the refusal stands. What is typed goes where the focus
        // is: a password would end up in the email.
        await page.locator('#new-email:focus').waitFor();
        await fill('cleo@example.org');
        await page.getByRole('article', { name: 'Cleo' }).getByText('basic').waitFor();
        assert.equal(mock.world.users.at(-1).role, 'user');
        assert.equal(await page.getByLabel('Password').inputValue(), '');
    });

    test('limits: only what was changed is sent; a refusal stands at its field', async () => {
        const page = await openPeople();
        const ann = page.getByRole('article', { name: 'Ann' });
        await ann.getByText('Limits of Ann').click();
        await ann.getByLabel('Sites').fill('5');
        await ann.getByLabel('CPU, production (cores)').fill('0.75');
        await ann.getByLabel('Memory, production (MB)').fill('2000000');
        const sending = page.waitForRequest((request) => request.method() === 'PUT');
        await ann.getByRole('button', { name: 'Change the limits' }).click();
        assert.deepEqual((await sending).postDataJSON().limits.map(({ dimension }) => dimension),
            ['sites', 'memory_production', 'cpu_production']);
        await ann.locator('#limit-1-memory_production-refusal').waitFor();
        await screenshot(page, 'limits-refused');
        await ann.getByLabel('Memory, production (MB)').fill('768');
        await ann.getByRole('button', { name: 'Change the limits' }).click();
        await status(page).getByText('The limits of Ann are changed').waitFor();
        const limits = mock.world.limits.get(1);
        assert.equal(limits.get('sites'), 5);
        assert.equal(limits.get('cpu_production'), 750);
        assert.equal(limits.get('memory_production'), 768);
        assert.equal(limits.get('memory_development'), 512);
    });

    test('an admin sees everyone’s sites when asked to', async () => {
        const page = await open('ada@example.org');
        await page.getByText('No site yet').waitFor();
        await page.getByLabel('Show everyone’s').check();
        await site(page, 'notes.dialup.localhost').getByText('Belongs to bob@').waitFor();
    });
});

// The pages as a reader meets them, with all that can be open opened.
const PAGES = {
    login: async () => {
        const page = await open(null, PAGES.options);
        await page.getByLabel('Email').waitFor();
        return page;
    },
    overview: async () => {
        const page = await open('ann@example.org', PAGES.options);
        const blog = site(page, 'blog.dialup.localhost');
        await blog.getByText('version 2').waitFor();
        await blog.getByText('Deploy a new version').click();
        await blog.getByText('Sleep and load').click();
        await blog.getByText('Always awake', { exact: true }).waitFor();
        await blog.getByText('Deployments and their logs').click();
        await blog.getByText('Ready after').waitFor();
        return page;
    },
    people: async () => {
        const page = await open('ada@example.org', PAGES.options);
        await page.getByRole('link', { name: 'People' }).click();
        const ann = page.getByRole('article', { name: 'Ann' });
        await ann.getByText('Sites 2 of 3').waitFor();
        await ann.getByText('Limits of Ann').click();
        await ann.getByLabel('Sites').waitFor();
        return page;
    },
};

const LOOKS = {
    light: { colorScheme: 'light' },
    dark: { colorScheme: 'dark' },
    phone: { colorScheme: 'light', viewport: { width: 360, height: 740 }, hasTouch: true },
};

describe('accessible and in one piece', () => {
    for (const name of ['login', 'overview', 'people']) {
        for (const [look, options] of Object.entries(LOOKS)) {
            test(`${name}, ${look}`, async () => {
                PAGES.options = { ...options, reducedMotion: 'reduce' };
                const page = await PAGES[name]();
                await screenshot(page, `${name}-${look}`);
                assert.equal(await overflow(page), 0, 'nothing sticks out');
                assert.deepEqual(await axeProblems(page), []);
            });
        }
    }

    test('by keyboard alone: log in, stop a site, change your mind', async () => {
        const page = await open();
        await page.waitForFunction(() => document.activeElement?.id === 'email');
        await page.keyboard.type('ann@example.org');
        await page.keyboard.press('Tab');
        await page.keyboard.type(PASSWORD);
        await page.keyboard.press('Enter');
        const stop = site(page, 'blog.dialup.localhost').getByRole('button', { name: 'Stop' });
        await stop.focus();
        await page.keyboard.press('Enter');
        await page.getByRole('dialog').waitFor();
        await page.keyboard.press('Escape');
        assert.equal(await stop.evaluate((button) => button === document.activeElement), true);
    });
});
