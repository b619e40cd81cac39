// Tells TypeScript of <scan-login> in JSX: its attributes, and `on` with the name of each of its events.

import type { ScanLoginElement, ScanLoginElementEvents } from '@scangate/scan-login/element';
import type { HTMLAttributes, Ref } from 'react';

type Attribute = 'base-url' | 'app' | 'flow' | 'locale' | 'theme' | 'return-to' | 'auto-renew' | 'confirm' | 'redeem';
type Listeners = { [Name in keyof ScanLoginElementEvents as `on${Name}`]?: (event: ScanLoginElementEvents[Name]) => void };

declare module 'react' {
  namespace JSX {
    interface IntrinsicElements {
      'scan-login': Omit<HTMLAttributes<HTMLElement>, keyof Listeners> & Listeners
        & Partial<Record<Attribute, string>> & Partial<Pick<ScanLoginElement, 'session' | 'strings'>>
        & { ref?: Ref<ScanLoginElement> };
    }
  }
}
