// React Router 6.4 and later, React 18 and later: routes inside `<SignedIn>` are for who is signed in.
//
//   <Route element={<SignedIn />}>
//     <Route path="/orders" element={<Orders />} />
//   </Route>
//   <Route path="/login" element={<SignedOut><Login /></SignedOut>} />

import { createSession } from '@scangate/scan-login/session';
import { useEffect, useSyncExternalStore } from 'react';
import { Navigate, Outlet, useLocation } from 'react-router';

export const session = createSession();

function subscribe(changed) {
  session.addEventListener('statechange', changed);
  return () => session.removeEventListener('statechange', changed);
}

/** The state, in any component. */
export function useSession() {
  useEffect(() => void session.ready(), []);
  return useSyncExternalStore(subscribe, () => session.state);
}

/** Shows its routes to who is signed in; all others go to `/login`, also when that ends while the page is open. */
export function SignedIn() {
  const { type, message } = useSession();
  const here = useLocation();
  if (type === 'signed_in') return <Outlet />;
  if (type === 'signed_out') return <Navigate to="/login" state={{ then: here }} replace />;
  if (type === 'opening') return null;
  return <p role="alert">{message || 'We cannot be reached.'} <button onClick={() => void session.ready()}>Try again</button></p>;
}

/** Around the login page: who signs in, here or in another tab, goes back to where the guard said no. */
export function SignedOut({ children }) {
  const { type } = useSession();
  const { state } = useLocation();
  return type === 'signed_in' ? <Navigate to={state?.then ?? '/'} replace /> : children;
}
