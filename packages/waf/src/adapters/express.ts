import type { IncomingMessage } from 'node:http';
import type { Middleware, WafOptions } from './node.ts';
import { waf as nodeWaf } from './node.ts';

export type { RuleSource } from './files.ts';
export { coreRuleSet, loadEngine } from './files.ts';
export type { Middleware, WafOptions } from './node.ts';
export { wafUpgrade } from './node.ts';

/**
 * Middleware for Express 4 and 5: `app.use(waf({ engine }))` before body parsers. The client's address is `request.ip`,
 * so Express's own `trust proxy` setting decides whether X-Forwarded-For is believed.
 */
export function waf(options: WafOptions): Middleware {
  return nodeWaf({
    clientAddress: (request: IncomingMessage & { readonly ip?: string }) => request.ip?.replace(/^::ffff:/, ''),
    ...options,
  });
}
