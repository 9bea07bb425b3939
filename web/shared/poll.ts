// Repeats a load while somebody looks: at once, then every interval; never while the page is
// hidden, and at once when it is shown again. Two loads never overlap.
export function poll(load: () => Promise<void>, intervalMs: number): () => void {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let isStopped = false;
    let isLoading = false;

    async function run(): Promise<void> {
        clearTimeout(timer);
        if (isStopped || isLoading || document.hidden) {
            return;
        }
        isLoading = true;
        try {
            await load();
        } finally {
            isLoading = false;
        }
        if (!isStopped && !document.hidden) {
            timer = setTimeout(run, intervalMs);
        }
    }

    const onVisibility = (): void => void run();
    document.addEventListener('visibilitychange', onVisibility);
    void run();
    return () => {
        isStopped = true;
        clearTimeout(timer);
        document.removeEventListener('visibilitychange', onVisibility);
    };
}
