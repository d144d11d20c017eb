import type { IncomingMessage, ServerResponse } from 'node:http';
import type { WafOptions } from './node.ts';
import { waf } from './node.ts';

export type { RuleSource } from './files.ts';
export { coreRuleSet, loadEngine } from './files.ts';
export type { WafOptions } from './node.ts';
export { wafUpgrade } from './node.ts';

/** The part of Fastify that is used, so that the package needs none of its own. */
interface FastifyLike {
  addHook(name: 'onRequest', hook: (request: FastifyRequestLike, reply: FastifyReplyLike, done: (error?: Error) => void) => void): unknown;
}
interface FastifyRequestLike {
  readonly raw: IncomingMessage;
  readonly ip: string;
}
interface FastifyReplyLike {
  readonly raw: ServerResponse;
}

/**
 * Fastify plugin: `app.register(wafPlugin, { engine })`, before routes. It sees every request, also those without a route,
 * ahead of body parsing. The client's address is `request.ip`, so Fastify's `trustProxy` decides about X-Forwarded-For.
 */
export function wafPlugin(fastify: FastifyLike, options: WafOptions, done: (error?: Error) => void): void {
  const addresses = new WeakMap<IncomingMessage, string>();
  const middleware = waf({
    clientAddress: (request) => addresses.get(request)?.replace(/^::ffff:/, ''),
    ...options,
  });
  fastify.addHook('onRequest', (request, reply, next) => {
    addresses.set(request.raw, request.ip);
    // A stopped request never goes on: without `next` Fastify itself does not answer.
    middleware(request.raw, reply.raw, (error) => next(error as Error | undefined));
  });
  done();
}

/** Fastify: the hook belongs to the whole application, not to this plugin's own scope. */
Object.assign(wafPlugin, { [Symbol.for('skip-override')]: true, [Symbol.for('fastify.display-name')]: 'palisade-waf' });
