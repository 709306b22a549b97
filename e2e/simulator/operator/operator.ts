import type { Machine } from '../api/machine.ts';
import type { Logs } from '../api/pods.ts';
import type { Postgres } from './postgres.ts';
export function startOperator(_: {
  machine: Machine;
  postgres: Postgres;
  logs: Logs;
  speed: number;
  operatorVersion: string;
}): () => void {
  return () => {};
}
