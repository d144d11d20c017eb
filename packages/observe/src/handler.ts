import type { IncomingMessage, ServerResponse } from 'node:http';
import { type FlowFilter, flowToJsonLine, parseFlowFilter } from '@palisade/flow';
import { summarizeEdges } from './edges.ts';
import type { FlowRing } from './ring.ts';

export const observeGroup = 'observe.palisade.dev';
export const observeVersion = 'v1alpha1';

/** Followers at one time; each holds at most the ring's follower capacity. */
const MAX_FOLLOWERS = 64;

const KNOWN_PARAMETERS = ['verdict', 'from', 'to', 'namespace', 'protocol', 'port', 'since', 'last', 'follow'] as const;

interface Asked {
  readonly filter: FlowFilter;
  readonly last: number | undefined;
  readonly isFollow: boolean;
}

/** A handler of the group's URLs, as an aggregated API. Authorisation has happened before it is called. */
export type FlowHandler = (req: IncomingMessage, res: ServerResponse, user: unknown) => void;

/**
 * Serves `GET /apis/observe.palisade.dev/v1alpha1/flows` and `…/edges`.
 *
 * Flows are JSON lines, oldest first: everything the ring holds, or the newest `last`; with `follow=true` then what comes,
 * until the client goes away. A follower that reads too slowly loses records; a line `{"lost":n}` stands where they would.
 * An unknown or unreadable parameter is a 400: an answer to another question misleads.
 *
 * @param nowMs the clock, for `since=10m`
 */
export function createFlowHandler(ring: FlowRing, nowMs: () => number = Date.now): FlowHandler {
  let followers = 0;
  return (req, res) => {
    const url = new URL(req.url ?? '/', 'http://localhost');
    const path = url.pathname.replace(/\/+$/, '');
    if (path === `/apis/${observeGroup}`) return sendJson(res, 200, group);
    if (path === `/apis/${observeGroup}/${observeVersion}`) return sendJson(res, 200, resourceList);
    const resource = path.slice(path.lastIndexOf('/') + 1);
    if (path !== `/apis/${observeGroup}/${observeVersion}/${resource}` || (resource !== 'flows' && resource !== 'edges')) {
      return sendStatus(res, 404, 'NotFound', 'the server could not find the requested resource');
    }
    if (req.method !== 'GET') return sendStatus(res, 405, 'MethodNotAllowed', `${resource} can only be read`);
    const asked = readQuery(url.searchParams, nowMs());
    if (typeof asked === 'string') return sendStatus(res, 400, 'BadRequest', asked);
    if (resource === 'edges') return sendJson(res, 200, { edges: summarizeEdges(ring.query(asked.filter, asked.last)) });

    if (!asked.isFollow) {
      res.writeHead(200, { 'content-type': 'application/x-ndjson' });
      res.end(ring.query(asked.filter, asked.last).map(flowToJsonLine).join(''));
      return;
    }
    if (followers >= MAX_FOLLOWERS) return sendStatus(res, 429, 'TooManyRequests', `${MAX_FOLLOWERS} followers are connected already`);
    followers++;
    follow(ring, res, asked, () => {
      followers--;
    });
  };
}

function readQuery(parameters: URLSearchParams, nowMs: number): Asked | string {
  const values: Record<string, string> = {};
  for (const [name, value] of parameters) {
    if (!KNOWN_PARAMETERS.some((known) => known === name))
      return `Cannot use parameter "${name}": expected one of ${KNOWN_PARAMETERS.join(', ')}`;
    if (name in values) return `Cannot use parameter "${name}": given twice`;
    if (value !== '') values[name] = value;
  }
  const { last, follow: followText = 'false' } = values;
  if (last !== undefined && !/^\d{1,9}$/.test(last)) return `Cannot use last "${last}": expected a whole number`;
  if (followText !== 'true' && followText !== 'false') return `Cannot use follow "${followText}": expected true or false`;
  const parsed = parseFlowFilter(values, nowMs);
  if (!parsed.ok) return parsed.reason;
  return { filter: parsed.filter, last: last === undefined ? undefined : Number(last), isFollow: followText === 'true' };
}

function follow(ring: FlowRing, res: ServerResponse, { filter, last }: Asked, onEnd: () => void): void {
  let isWritable = true;
  const flush = () => {
    if (!isWritable) return;
    const { records, lost } = follower.take();
    const text = records.map(flowToJsonLine).join('') + (lost > 0 ? `${JSON.stringify({ lost })}\n` : '');
    if (text !== '') isWritable = res.write(text);
  };
  // History first and the subscription in the same turn: no record falls between or comes twice.
  const history = ring.query(filter, last);
  const follower = ring.follow(filter, () => queueMicrotask(flush));
  res.on('drain', () => {
    isWritable = true;
    flush();
  });
  res.on('close', () => {
    follower.close();
    onEnd();
  });
  res.writeHead(200, { 'content-type': 'application/x-ndjson', 'cache-control': 'no-store' });
  res.flushHeaders();
  if (history.length > 0) isWritable = res.write(history.map(flowToJsonLine).join(''));
}

function sendJson(res: ServerResponse, code: number, value: unknown): void {
  res.writeHead(code, { 'content-type': 'application/json' });
  res.end(`${JSON.stringify(value)}\n`);
}

function sendStatus(res: ServerResponse, code: number, reason: string, message: string): void {
  sendJson(res, code, { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, reason, code });
}

const groupVersion = { groupVersion: `${observeGroup}/${observeVersion}`, version: observeVersion };
const group = { kind: 'APIGroup', apiVersion: 'v1', name: observeGroup, versions: [groupVersion], preferredVersion: groupVersion };
/** No resource is listed: flows are a stream, not objects that kubectl could get. */
const resourceList = { kind: 'APIResourceList', apiVersion: 'v1', groupVersion: groupVersion.groupVersion, resources: [] };
