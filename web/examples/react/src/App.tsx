import { useScanLogin } from './useScanLogin';

export function App({ gateway }: { gateway: string }) {
  const { login, state } = useScanLogin({ baseUrl: gateway, locale: 'en' });
  const newCode = <button onClick={() => login?.refresh()}>New code</button>;

  switch (state.type) {
    case 'opening':
    case 'waiting':
      return <p>Preparing your code</p>;
    case 'pending':
      return (
        <>
          <img width="240" height="240" alt="WeChat login code" src={`data:image/svg+xml,${encodeURIComponent(state.qr?.svg ?? '')}`} />
          <p role="status">Scan with WeChat to sign in</p>
        </>
      );
    case 'scanned':
      return <p role="status">Scanned. Confirm on your phone {newCode}</p>;
    case 'verifying':
      return (
        <form action={(fields) => login?.verify(String(fields.get('code')))}>
          <label>
            The digits on your phone <input name="code" inputMode="numeric" maxLength={state.code_length} required />
          </label>
          <button>Send</button>
        </form>
      );
    case 'authorized':
      return <p role="status">Taking you in</p>;
    case 'signed_in':
      return <p role="status">Hello {state.user.name}</p>;
    default:
      return <p role="status">{'error' in state && state.error ? state.error.message : state.type} {newCode}</p>;
  }
}
