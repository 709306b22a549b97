/**
 * What the gateway promises, as tests that run on any API server: on the simulator with the unit tests, on a real one with the
 * suites. What a real API server does is right; where the simulator differs, it is the simulator that is changed.
 */
import { afterAll, beforeAll, describe } from 'vitest';
import type { KubeGateway } from '../../server/src/kube/gateway.ts';
import { readingContract } from './reading.ts';
import { rightsContract } from './rights.ts';
import { watchingContract } from './watching.ts';
import { writingContract } from './writing.ts';

/** A cluster to hold against the contract. */
export interface ContractCluster {
  /** Acts as somebody who may do everything, impersonation included. */
  gateway: KubeGateway;
  /** An empty namespace of its own. */
  namespace: string;
  /** A user without any right. */
  stranger: string;
  /** Makes a continuation token one that has expired. Only asked of a cluster that forgets. */
  expire(token: string): string;
  close(): Promise<void>;
}

/** The cluster under test, for tests that are declared before it is there. */
export type Subject = () => ContractCluster;

/** Declares the contract's tests for one cluster. `forgets`: it is old enough to have forgotten a revision. */
export function gatewayContract(
  name: string,
  setup: () => Promise<ContractCluster>,
  { forgets = true } = {},
): void {
  describe(`the gateway's contract on ${name}`, () => {
    let cluster: ContractCluster | undefined;
    beforeAll(async () => {
      cluster = await setup();
    });
    afterAll(async () => cluster?.close());
    const subject: Subject = () => {
      if (!cluster) throw new Error('The cluster is not there yet.');
      return cluster;
    };
    readingContract(subject, forgets);
    writingContract(subject);
    watchingContract(subject);
    rightsContract(subject);
  });
}
