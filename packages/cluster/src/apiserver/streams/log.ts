import { once } from 'node:events';
import { badRequest, type KubernetesObject } from '@palisade/kubernetes';
import type { LogOptions } from '../../contract.ts';
import { isTrue, type ResourceRequest } from '../http/request.ts';
import { getObject } from '../registry/read.ts';
import { kubeletOf, pickContainer } from './pod-target.ts';

/** GET pods/X/log: plain text, as long as the container writes when it follows. */
export async function serveLog({ context, scope, query, req, res }: ResourceRequest): Promise<void> {
  const pod: KubernetesObject = (await getObject(context.core, scope)).object;
  const container = pickContainer(pod, query.get('container') ?? '');
  const number = (name: string): number | undefined => {
    const text = query.get(name);
    if (text === null || text === '') return undefined;
    const value = Number(text);
    if (!Number.isInteger(value) || value < 0)
      throw badRequest(`invalid value ${JSON.stringify(text)} of ${name}: expected a whole number of at least 0`);
    return value;
  };
  const [tailLines, sinceSeconds, limitBytes, sinceTime] = [
    number('tailLines'),
    number('sinceSeconds'),
    number('limitBytes'),
    query.get('sinceTime'),
  ];
  if (sinceTime && sinceSeconds !== undefined) throw badRequest('at most one of sinceTime or sinceSeconds may be specified');
  const options: LogOptions = {
    container,
    follow: isTrue(query.get('follow')),
    previous: isTrue(query.get('previous')),
    timestamps: isTrue(query.get('timestamps')),
    ...(tailLines === undefined ? {} : { tailLines }),
    ...(sinceSeconds === undefined ? {} : { sinceSeconds }),
    ...(sinceTime ? { sinceTime } : {}),
    ...(limitBytes === undefined ? {} : { limitBytes }),
  };
  if (!pod['spec']?.nodeName) {
    // It has written nothing, and nobody can be asked.
    res.statusCode = 204;
    res.end();
    return;
  }
  const kubelet = kubeletOf(context, pod);
  const gone = new AbortController();
  res.once('close', () => gone.abort());
  const stream = await kubelet.logs(scope.namespace, scope.name, options, gone.signal);
  res.statusCode = 200;
  res.setHeader('Content-Type', 'text/plain');
  res.flushHeaders();
  try {
    for await (const chunk of stream) {
      if (res.destroyed) break;
      if (!res.write(chunk)) await once(res, 'drain', { signal: gone.signal });
    }
    res.end();
  } catch (error) {
    if (!gone.signal.aborted) throw error;
  } finally {
    stream.destroy();
    req.resume();
  }
}
