// Follows a code on the page: polls, shows how far it is, and goes on. It says and does what the script of WeChat's
// page was seen to do, errcode by errcode. A classic script, and polls as scripts, work in any frame of any site.
'use strict';

(() => {
  const AGAIN_MS = 2_000;
  const SCANNED_AGAIN_MS = 100;
  const FAILED_AGAIN_MS = 5_000;
  const PATIENCE_MS = 60_000;

  const login = document.getElementById('login');
  const { uuid, redirectUri, state, selfRedirect, denyRedirect } = login.dataset;

  /** @param {number} [last] what the server need not say again */
  function poll(last) {
    const script = document.createElement('script');
    let over = false;
    const end = (react) => () => {
      if (over) return;
      over = true;
      clearTimeout(deadline);
      script.remove();
      react();
    };
    const failed = end(() => pollIn(FAILED_AGAIN_MS, last));
    const deadline = setTimeout(failed, PATIENCE_MS);
    window.wx_errcode = undefined;
    script.onerror = failed;
    script.onload = end(() => react(window.wx_errcode, window.wx_code, last));
    script.src = `/connect/l/qrconnect?uuid=${uuid}${last ? `&last=${last}` : ''}&_=${Date.now()}`;
    document.head.append(script);
  }

  function pollIn(ms, last) {
    setTimeout(poll, ms, last);
  }

  function react(errcode, code, last) {
    switch (errcode) {
      case 405:
        goOn(`code=${code}&state=${state}`);
        break;
      case 404:
        show(404);
        pollIn(SCANNED_AGAIN_MS, 404);
        break;
      case 403:
        show(403);
        if (denyRedirect === 'state_only') goOn(`state=${state}`);
        else pollIn(AGAIN_MS, 403);
        break;
      case 402:
      case 500:
        location.reload();
        break;
      case undefined:
        pollIn(FAILED_AGAIN_MS, last);
        break;
      default:
        pollIn(AGAIN_MS);
    }
  }

  function show(errcode) {
    document.body.dataset.errcode = errcode;
    for (const part of login.querySelectorAll('[data-when]')) part.hidden = part.dataset.when !== String(errcode);
  }

  /** In a frame only `self_redirect=true` keeps the rest of the tab. */
  function goOn(query) {
    const target = redirectUri + (redirectUri.includes('?') ? '&' : '?') + query;
    const goer = selfRedirect === 'true' ? window : window.top;
    goer.location.href = target;
  }

  // Not before: a held poll would keep the page, and the one around it, loading.
  if (document.readyState === 'complete') poll();
  else addEventListener('load', () => poll());
})();
