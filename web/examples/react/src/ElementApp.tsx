import '@scangate/scan-login/define';
import { useState } from 'react';

/** The same with the element: React 19 sets properties and hears events of custom elements by itself. */
export function ElementApp({ gateway }: { gateway: string }) {
  const [name, setName] = useState<string>();
  if (name) return <p role="status">Hello {name}</p>;
  return <scan-login base-url={gateway} locale="en" onsigned_in={({ detail }) => setName(detail.user.name)} />;
}
