// A program with one page for everybody who is signed in, guarded by the recipe of web/examples.

import { createScanLogin } from '@scangate/scan-login';
import { useEffect, useState } from 'react';
import { createRoot } from 'react-dom/client';
import { BrowserRouter, Route, Routes } from 'react-router';

import { session, SignedIn, SignedOut, useSession } from './react-router.jsx';

function Login() {
  const [svg, setSvg] = useState('');
  useEffect(() => {
    const login = createScanLogin({ session, locale: 'en' });
    login.addEventListener('pending', ({ detail }) => setSvg(detail.qr.svg));
    login.result().catch(() => {});
    return () => login.close();
  }, []);
  return <img width="240" height="240" alt="Code" src={`data:image/svg+xml,${encodeURIComponent(svg)}`} />;
}

function Orders() {
  const { user } = useSession();
  return <p>Orders of {user.name} <button onClick={() => session.signOut()}>Sign out</button></p>;
}

createRoot(document.querySelector('#app')).render(
  <BrowserRouter>
    <Routes>
      <Route element={<SignedIn />}>
        <Route path="/orders" element={<Orders />} />
      </Route>
      <Route path="/login" element={<SignedOut><Login /></SignedOut>} />
    </Routes>
  </BrowserRouter>,
);
