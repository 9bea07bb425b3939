// Sends an archive to a site. Small ones go in one request; larger ones in parts that the server
// names the size of, so that no proxy on the way has to hold them.
import type { Deployment } from '../generated/http';
import { call } from './api';

export const DIRECT_MAX_BYTES = 8 * 1024 * 1024;

export async function sendArchive(
    domain: string, archive: Blob, onProgress: (sentBytes: number) => void,
): Promise<Deployment> {
    const path = { domain };
    if (archive.size <= DIRECT_MAX_BYTES) {
        const body = new Blob([archive], { type: 'application/gzip' });
        return call('POST /api/sites/{domain}/deployments', { path, body });
    }
    const upload = await call('POST /api/sites/{domain}/uploads', { path });
    let sent = upload.received_bytes;
    while (sent < archive.size) {
        const body = archive.slice(sent, sent + upload.part_bytes, 'application/octet-stream');
        const answer = await call('PUT /api/uploads/{id}', {
            path: { id: upload.id }, query: { offset: sent }, body,
        });
        if (answer.received_bytes <= sent) {
            throw new Error(`upload ${upload.id} does not advance past ${sent}`);
        }
        sent = answer.received_bytes;
        onProgress(sent);
    }
    return call('POST /api/sites/{domain}/deployments', { path, body: { upload_id: upload.id } });
}
