// Where a person goes once signed in: the page they wanted before a proxy sent them here, if one did.

const WANTED = '#return=';

/**
 * A proxy names that page in the fragment, as it was asked for it, so its own query needs no escape. Or it shows this
 * page in the other's place. Only pages of this origin count; else it is `otherwise`.
 * @param {Pick<Location, 'hash' | 'href' | 'origin' | 'pathname'>} here
 * @param {string} otherwise
 */
export function destination({ hash, href, origin, pathname }, otherwise) {
  if (!hash.startsWith(WANTED)) return pathname === '/' ? otherwise : href;
  try {
    const url = new URL(hash.slice(WANTED.length), origin);
    // The origin of a blob is that of its maker.
    return url.origin === origin && url.protocol !== 'blob:' ? url.href : otherwise;
  } catch {
    return otherwise;
  }
}
