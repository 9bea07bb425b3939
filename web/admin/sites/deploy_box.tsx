// Deploying without a terminal: a folder or an archive, dropped or chosen; and the commands for
// those who like the terminal better.
import { useId, useState } from 'preact/hooks';
import type { Deployment, Site } from '../../generated/http';
import { say } from '../../shared/announce';
import { Refusal, toRefusal } from '../../shared/api';
import {
    filesOfInput, filesToSend, packFolder, readFolder, type FolderFile,
} from '../../shared/archive';
import { CommandLines } from '../../shared/components/copy';
import { focusLater, RefusalText } from '../../shared/components/form';
import { sendArchive } from '../../shared/deploy';
import { formatBytes } from '../../shared/format';

function refuse(message: string, hint: string): Refusal {
    return new Refusal(0, { name: 'invalid_argument', message, hint });
}

interface Parcel {
    archive: Blob;
    secrets: string[]; // files that were left out because visitors could read them
}

async function packed(type: Site['type'], files: FolderFile[]): Promise<Parcel> {
    const { sent, secrets } = filesToSend(type, files);
    if (sent.length === 0) {
        throw refuse('There is nothing to send in this folder',
            'Choose the folder that holds your site’s files.');
    }
    return { archive: await packFolder(sent), secrets };
}

function archiveOf(file: File | undefined): Parcel {
    if (!file || !/\.(tar\.gz|tgz)$/i.test(file.name)) {
        throw refuse('This is not a .tar.gz archive',
            'Choose a whole folder, or make an archive: tar -czf site.tar.gz -C my-folder .');
    }
    return { archive: file, secrets: [] };
}

async function archiveOfDrop(
    type: Site['type'], transfer: DataTransfer | null,
): Promise<Parcel> {
    const entry = transfer?.items[0]?.webkitGetAsEntry();
    if (entry?.isDirectory) {
        return packed(type, await readFolder(entry as FileSystemDirectoryEntry));
    }
    return archiveOf(transfer?.files[0]);
}

interface DeployBoxProps {
    domain: string;
    type: Site['type'];
    isOpen: boolean;
    onDeployed: (deployment: Deployment) => void;
}

export function DeployBox({ domain, type, isOpen, onDeployed }: DeployBoxProps) {
    const [progress, setProgress] = useState('');
    const [refusal, setRefusal] = useState<Refusal | null>(null);
    const [isOver, setOver] = useState(false);
    const [wasOpen] = useState(isOpen); // a redraw must not close what the reader has opened
    const id = useId();

    async function deploy(make: () => Promise<Parcel>): Promise<void> {
        if (progress) {
            return;
        }
        setRefusal(null);
        setProgress('Packing…');
        try {
            const { archive, secrets } = await make();
            const total = formatBytes(archive.size);
            setProgress(`Sending ${total}…`);
            const deployment = await sendArchive(domain, archive, (sent) =>
                setProgress(`Sending ${formatBytes(sent)} of ${total}…`));
            say(`Sent. Version ${deployment.number} of ${domain} is on its way.` + (secrets.length
                ? ` Not sent, since visitors could read it: ${secrets.join(', ')}.` : ''));
            onDeployed(deployment);
        } catch (error) {
            setRefusal(toRefusal(error));
            focusLater(() => document.querySelector(`#${CSS.escape(id)} .refusal`));
        } finally {
            setProgress('');
        }
    }

    function onInput(event: Event, make: (files: FileList) => Promise<Parcel>): void {
        const input = event.currentTarget as HTMLInputElement;
        if (input.files?.length) {
            // The list dies with the input's value, which is emptied so that the same file can be
            // chosen again after a mend.
            void deploy(() => make(input.files!)).finally(() => {
                input.value = '';
            });
        }
    }

    function onDrop(event: DragEvent): void {
        event.preventDefault();
        setOver(false);
        // The transfer is readable only during the event, so reading begins before any await.
        const parcel = archiveOfDrop(type, event.dataTransfer);
        void deploy(() => parcel);
    }

    return (
        <details class="deploy" id={id} open={wasOpen}>
            <summary>Deploy a new version</summary>
            <div class={`drop ${isOver ? 'over' : ''}`} onDrop={onDrop}
                onDragOver={(event) => {
                    event.preventDefault();
                    setOver(true);
                }}
                onDragLeave={() => setOver(false)}>
                <p>{progress || 'Drop a folder or a .tar.gz here, or choose one:'}</p>
                <div class="row center">
                    <label class="button">
                        Choose a folder
                        <input type="file" class="vh" disabled={progress !== ''}
                            ref={(input) => input?.setAttribute('webkitdirectory', '')}
                            aria-label={`Choose a folder to deploy to ${domain}`}
                            onChange={(event) => onInput(event, (files) =>
                                packed(type, filesOfInput(files)))} />
                    </label>
                    <label class="button">
                        Choose an archive
                        <input type="file" class="vh" accept=".tar.gz,.tgz,application/gzip"
                            disabled={progress !== ''}
                            aria-label={`Choose an archive to deploy to ${domain}`}
                            onChange={(event) => onInput(event, async (files) =>
                                archiveOf(files[0]))} />
                    </label>
                </div>
            </div>
            {refusal && <RefusalText refusal={refusal} />}
            <p class="hint">Or from a terminal, in your site’s folder:</p>
            <CommandLines label={`Commands to deploy ${domain}`} lines={[
                `deploy login --server ${location.origin}`,
                `deploy site --domain ${domain}`,
            ]} />
        </details>
    );
}
