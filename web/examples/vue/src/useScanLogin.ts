import { createScanLogin, type LoginState, type ScanLoginOptions } from '@scangate/scan-login';
import { onScopeDispose, shallowRef } from 'vue';

/** A login as long as the component is there. It redeems the grant by itself. For components that browsers show. */
export function useScanLogin(options: ScanLoginOptions) {
  const login = createScanLogin(options);
  const state = shallowRef<LoginState>(login.state);
  login.addEventListener('statechange', () => (state.value = login.state));
  // What goes wrong is the next state.
  login.addEventListener('authorized', () => void login.redeem().catch(() => {}));
  onScopeDispose(() => login.close());
  return { login, state };
}
