import { createApp } from 'vue';

import App from './App.vue';
import ElementApp from './ElementApp.vue';

const gateway = import.meta.env.VITE_GATEWAY ?? 'http://127.0.0.1:8080';

createApp(location.hash === '#element' ? ElementApp : App, { gateway }).mount('#app');
