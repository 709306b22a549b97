/**
 * The CloudNativePG kinds as far as this server reads them. Field names are the operator's. Everything that the API server
 * may leave out is optional, and nothing here is trusted to be complete: objects come from clusters of any version.
 */
import type { KubeObject } from '../kube/gateway.ts';

export interface Condition {
  type: string;
  status: string;
  reason?: string;
  /** Written by the operator, with text of others in it: show it fenced. */
  message?: string;
  lastTransitionTime?: string;
}

export interface StorageSpec {
  size?: string;
  storageClass?: string;
  resizeInUseVolumes?: boolean;
}

/** One entry of `spec.managed.roles`, and the common part of a DatabaseRole's spec. */
export interface RoleSpec {
  name: string;
  ensure?: 'present' | 'absent';
  comment?: string;
  login?: boolean;
  superuser?: boolean;
  createdb?: boolean;
  createrole?: boolean;
  replication?: boolean;
  bypassrls?: boolean;
  /** Default true. */
  inherit?: boolean;
  connectionLimit?: number;
  validUntil?: string;
  inRoles?: string[];
  passwordSecret?: { name: string };
  disablePassword?: boolean;
}

export interface ClusterSpec {
  instances?: number;
  imageName?: string;
  imageCatalogRef?: { kind: string; name: string; major: number };
  storage?: StorageSpec;
  walStorage?: StorageSpec;
  minSyncReplicas?: number;
  maxSyncReplicas?: number;
  postgresql?: {
    parameters?: Record<string, string>;
    synchronous?: {
      method?: string;
      number?: number;
      standbyNamesPre?: string[];
      standbyNamesPost?: string[];
      dataDurability?: string;
    };
  };
  bootstrap?: {
    initdb?: { database?: string; owner?: string; secret?: { name: string } };
    recovery?: { source?: string; database?: string; owner?: string };
    pg_basebackup?: { source?: string; database?: string; owner?: string };
  };
  managed?: { roles?: RoleSpec[] };
  enableSuperuserAccess?: boolean;
  /** Absent: the operator makes one. */
  superuserSecret?: { name: string };
  replica?: { enabled?: boolean; source?: string; primary?: string; self?: string };
  externalClusters?: { name: string; connectionParameters?: Record<string, string> }[];
  backup?: Record<string, unknown>;
  plugins?: {
    name: string;
    enabled?: boolean;
    isWALArchiver?: boolean;
    parameters?: Record<string, string>;
  }[];
  [field: string]: unknown;
}

export interface ManagedRolesStatus {
  byStatus?: Record<string, string[]>;
  /** Role name to the errors of PostgreSQL or the operator. */
  cannotReconcile?: Record<string, string[]>;
  /** Secret resourceVersion of the password that was applied last. */
  passwordStatus?: Record<string, { resourceVersion?: string; transactionID?: number }>;
}

export interface ClusterStatus {
  phase?: string;
  phaseReason?: string;
  instances?: number;
  readyInstances?: number;
  instanceNames?: string[];
  currentPrimary?: string;
  targetPrimary?: string;
  image?: string;
  conditions?: Condition[];
  managedRolesStatus?: ManagedRolesStatus;
  /** Of the Secrets that the operator found; an entry is left out while it has not. */
  secretsResourceVersion?: { superuserSecretVersion?: string };
  firstRecoverabilityPoint?: string;
  lastSuccessfulBackup?: string;
  healthyPVC?: string[];
  danglingPVC?: string[];
  /** The image that made the data directory; the operator's own parse of the version. */
  pgDataImageInfo?: { image?: string; majorVersion?: number };
  [field: string]: unknown;
}

export interface Cluster extends KubeObject {
  spec: ClusterSpec;
  status?: ClusterStatus;
}

/** `applied` has three states: true, false, and absent for "not known yet". */
export interface AppliedStatus {
  applied?: boolean;
  message?: string;
  observedGeneration?: number;
}

export interface Database extends KubeObject {
  spec: {
    cluster: { name: string };
    name: string;
    owner: string;
    ensure?: 'present' | 'absent';
    /** Default `retain`. */
    databaseReclaimPolicy?: 'retain' | 'delete';
    [field: string]: unknown;
  };
  status?: AppliedStatus;
}

/** Operator 1.30 and later. */
export interface DatabaseRole extends KubeObject {
  spec: RoleSpec & { cluster: { name: string }; databaseRoleReclaimPolicy?: 'retain' | 'delete' };
  status?: AppliedStatus & { secretResourceVersion?: string };
}

export interface Backup extends KubeObject {
  spec: { cluster: { name: string }; method?: string };
  status?: { phase?: string; startedAt?: string; stoppedAt?: string; error?: string; backupId?: string };
}

export interface ScheduledBackup extends KubeObject {
  spec: { cluster: { name: string }; schedule: string; suspend?: boolean };
}

export interface Pooler extends KubeObject {
  spec: { cluster: { name: string }; type?: string; instances?: number };
}

export interface PersistentVolumeClaim extends KubeObject {
  spec: { storageClassName?: string; volumeName?: string; resources?: { requests?: { storage?: string } } };
  status?: { phase?: string; capacity?: { storage?: string } };
}

export interface PersistentVolume extends KubeObject {
  spec: { persistentVolumeReclaimPolicy?: string };
}

export interface StorageClass extends KubeObject {
  provisioner?: string;
  /** Default `Delete`. */
  reclaimPolicy?: string;
}

export interface Secret extends KubeObject {
  type?: string;
  data?: Record<string, string>;
}

export interface ContainerStatus {
  name: string;
  ready?: boolean;
  restartCount?: number;
  state?: {
    waiting?: { reason?: string; message?: string };
    running?: { startedAt?: string };
    terminated?: { reason?: string; exitCode?: number; message?: string };
  };
  /** How it ended the last time. */
  lastState?: { terminated?: { reason?: string; exitCode?: number } };
}

export interface Pod extends KubeObject {
  spec?: { nodeName?: string };
  status?: {
    phase?: string;
    /** Why the whole pod ended, such as `Evicted`. */
    reason?: string;
    message?: string;
    conditions?: Condition[];
    containerStatuses?: ContainerStatus[];
    initContainerStatuses?: ContainerStatus[];
  };
}

export interface KubeEvent extends KubeObject {
  type?: string;
  reason?: string;
  message?: string;
  count?: number;
  lastTimestamp?: string;
  eventTime?: string;
  involvedObject?: { kind?: string; name?: string; namespace?: string; uid?: string };
}
