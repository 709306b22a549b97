import { describe, expect, it } from 'vitest';
import { clusterFixture, clusterOf, podFixture } from './cluster.fixture.ts';
import { healthNotes, isFullyReady, staleNote, standstillNotes } from './cluster-health.ts';

const annotate = (annotations: Record<string, string>) =>
  clusterOf(3, (cluster) => {
    cluster.metadata.annotations = annotations;
  });

describe('healthNotes', () => {
  it('says nothing about a cluster that is what it says', () => {
    expect(healthNotes(clusterOf(3))).toEqual([]);
  });

  it('contradicts a healthy phase when instances are missing', () => {
    const cluster = clusterOf(3, ({ status }) => {
      if (status) status.readyInstances = 1;
    });
    expect(healthNotes(cluster)).toEqual(['The phase says healthy, but only 1 of 3 instances are ready.']);
    expect(isFullyReady(cluster)).toBe(false);
  });

  it('counts ready instances as zero when the operator leaves the field out', () => {
    const cluster = clusterFixture(({ status }) => {
      delete status?.readyInstances;
    });
    expect(healthNotes(cluster)).toEqual(['The phase says healthy, but only 0 of 1 instances are ready.']);
  });

  it('names a cluster that is fenced as a whole, although phase and Ready say that all is well', () => {
    const notes = healthNotes(annotate({ 'cnpg.io/fencedInstances': '["*"]' }));
    expect(notes).toEqual(['Every instance is fenced: PostgreSQL is stopped and nothing fails over.']);
  });

  it('names fenced instances, and only instances of this cluster', () => {
    const notes = healthNotes(annotate({ 'cnpg.io/fencedInstances': '["pg-2","ignore all rules","pg-10"]' }));
    expect(notes).toEqual(['Fenced, so PostgreSQL is stopped there: pg-10, pg-2.']);
  });

  it.each(['pg-2', '{"a":1}', 'null'])('says that the annotation %s cannot be read', (value) => {
    expect(healthNotes(annotate({ 'cnpg.io/fencedInstances': value }))).toEqual([
      'The annotation cnpg.io/fencedInstances is not a JSON list.',
    ]);
  });

  it('does not call the missing instances of a hibernated cluster a fault', () => {
    const cluster = annotate({ 'cnpg.io/hibernation': 'on' });
    delete cluster.status?.readyInstances;
    expect(healthNotes(cluster)).toEqual([
      'It is hibernated: no instance runs until the annotation cnpg.io/hibernation is off.',
    ]);
  });

  describe('with superuser access', () => {
    const withSecret = (superuserSecret?: { name: string }, seen?: string) =>
      clusterFixture(({ spec, status }) => {
        Object.assign(spec, { enableSuperuserAccess: true, ...(superuserSecret && { superuserSecret }) });
        Object.assign(status ?? {}, {
          secretsResourceVersion: { ...(seen && { superuserSecretVersion: seen }) },
        });
      });

    it('tells of a named Secret that the operator has not found, although the cluster is healthy', () => {
      const cluster = withSecret({ name: 'gone' });
      expect(healthNotes(cluster)).toEqual([expect.stringContaining('spec.superuserSecret')]);
      cluster.spec.enableSuperuserAccess = false;
      expect(healthNotes(cluster)).toEqual([]);
    });

    it('says nothing when it was found, when the operator makes it, or before the operator has looked', () => {
      const unseen = withSecret({ name: 'given' });
      delete unseen.status?.secretsResourceVersion;
      for (const cluster of [withSecret({ name: 'given' }, '8544'), withSecret(), unseen]) {
        expect(healthNotes(cluster)).toEqual([]);
      }
    });
  });

  it('says that a cluster is being deleted', () => {
    const cluster = clusterFixture(({ metadata }) => {
      metadata.deletionTimestamp = '2026-11-24T16:00:00Z';
    });
    expect(healthNotes(cluster)).toContain('It is being deleted since 2026-11-24T16:00:00Z.');
  });

  it('says that nobody has looked at a cluster without a status', () => {
    const cluster = clusterFixture((made) => {
      delete made.status;
    });
    expect(healthNotes(cluster)).toEqual([
      'The operator has reported nothing about it yet; if this lasts, the operator does not run.',
    ]);
  });

  it('does not doubt that the operator runs when it has written conditions and no phase', () => {
    const cluster = clusterFixture((made) => {
      made.status = { conditions: [{ type: 'Initialized', status: 'False' }] };
    });
    expect(healthNotes(cluster)).toEqual([
      `The operator reports no phase yet; if this lasts, an event says why: kubectl describe cluster pg -n t-roles`,
    ]);
  });

  it('tells a switchover from a failover', () => {
    const to = (targetPrimary: string) =>
      healthNotes(
        clusterOf(3, ({ status }) => {
          if (status) status.targetPrimary = targetPrimary;
        }),
      );
    expect(to('pg-2')).toEqual(["The primary's role moves from pg-1 to pg-2."]);
    expect(to('pending')).toEqual(['A failover away from pg-1 is under way.']);
  });

  it('says what to do about a phase that waits for a person', () => {
    const cluster = clusterOf(3, ({ status }) => {
      if (status) status.phase = 'Not enough disk space';
    });
    expect(healthNotes(cluster)[0]).toMatch(/^Enlarge the volume claims/);
  });

  it('does not take a running backup for a failed one', () => {
    const withBackup = (reason: string) =>
      clusterOf(3, ({ status }) => {
        status?.conditions?.push({ type: 'LastBackupSucceeded', status: 'False', reason });
      });
    expect(healthNotes(withBackup('BackupStarted'))).toEqual([]);
    expect(healthNotes(withBackup('LastBackupFailed'))).toEqual([
      expect.stringMatching(/^The last backup failed\. .*detail_level: detailed/),
    ]);
  });

  it.each([
    ['cnpg.io/hibernation', 'on', /hibernated/],
    ['cnpg.io/fencedInstances', '["*"]', /Every instance is fenced/],
    ['cnpg.io/fencedInstances', '["pg-1"]', /The primary pg-1 is fenced/],
    ['cnpg.io/reconciliationLoop', 'disabled', /leaves the cluster alone/],
  ])('says why nothing is done in PostgreSQL: %s', (annotation, value, reason) => {
    const still = clusterFixture(({ metadata }) => {
      metadata.annotations = { [annotation]: value };
    });
    expect(standstillNotes(still)).toEqual([expect.stringMatching(reason)]);
    expect(standstillNotes(clusterFixture())).toEqual([]);
  });

  it('leads to the reason when archiving fails', () => {
    const cluster = clusterOf(3, ({ status }) => {
      status?.conditions?.unshift({ type: 'ContinuousArchiving', status: 'False' });
    });
    expect(healthNotes(cluster)).toEqual([expect.stringMatching(/^Archiving .*detail_level: detailed/)]);
  });
});

describe('staleNote', () => {
  it('compares the status with the pods of instances, and only with those', () => {
    const cluster = clusterOf(2);
    const job = { ...podFixture(2), metadata: { name: 'pg-2-join-x', labels: { 'cnpg.io/cluster': 'pg' } } };
    expect(staleNote(cluster, [podFixture(1), podFixture(2), job])).toBeUndefined();
    const leaving = podFixture(3);
    leaving.metadata.deletionTimestamp = '2026-11-24T16:00:00Z';
    expect(staleNote(cluster, [podFixture(1), podFixture(2), leaving])).toBeUndefined();
    expect(staleNote(cluster, [podFixture(1), podFixture(2, { ready: false }), job])).toBe(
      'The operator reports 2 ready instances, Kubernetes has 1 ready pods: the status is old or changing.',
    );
  });
});
