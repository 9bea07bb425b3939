// Bundles tests/*.test.ts(x) (node 18 and 20 do not read TypeScript) and runs them with node --test.
// Arguments are handed on to node.
import { build } from 'esbuild';
import { spawnSync } from 'node:child_process';
import { readdirSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import path from 'node:path';
import './api_types.mjs';

const web = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const out = path.join(web, 'dist/tests');
const names = readdirSync(path.join(web, 'tests')).filter((name) => /\.test\.tsx?$/.test(name));

rmSync(out, { recursive: true, force: true });
await build({
    absWorkingDir: web,
    entryPoints: names.map((name) => `tests/${name}`),
    outdir: out,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node18',
    external: ['happy-dom'],
    sourcemap: 'inline',
    logLevel: 'warning',
});
const files = names.map((name) => path.join(out, name.replace(/\.tsx?$/, '.mjs')));
const options = ['--enable-source-maps', '--test', ...process.argv.slice(2)];
const { status } = spawnSync(process.execPath, [...options, ...files], {
    cwd: web,
    stdio: 'inherit',
});
process.exitCode = status ?? 1;
