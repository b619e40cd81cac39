// Imported for its effect alone: makes `<scan-login>` known to the page.

import { define } from './scan-login-element.js';

define();
