import { createScanLogin, type LoginState, type ScanLogin, type ScanLoginOptions } from '@scangate/scan-login';
import { useCallback, useEffect, useState, useSyncExternalStore } from 'react';

const OPENING: LoginState = { type: 'opening' };

/**
 * A login as long as the component is there, and another one when `baseUrl` or `app` changes. It redeems the grant by
 * itself; `login` is there to refresh, cancel or verify it.
 */
export function useScanLogin(options: ScanLoginOptions) {
  const [login, setLogin] = useState<ScanLogin | null>(null);

  useEffect(() => {
    const login = createScanLogin(options);
    // What goes wrong is the next state.
    login.addEventListener('authorized', () => void login.redeem().catch(() => {}));
    setLogin(login);
    return () => login.close();
    // The other options are read once.
  }, [options.baseUrl, options.app]);

  const subscribe = useCallback((changed: () => void) => {
    login?.addEventListener('statechange', changed);
    return () => login?.removeEventListener('statechange', changed);
  }, [login]);
  const state = useSyncExternalStore(subscribe, () => login?.state ?? OPENING, () => OPENING);
  return { login, state };
}
