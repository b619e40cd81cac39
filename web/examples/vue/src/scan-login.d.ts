// Tells Vue's tools of <scan-login> in templates: its properties, and its events.

import type { ScanLoginElement, ScanLoginElementEvents } from '@scangate/scan-login/element';
import type { EmitFn, HTMLAttributes, PublicProps } from 'vue';

type Properties = Pick<ScanLoginElement, 'baseUrl' | 'app' | 'flow' | 'locale' | 'theme' | 'returnTo' | 'autoRenew' | 'confirm' | 'redeem' | 'session' | 'strings'>;
type Emits = { [Name in keyof ScanLoginElementEvents]: (event: ScanLoginElementEvents[Name]) => void };

declare module 'vue' {
  interface GlobalComponents {
    'scan-login': new () => ScanLoginElement & {
      /** @deprecated Read by the tools alone; it is not there when the page runs. */
      $props: HTMLAttributes & Partial<Properties> & PublicProps;
      /** @deprecated As `$props`. */
      $emit: EmitFn<Emits>;
    };
  }
}
