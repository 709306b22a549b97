/**
 * Ready-made contents for a simulator: the namespace of the demonstration, whole clusters for tests, thousands of
 * Clusters for the bench. Whatever the operator would have made is made by it, at once.
 */

export { clusterFixture, populateMany, putHealthyCluster } from './scenes/clusters.ts';
export { populateDemo } from './scenes/demo.ts';
