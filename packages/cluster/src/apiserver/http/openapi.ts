import type { IncomingMessage, ServerResponse } from 'node:http';
import { openApiV3Document, openApiV3Index } from '@palisade/kubernetes';
import type { Core } from '../core.ts';
import { sendTagged } from './discovery.ts';
import { sendJson, sendText } from './respond.ts';

/** The documents at `/openapi/v3`, made when first asked for: few clients read more than three of them. */
export class OpenApiDocuments {
  readonly #core: Core;
  readonly #documents = new Map<string, object>();
  #index: object | undefined;

  constructor(core: Core) {
    this.#core = core;
  }

  /**
   * Answers `/openapi/v3` and below; false for other paths. `/openapi/v2` is not among them: kubectl would take JSON for a broken
   * protobuf and remember it.
   */
  serve(path: string, req: IncomingMessage, res: ServerResponse): boolean {
    if (path === '/openapi/v3' || path === '/openapi/v3/') {
      this.#index ??= openApiV3Index(this.#core.schemas);
      sendTagged(req, res, this.#index, 'application/json');
      return true;
    }
    if (!path.startsWith('/openapi/v3/')) return false;
    const document = this.#document(path.slice('/openapi/v3/'.length).replace(/\/$/, ''));
    if (document === undefined) sendText(res, 404, '404 page not found\n');
    else sendJson(res, 200, document);
    return true;
  }

  #document(groupVersion: string): object | undefined {
    const document = this.#documents.get(groupVersion) ?? openApiV3Document(this.#core.schemas, groupVersion);
    if (document !== undefined) this.#documents.set(groupVersion, document);
    return document;
  }
}
