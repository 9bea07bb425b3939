// The frame of every page: its title for the browser, and the focus on its heading when one comes
// here from another page (a screen reader then starts to read where the eye does).
import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { Refusal } from '../api';
import { sentence } from '../format';

const NAME = 'Dial Up Deploy';
// The build names the icon in the page's head; its name holds a hash that is not known here.
const iconAddress = (): string =>
    document.querySelector<HTMLLinkElement>('link[rel=icon]')?.href ?? '';

let hasShownPage = false;

interface PageProps {
    title: string;
    intro?: ComponentChildren;
    isNarrow?: boolean;
    hasLogo?: boolean;
    keepsFocus?: boolean; // the page sets the focus itself
    children: ComponentChildren;
}

export function Page({ title, intro, isNarrow, hasLogo, keepsFocus, children }: PageProps) {
    const heading = useRef<HTMLHeadingElement>(null);
    useEffect(() => {
        document.title = `${title} · ${NAME}`;
        if (hasShownPage && !keepsFocus) {
            heading.current?.focus();
            window.scrollTo(0, 0);
        }
        hasShownPage = true;
    }, [title]);
    return (
        <main id="main" class={isNarrow ? 'narrow' : ''}>
            {hasLogo && <img class="logo" src={iconAddress()} alt="" width={48} height={48} />}
            <h1 ref={heading} tabIndex={-1}>{title}</h1>
            {intro && <p class="intro">{intro}</p>}
            {children}
        </main>
    );
}

export function Trouble({ refusal, hasOld }: { refusal: Refusal | null; hasOld: boolean }) {
    return refusal && (
        <p class="notice warn">
            <strong>{sentence(refusal.message)}</strong> {hasOld
                ? 'These figures may be old; this page keeps trying.'
                : 'This page keeps trying.'}
        </p>
    );
}
