import { describeFaults } from './faults.ts';

for (const mesh of ['palisade', 'envoy'] as const)
  describeFaults(mesh, { requests: 50_000, changes: 3000, awayMs: 65_000, rotateMs: 180_000 });
