// A reporter for node --test: one TAP line a case, suites left out, as tests/run counts them.
function* causes(error) {
    const text = error?.cause?.stack ?? error?.cause ?? error;
    yield* String(text).split('\n').map((line) => `# ${line}\n`);
}

// A suite that passed, or failed for nothing but its cases, which are counted by themselves.
const isOnlySum = (type, { type: kind, error }) => kind === 'suite' &&
    (type === 'test:pass' || error?.failureType === 'subtestsFailed');

export default async function* tap(events) {
    let count = 0;
    for await (const { type, data } of events) {
        const isCase = type === 'test:pass' || type === 'test:fail';
        if (!isCase || isOnlySum(type, data.details)) {
            continue;
        }
        count++;
        yield `${type === 'test:pass' ? 'ok' : 'not ok'} ${count} - ${data.name}` +
            `${data.skip !== undefined ? ' # SKIP' : ''}\n`;
        if (type === 'test:fail') {
            yield* causes(data.details.error);
        }
    }
    yield `1..${count}\n`;
}
