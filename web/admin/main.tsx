// Starts the panel.
import { render } from 'preact';
import { resumeSession } from '../shared/session';
import { App } from './app';

const root = document.getElementById('app');
if (root) {
    render(<App />, root);
    void resumeSession();
}
