// Lines for the terminal, with a button that copies them.
import { say } from '../announce';

export function CommandLines({ lines, label }: { lines: string[]; label: string }) {
    async function copy(): Promise<void> {
        try {
            await navigator.clipboard.writeText(lines.join('\n'));
            say('Copied.');
        } catch {
            say('Your browser does not let this page copy. Select the lines and copy them.');
        }
    }
    return (
        <div class="commands">
            <pre tabIndex={0} role="region" aria-label={label}>
                <code>{lines.join('\n')}</code>
            </pre>
            <button type="button" class="small" onClick={() => void copy()}>
                Copy<span class="vh"> {label.toLowerCase()}</span>
            </button>
        </div>
    );
}
