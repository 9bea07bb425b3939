// The page that the address names. Addresses are fragments (#/people): the server then has one
// page to serve, and a reload comes back to the same place.
import { signal } from '@preact/signals';

export const route = signal(read());

function read(): string {
    return location.hash.replace(/^#/, '') || '/';
}

window.addEventListener('hashchange', () => {
    route.value = read();
});
