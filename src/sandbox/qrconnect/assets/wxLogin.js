// new WxLogin({ id, appid, scope, redirect_uri, state, … }): a frame with the login page in the element #id.
//
// It does what WeChat's script of this name is documented and known to do, its traps included: values go into the
// address as they are, so redirect_uri must come encoded; self_redirect must be a boolean, stylelite the number 1,
// fast_login the number 0, or they are passed over.
'use strict';

(() => {
  const PAGE = new URL('/connect/qrconnect', document.currentScript.src).href;

  function address(options) {
    const { self_redirect: self } = options;
    let src = PAGE;
    src += `?appid=${options.appid}&scope=${options.scope}&redirect_uri=${options.redirect_uri}`;
    src += `&state=${options.state}&login_type=jssdk`;
    src += `&self_redirect=${self === true || self === false ? self : 'default'}`;
    for (const name of ['styletype', 'sizetype', 'bgcolor', 'rst']) src += `&${name}=${options[name] || ''}`;
    if (options.style) src += `&style=${options.style}`;
    if (options.href) src += `&href=${options.href}`;
    if (options.lang === 'en') src += '&lang=en';
    if (options.stylelite === 1) src += '&stylelite=1';
    if (options.fast_login === 0) src += '&fast_login=0';
    return src;
  }

  window.WxLogin = function WxLogin(options) {
    const frame = document.createElement('iframe');
    frame.src = address(options);
    frame.width = '300px';
    frame.height = '400px';
    frame.setAttribute('frameborder', '0');
    frame.setAttribute('scrolling', 'no');
    frame.setAttribute('allowtransparency', 'true');
    if (typeof options.onReady === 'function') frame.addEventListener('load', () => options.onReady(true));
    document.getElementById(options.id).replaceChildren(frame);
  };
})();
