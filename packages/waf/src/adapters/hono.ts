import type { IncomingMessage } from 'node:http';
import { connectionOf, headOf } from './node.ts';
import type { WebContext, WebWafOptions } from './web.ts';
import { waf as webWaf } from './web.ts';

export type { RuleSource } from './files.ts';
export { coreRuleSet, loadEngine } from './files.ts';
export type { WebWafOptions } from './web.ts';

/** The part of Hono's context that is used, so that the package needs none of its own. */
interface HonoContextLike {
  readonly req: { raw: Request };
  // biome-ignore lint/suspicious/noExplicitAny: each runtime puts something else here
  readonly env: any;
  res: Response | undefined;
}

/**
 * Hono middleware: `app.use(waf({ engine }))`, first. On Node (`@hono/node-server`) the rules see the request line and
 * headers as they came; on other runtimes what their `Request` kept.
 */
export function waf(options: WebWafOptions): (context: HonoContextLike, next: () => Promise<void>) => Promise<Response | undefined> {
  const inspect = webWaf(options);
  return async (context, next) => {
    let fromApplication: Response | undefined;
    const response = await inspect(
      context.req.raw,
      async (request) => {
        context.req.raw = request;
        await next();
        fromApplication = context.res!;
        return fromApplication;
      },
      contextOf(context.env),
    );
    // Hono merges the headers of a replaced response into the new one; clearing first keeps the answer as judged.
    if (fromApplication !== undefined && response !== fromApplication) {
      context.res = undefined;
      context.res = response;
    }
    return fromApplication === undefined ? response : undefined;
  };
}

function contextOf(env: { readonly incoming?: IncomingMessage } | undefined): WebContext {
  const incoming = env?.incoming;
  return incoming?.rawHeaders === undefined ? {} : { connection: connectionOf(incoming), head: headOf(incoming) };
}
