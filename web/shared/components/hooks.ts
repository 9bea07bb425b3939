// Ties polling and loading to the life of a component.
import { useEffect, useMemo } from 'preact/hooks';
import { loaded, type Loaded } from '../loaded';
import { poll } from '../poll';

export const REFRESH_MS = 5000;

// Loads now and every interval while the component is shown and the page is looked at. A change
// in `keys` starts anew with an empty value.
export function useLive<T>(
    load: () => Promise<T>, keys: unknown[], intervalMs = REFRESH_MS,
): Loaded<T> {
    const live = useMemo(() => loaded(load), keys);
    useEffect(() => poll(() => live.reload(), intervalMs), [live]);
    return live;
}
