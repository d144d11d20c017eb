import type { Topic } from './topic.ts';
import { applies } from './topics/applies.ts';
import { lists } from './topics/lists.ts';
import { objects } from './topics/objects.ts';
import { patches } from './topics/patches.ts';

export const topics: readonly Topic[] = [objects, lists, patches, applies];
