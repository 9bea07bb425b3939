// Builds the panel into dist/admin: index.html and assets/ with hashed names, each with a .gz and a
// .br beside it, so that the server only picks a file. Assets may be cached for ever; index.html not.
// Prints what a visitor downloads and fails when the budget is passed.
import { build } from 'esbuild';
import { createHash } from 'node:crypto';
import { mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { fileURLToPath } from 'node:url';
import path from 'node:path';
import './scripts/api_types.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));
const out = path.join(here, 'dist/admin');
// As esbuild names its files; the server tells by such a name what may be cached for ever.
const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
const BUDGET_GZ_BYTES = { '.js': 30 * 1024, '.css': 4 * 1024 };

async function bundle() {
    const result = await build({
        absWorkingDir: here,
        entryPoints: { app: 'admin/main.tsx', style: 'shared/style.css' },
        outdir: path.join(out, 'assets'),
        entryNames: '[name]-[hash]',
        bundle: true,
        minify: true,
        format: 'esm',
        target: ['es2022'],
        charset: 'utf8',
        legalComments: 'none',
        metafile: true,
        logLevel: 'warning',
    });
    const names = {};
    for (const [file, { entryPoint }] of Object.entries(result.metafile.outputs)) {
        names[entryPoint] = `/assets/${path.basename(file)}`;
    }
    return { script: names['admin/main.tsx'], style: names['shared/style.css'] };
}

async function copyIcon() {
    const icon = await readFile(path.join(here, 'admin/icon.svg'));
    const digest = createHash('sha256').update(icon).digest();
    const hash = Array.from(digest.subarray(0, 8), (byte) => BASE32[byte % 32]).join('');
    await writeFile(path.join(out, `assets/icon-${hash}.svg`), icon);
    return `/assets/icon-${hash}.svg`;
}

async function writePage(names) {
    let page = await readFile(path.join(here, 'admin/index.html'), 'utf8');
    for (const [name, address] of Object.entries(names)) {
        page = page.replaceAll(`{{${name}}}`, address);
    }
    await writeFile(path.join(out, 'index.html'), page);
}

async function compress(file) {
    const bytes = await readFile(file);
    const gz = gzipSync(bytes, { level: 9 });
    const br = brotliCompressSync(bytes, {
        params: { [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length },
    });
    await writeFile(`${file}.gz`, gz);
    await writeFile(`${file}.br`, br);
    const size = { file: path.basename(file), raw: bytes.length, gz: gz.length, br: br.length };
    console.log(`${size.file.padEnd(24)} ${size.raw} bytes, gz ${size.gz}, br ${size.br}`);
    return size;
}

function checkBudget(sizes) {
    for (const { file, gz } of sizes) {
        const most = BUDGET_GZ_BYTES[path.extname(file)];
        if (most && gz > most) {
            console.error(`${file} is ${gz} bytes gz; the budget is ${most}`);
            process.exitCode = 1;
        }
    }
}

await rm(out, { recursive: true, force: true });
await mkdir(path.join(out, 'assets'), { recursive: true });
const names = { ...await bundle(), icon: await copyIcon() };
await writePage(names);
const assets = await readdir(path.join(out, 'assets'));
const files = ['index.html', ...assets.map((name) => `assets/${name}`)];
checkBudget(await Promise.all(files.map((name) => compress(path.join(out, name)))));
