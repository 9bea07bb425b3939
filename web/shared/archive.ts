// Makes a .tar.gz of a folder in the browser, so that a folder can be dropped as it is.
// POSIX ustar with pax headers for long or non-ASCII names; what does not belong on a server
// (.git, node_modules, the desktop's droppings) is left out, as the command line does. Unlike there,
// .gitignore is not read.
import type { Site } from '../generated/http';

export interface FolderFile {
    path: string; // relative to the folder, with "/"
    file: File;
}

const BLOCK = 512;
const SKIPPED = new Set(['.git', 'node_modules', '.DS_Store', 'Thumbs.db', '.dialupignore']);
const encoder = new TextEncoder();

export const isDeployed = (path: string): boolean =>
    !path.split('/').some((part) => SKIPPED.has(part));

const isSecret = (path: string): boolean => /(^|\/)\.env(\.[^/]*)?$/.test(path);

// Whether visitors could read any file of the folder: then its .env files stay at home.
function isPlainStatic(type: Site['type'], files: FolderFile[]): boolean {
    return type === 'auto'
        ? !files.some(({ path }) => path === 'package.json' || path === 'Dockerfile')
        : type === 'static' || type === 'static-container';
}

export function filesToSend(
    type: Site['type'], files: FolderFile[],
): { sent: FolderFile[]; secrets: string[] } {
    const wanted = files.filter(({ path }) => isDeployed(path));
    const secrets = isPlainStatic(type, files)
        ? wanted.map(({ path }) => path).filter(isSecret) : [];
    return { sent: wanted.filter(({ path }) => !secrets.includes(path)), secrets };
}

function octal(value: number, digits: number): string {
    return value.toString(8).padStart(digits, '0') + '\0';
}

function header(name: string, size: number, type: '0' | 'x', mtimeUnix: number): Uint8Array {
    const block = new Uint8Array(BLOCK);
    const put = (offset: number, text: string): void => block.set(encoder.encode(text), offset);
    put(0, name);
    put(100, octal(0o644, 7));
    put(108, octal(0, 7));
    put(116, octal(0, 7));
    put(124, octal(size, 11));
    put(136, octal(mtimeUnix, 11));
    put(148, '        '); // the checksum counts itself as eight spaces
    put(156, type);
    put(257, 'ustar\x0000');
    const sum = block.reduce((total, byte) => total + byte, 0);
    put(148, `${sum.toString(8).padStart(6, '0')}\0 `);
    return block;
}

function padding(size: number): Uint8Array {
    return new Uint8Array((BLOCK - (size % BLOCK)) % BLOCK);
}

// A pax record starts with its own length in bytes, that number's digits included.
export function paxRecord(key: string, value: string): Uint8Array {
    const rest = encoder.encode(` ${key}=${value}\n`);
    let size = rest.length + 1;
    while (String(size).length + rest.length !== size) {
        size = String(size).length + rest.length;
    }
    const record = new Uint8Array(size);
    record.set(encoder.encode(String(size)));
    record.set(rest, size - rest.length);
    return record;
}

function entry(path: string, file: File): BlobPart[] {
    const mtimeUnix = Math.max(0, Math.floor(file.lastModified / 1000));
    const parts: BlobPart[] = [];
    const put = (bytes: Uint8Array): void => void parts.push(bytes as Uint8Array<ArrayBuffer>);
    if (path.length > 100 || /[^\x20-\x7e]/.test(path)) {
        const record = paxRecord('path', path);
        put(header('pax', record.length, 'x', mtimeUnix));
        put(record);
        put(padding(record.length));
    }
    const plain = path.replace(/[^\x20-\x7e]/g, '_').slice(-100);
    put(header(plain, file.size, '0', mtimeUnix));
    parts.push(file);
    put(padding(file.size));
    return parts;
}

export async function packFolder(files: FolderFile[]): Promise<Blob> {
    const sorted = [...files].sort((one, other) => (one.path < other.path ? -1 : 1));
    const tar = new Blob([
        ...sorted.flatMap(({ path, file }) => entry(path, file)),
        new Uint8Array(2 * BLOCK),
    ]);
    const packed = tar.stream().pipeThrough(new CompressionStream('gzip'));
    return new Blob([await new Response(packed).blob()], { type: 'application/gzip' });
}

function entriesOf(folder: FileSystemDirectoryEntry): Promise<FileSystemEntry[]> {
    const reader = folder.createReader();
    const all: FileSystemEntry[] = [];
    return new Promise((resolve, reject) => {
        const next = (): void => reader.readEntries((some) => {
            all.push(...some);
            if (some.length) {
                next(); // a reader hands out at most 100 at a time
            } else {
                resolve(all);
            }
        }, reject);
        next();
    });
}

// The files below a dropped folder, without the folder's own name.
export async function readFolder(
    folder: FileSystemDirectoryEntry, prefix = '',
): Promise<FolderFile[]> {
    const found: FolderFile[] = [];
    for (const item of await entriesOf(folder)) {
        const path = prefix + item.name;
        if (!isDeployed(path)) {
            continue;
        }
        if (item.isDirectory) {
            found.push(...await readFolder(item as FileSystemDirectoryEntry, `${path}/`));
        } else {
            const file = await new Promise<File>((resolve, reject) =>
                (item as FileSystemFileEntry).file(resolve, reject));
            found.push({ path, file });
        }
    }
    return found;
}

// The files of an <input webkitdirectory>: their paths begin with the folder's own name.
export function filesOfInput(files: FileList): FolderFile[] {
    return Array.from(files, (file) => ({
        path: file.webkitRelativePath.replace(/^[^/]*\//, ''),
        file,
    }));
}
