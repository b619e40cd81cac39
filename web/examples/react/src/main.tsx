import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';

import { App } from './App';
import { ElementApp } from './ElementApp';

const gateway = import.meta.env.VITE_GATEWAY ?? 'http://127.0.0.1:8080';
const Chosen = location.hash === '#element' ? ElementApp : App;

createRoot(document.querySelector('#root')!).render(<StrictMode><Chosen gateway={gateway} /></StrictMode>);
