import type { Topic } from './topic.ts';
import { access } from './topics/access.ts';
import { applies } from './topics/applies.ts';
import { customResources } from './topics/custom-resources.ts';
import { discovery } from './topics/discovery.ts';
import { identity } from './topics/identity.ts';
import { kinds } from './topics/kinds.ts';
import { kubectl } from './topics/kubectl.ts';
import { lists } from './topics/lists.ts';
import { objects } from './topics/objects.ts';
import { patches } from './topics/patches.ts';
import { webhooks } from './topics/webhooks.ts';
import { wire } from './topics/wire.ts';

/** In the order they run; each has its own namespace, but cluster-wide objects are seen by all. */
export const topics: readonly Topic[] = [
  discovery,
  objects,
  lists,
  patches,
  applies,
  wire,
  kinds,
  customResources,
  webhooks,
  access,
  identity,
  kubectl,
];
