import { formatTime } from '../time.ts';
import type { Strategy } from './strategy.ts';

/** What an APIService without a Service names is served here; one with a Service asks for a server that nobody forwards to. */
export const apiServiceStrategy: Strategy = {
  prepareForCreate(service, core) {
    const isLocal = (service['spec']?.service ?? null) === null;
    const available = isLocal
      ? { status: 'True', reason: 'Local', message: 'Local APIServices are always available' }
      : { status: 'False', reason: 'NotForwarded', message: 'this API server forwards to no other' };
    service['status'] = { conditions: [{ type: 'Available', lastTransitionTime: formatTime(core.clock()), ...available }] };
  },
};
