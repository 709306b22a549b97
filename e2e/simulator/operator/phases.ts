/** The phases of a Cluster, as the operator writes them. */

export const phases = {
  healthy: 'Cluster in healthy state',
  settingUpPrimary: 'Setting up primary',
  creatingReplica: 'Creating a new replica',
  waitingForInstances: 'Waiting for the instances to become active',
  switchover: 'Switchover in progress',
  failover: 'Failing over',
  upgrading: 'Upgrading cluster',
  waitingForUser: 'Waiting for user action',
  restartInPlace: 'Primary instance is being restarted in-place',
  restartWithoutSwitchover: 'Primary instance is being restarted without a switchover',
  unrecoverable: 'Cluster is unrecoverable and needs manual intervention',
  imageCatalogError: 'Cluster has incomplete or invalid image catalog',
  unknownPlugin: 'Cluster cannot proceed to reconciliation due to an unknown plugin being required',
  notEnoughSpace: 'Not enough disk space',
} as const;
