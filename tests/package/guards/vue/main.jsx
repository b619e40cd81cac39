// A program with one page for everybody who is signed in, guarded by the recipe of web/examples.

import { createScanLogin } from '@scangate/scan-login';
import { createApp, h, onScopeDispose, ref } from 'vue';
import { createRouter, createWebHistory, RouterView } from 'vue-router';

import { guard, session, useSession } from './vue-router.js';

const Login = {
  setup() {
    const svg = ref('');
    const login = createScanLogin({ session, locale: 'en' });
    login.addEventListener('pending', ({ detail }) => (svg.value = detail.qr.svg));
    login.result().catch(() => {});
    onScopeDispose(() => login.close());
    return () => h('img', { width: 240, height: 240, alt: 'Code', src: `data:image/svg+xml,${encodeURIComponent(svg.value)}` });
  },
};

const Orders = {
  setup() {
    const state = useSession();
    return () => h('p', [`Orders of ${state.value.user?.name} `, h('button', { onClick: () => session.signOut() }, 'Sign out')]);
  },
};

const router = createRouter({
  history: createWebHistory(),
  routes: [
    { path: '/orders', component: Orders, meta: { signedIn: true } },
    { path: '/login', name: 'login', component: Login },
    { path: '/away', name: 'unreachable', component: { render: () => h('p', 'We cannot be reached.') } },
  ],
});
guard(router);
createApp(RouterView).use(router).mount('#app');
