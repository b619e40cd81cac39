// Vue Router 4 and 5: routes with `meta: { signedIn: true }` are for who is signed in. Needs routes named `login`,
// and `unreachable` for when that cannot be told.
//
//   guard(router);
//   const state = useSession();     // in a component: state.value.type, state.value.user …

import { createSession } from '@scangate/scan-login/session';
import { onScopeDispose, shallowReadonly, shallowRef } from 'vue';

export const session = createSession();

/** @param {import('vue-router').Router} router */
export function guard(router) {
  const elsewhere = { signed_out: 'login', unreachable: 'unreachable' };

  router.beforeEach(async (to) => {
    if (!to.meta.signedIn) return true;
    const { type } = await session.ready();
    return type in elsewhere ? { name: elsewhere[type], query: { then: to.fullPath } } : true;
  });

  // Signed out in another tab, or by the gateway, while the page is open.
  session.addEventListener('signed_out', () => {
    const { meta, fullPath } = router.currentRoute.value;
    if (meta.signedIn) void router.replace({ name: 'login', query: { then: fullPath } });
  });

  // Signed in, here or in another tab: back to where the guard said no.
  session.addEventListener('signed_in', () => {
    const { name, query } = router.currentRoute.value;
    if (Object.values(elsewhere).includes(name)) void router.replace(String(query.then ?? '/'));
  });
}

/** The state, for templates. */
export function useSession() {
  const state = shallowRef(session.state);
  const update = () => { state.value = session.state; };
  session.addEventListener('statechange', update);
  onScopeDispose(() => session.removeEventListener('statechange', update));
  return shallowReadonly(state);
}
