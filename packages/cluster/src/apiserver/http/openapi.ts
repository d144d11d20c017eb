import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { formatApiVersion } from '@palisade/kubernetes';
import type { Core } from '../core.ts';
import { openApiV3Document } from '../pending.ts';
import { sendTagged } from './discovery.ts';
import { sendJson, sendText } from './respond.ts';

/** Documents are made when first asked for: few clients read more than three of them. */
export class OpenApiDocuments {
  readonly #core: Core;
  readonly #documents = new Map<string, object>();

  constructor(core: Core) {
    this.#core = core;
  }

  /**
   * `/openapi/v3` and below; false for other paths. `/openapi/v2` is a 404: kubectl would take JSON for a broken protobuf and
   * remember it.
   */
  serve(path: string, req: IncomingMessage, res: ServerResponse): boolean {
    if (path === '/openapi/v3' || path === '/openapi/v3/') {
      sendTagged(req, res, { paths: this.#index() }, 'application/json');
      return true;
    }
    if (!path.startsWith('/openapi/v3/')) return false;
    const groupVersion = path.slice('/openapi/v3/'.length).replace(/\/$/, '');
    const document = this.#document(groupVersion);
    if (document === undefined) sendText(res, 404, '404 page not found\n');
    else sendJson(res, 200, document);
    return true;
  }

  #index(): Record<string, { serverRelativeURL: string }> {
    const paths: Record<string, { serverRelativeURL: string }> = {};
    for (const { gvr } of this.#core.catalog.all()) {
      const groupVersion = `${gvr.group === '' ? 'api' : 'apis'}/${formatApiVersion(gvr.group, gvr.version)}`;
      // The hash names the content: built-in schemas change only with the table's version.
      paths[groupVersion] ??= { serverRelativeURL: `/openapi/v3/${groupVersion}?hash=${hash(groupVersion)}` };
    }
    return paths;
  }

  #document(groupVersion: string): object | undefined {
    if (this.#index()[groupVersion] === undefined) return undefined;
    let document = this.#documents.get(groupVersion);
    if (document === undefined) {
      document = openApiV3Document(this.#core.schemas, groupVersion);
      this.#documents.set(groupVersion, document);
    }
    return document;
  }
}

function hash(groupVersion: string): string {
  return createHash('sha256').update(`palisade-1 ${groupVersion}`).digest('hex').slice(0, 32).toUpperCase();
}
