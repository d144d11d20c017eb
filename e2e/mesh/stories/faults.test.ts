import { describeFaults } from './faults.ts';

describeFaults('palisade', { requests: 10_000, changes: 250, awayMs: 5000, rotateMs: 20_000 });
