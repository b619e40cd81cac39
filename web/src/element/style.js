// How the element looks. What a product may want to set is a variable; the rest is reached by `::part()`. Written
// tight: this text is sent as it stands.

const DARK = '--surface:var(--scan-surface,#1a1d20);--text:var(--scan-text,#f1f3f4)';

export const CSS = `:host{--surface:var(--scan-surface,#fff);--text:var(--scan-text,#16181b);--muted:var(--scan-muted,color-mix(in srgb,var(--text) 68%,var(--surface)));--line:color-mix(in srgb,var(--text) 14%,var(--surface));--quiet:color-mix(in srgb,var(--text) 7%,var(--surface));--accent:var(--scan-accent,#067f41);--amber:#c77700;--radius:var(--scan-radius,12px);--qr:var(--scan-qr-size,240px);display:block;width:100%;max-width:calc(var(--qr) + 136px);font-size:15px;line-height:24px}
@media (prefers-color-scheme:dark){:host(:not([theme=light])){${DARK}}}
:host([theme=dark]){${DARK}}
*{box-sizing:border-box;margin:0}
:host([hidden]),[hidden]{display:none!important}
#card,dialog{position:relative;padding:32px 16px 16px;border-radius:var(--radius);background:var(--surface);color:var(--text);box-shadow:0 0 0 1px var(--line),0 8px 32px rgb(0 0 0/6%)}
#card,#words,#over{display:flex;flex-direction:column}
#card,#over{align-items:center}
#card{min-height:calc(var(--qr) + 276px);overflow:hidden;text-align:center}
#bar{position:absolute;inset:0 0 auto;background:color-mix(in srgb,var(--amber) 20%,var(--surface));font-size:12px;transition:transform .2s .6s}
#bar:empty{transform:translateY(-24px);transition:none}
#brand{width:100%;min-height:28px;margin-bottom:20px}
#app,#name{max-width:100%;overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
#frame{--left:var(--scan-accent,#07c160);position:relative;flex:none;width:calc(var(--qr) + 32px);max-width:100%;aspect-ratio:1;border-radius:17px;background:conic-gradient(var(--quiet) var(--gone),var(--left) 0)}
.last #frame{--left:var(--amber)}
#plate,#qr,#over{position:absolute;inset:0}
#plate{inset:8px;overflow:hidden;border-radius:10px;background:var(--quiet);box-shadow:0 0 0 5px var(--surface)}
.code #plate,.ticked #plate,.digits #plate{background:#fff;color:#16181b}
#qr{inset:8px;width:calc(100% - 16px);opacity:.1;mix-blend-mode:multiply;transition:opacity .24s}
.code #qr{opacity:1}
.skeleton #qr,.person #qr,.digits #qr{opacity:0}
#over{gap:16px;padding:28% 16px 0}
.code #over,.skeleton #over,.digits #badge,.framed #frame{display:none}
#badge{position:relative}
#glyph{display:block;width:56px;fill:none;stroke:#fff;stroke-width:3.6;stroke-linecap:round;stroke-linejoin:round}
circle{fill:#7b838b;stroke:none}
.ticked circle,.person circle,.here circle{fill:var(--scan-accent,#058c46)}
#brand,#name,#status{font-weight:600}
#name{font-size:20px;line-height:28px}
#name:empty,.actions:empty{display:none}
iframe{display:block;width:300px;max-width:100%;height:400px;border:0;border-radius:10px;background:#fff;color-scheme:light}
#words{flex:1;width:100%;min-height:128px;padding-top:20px}
#status,#hint,#polling{text-wrap:balance}
#status{min-height:26px;font-size:17px;line-height:26px}
#detail{min-height:28px;padding-top:4px;color:var(--muted);font-size:14px;line-height:20px}
#note,#polling{color:var(--muted);font-size:12px;line-height:16px;overflow-wrap:anywhere}
.actions,#detail{display:flex;flex-wrap:wrap;gap:0 8px;align-items:center;justify-content:center}
#foot{margin-top:auto}
button{min-height:40px;padding:0 16px;border:1px solid transparent;border-radius:8px;background:0 0;color:inherit;cursor:pointer;font:inherit;font-weight:500;white-space:nowrap}
.plain{border-color:var(--line);background:var(--surface)}
.quiet{padding:0 8px;color:var(--muted);font-size:14px;font-weight:400}
button:hover{background:var(--quiet);color:inherit}
.solid,.solid:hover{min-width:112px;background:var(--accent);color:var(--scan-on-accent,#fff)}
#detail button{min-height:28px;padding:0 10px;font-size:13px}
:focus-visible{outline:2px solid;outline-offset:2px}
.unseen,.framed #words>:not(#foot){position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
.framed #words{flex:none;min-height:0;padding:0}
.framed #brand{margin:-12px 0 12px}
@media (max-width:359px){#words{min-height:160px}}
@media (prefers-reduced-motion:reduce){*,:before,:after{animation:none!important;transition:none!important}}
@media (forced-colors:active){#card,dialog{border:1px solid}button{border-color:ButtonText}#frame{forced-color-adjust:none}}`;

/**
 * A sheet for a shadow root. Where sheets cannot be made by script, a style element; that one needs the leave of the
 * page's policy, which the nonce of the host may give.
 * @param {ShadowRoot} root
 * @param {string} css
 */
export function adopt(root, css) {
  try {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(css);
    root.adoptedStyleSheets = [...root.adoptedStyleSheets, sheet];
  } catch {
    const style = document.createElement('style');
    style.nonce = /** @type {HTMLElement} */ (root.host).nonce ?? '';
    style.textContent = css;
    root.prepend(style);
  }
}
