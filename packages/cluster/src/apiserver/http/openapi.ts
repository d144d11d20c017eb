import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { encodeOpenApiV2, openApiV2Document, openApiV3Document, openApiV3Index } from '@palisade/kubernetes';
import type { Core } from '../core.ts';
import type { CustomResources } from '../registry/custom/controller.ts';
import { customDocument } from './custom-openapi.ts';
import { sendTagged } from './discovery.ts';
import { sendJson } from './respond.ts';

const PREFIX = '/openapi/v3/';

/** The documents at `/openapi/v3`, made when first asked for: few clients read more than three of them. */
export class OpenApiDocuments {
  readonly #core: Core;
  readonly #custom: CustomResources;
  readonly #documents = new Map<string, object>();
  #builtinIndex: ReturnType<typeof openApiV3Index> | undefined;
  #v2: Buffer | undefined;
  #customDocuments = new Map<string, object>();
  #customGeneration = -1;

  constructor(core: Core, custom: CustomResources) {
    this.#core = core;
    this.#custom = custom;
  }

  /**
   * Answers `/openapi/v2`, `/openapi/v3` and below; false for other paths.
   */
  serve(path: string, req: IncomingMessage, res: ServerResponse): boolean {
    if (path === '/openapi/v3' || path === PREFIX) {
      sendTagged(req, res, { paths: this.#index() }, 'text/plain; charset=utf-8');
      return true;
    }
    if (path === '/openapi/v2') {
      this.#serveV2(req, res);
      return true;
    }
    if (!path.startsWith(PREFIX)) return false;
    const document = this.#document(path.slice(PREFIX.length).replace(/\/$/, ''));
    if (document === undefined) res.writeHead(404).end();
    else sendJson(res, 200, document);
    return true;
  }

  /** kubectl reads protobuf and nothing else, and remembers what it got. */
  #serveV2(req: IncomingMessage, res: ServerResponse): void {
    const isProtobuf = (req.headers.accept ?? '').includes('application/com.github.proto-openapi.spec.v2');
    if (isProtobuf) {
      this.#v2 ??= encodeOpenApiV2(openApiV2Document(this.#core.schemas));
      sendTagged(req, res, this.#v2, 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf');
    } else sendTagged(req, res, openApiV2Document(this.#core.schemas), 'application/json');
  }

  #index(): object {
    this.#builtinIndex ??= openApiV3Index(this.#core.schemas);
    const paths: Record<string, object> = { ...this.#builtinIndex.paths };
    for (const [groupVersion, document] of this.#currentCustomDocuments()) {
      // Clients keep documents by this hash: it has to change with the content.
      const hash = createHash('sha256').update(JSON.stringify(document)).digest('hex').toUpperCase();
      paths[groupVersion] = { serverRelativeURL: `${PREFIX}${groupVersion}?hash=${hash}` };
    }
    return paths;
  }

  #document(groupVersion: string): object | undefined {
    const custom = this.#currentCustomDocuments().get(groupVersion);
    if (custom !== undefined) return custom;
    const document = this.#documents.get(groupVersion) ?? openApiV3Document(this.#core.schemas, groupVersion);
    if (document !== undefined) this.#documents.set(groupVersion, document);
    return document;
  }

  #currentCustomDocuments(): Map<string, object> {
    if (this.#customGeneration !== this.#custom.generation) {
      const groups = Map.groupBy(this.#custom.versions(), ({ served: { gvr } }) => `apis/${gvr.group}/${gvr.version}`);
      this.#customDocuments = new Map(
        [...groups].map(([groupVersion, versions]) => [groupVersion, customDocument(this.#core.schemas, versions)]),
      );
      this.#customGeneration = this.#custom.generation;
    }
    return this.#customDocuments;
  }
}
