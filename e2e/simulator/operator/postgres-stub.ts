import type { Machine } from '../api/machine.ts';
import type { PodPorts } from '../api/pods.ts';
export interface SimulatedPostgres {
  roleExists(namespace: string, cluster: string, role: string): boolean;
}
export class Postgres implements SimulatedPostgres {
  constructor(_machine: Machine, _version: string) {}
  readonly ports: PodPorts = () => undefined;
  roleExists(): boolean {
    return false;
  }
}
