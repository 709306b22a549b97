import { describe, expect, it } from 'vitest';
import { judgeParameters } from './parameters.ts';

/** For PostgreSQL 17, unless told otherwise. */
const judge = (parameters: Record<string, string>, target: object = {}) =>
  judgeParameters(parameters, { major: 17, ownBuild: false, ...target });
const reason = (name: string, value: string, target: object = {}) =>
  judge({ [name]: value }, target).objections[0]?.reason;

describe('judgeParameters, by name', () => {
  it('refuses a name that this PostgreSQL does not know, and suggests the one that was meant', () => {
    expect(judge({ max_conections: '50' })).toEqual({
      objections: [
        {
          reason:
            'PostgreSQL 17 does not start with the parameter max_conections, which it does not know: did you mean max_connections?',
          lift: 'Write max_connections, or leave the parameter out.',
        },
      ],
      warnings: [],
    });
    expect(reason('total_worker_budget', '4')).toBe(
      'PostgreSQL 17 does not start with the parameter total_worker_budget, which it does not know.',
    );
  });

  it.each([
    ['force_parallel_mode', 17, 'there is one only until 15.'],
    ['io_method', 17, 'there is one since 18.'],
    ['stats_temp_directory', 15, 'there is one only until 14.'],
  ])('tells of %s in %i which versions have it', (name, major, ending) => {
    expect(reason(name, 'x', { major })).toContain(ending);
  });

  it.each([
    ['io_method', 'worker', 18],
    ['force_parallel_mode', 'off', 15],
    ['ssl_ecdh_curve', 'prime256v1', 18],
    ['sort_mem', '64MB', 16],
    ['timezone', 'Europe/Berlin', 17],
    ['TimeZone', 'Europe/Berlin', 17],
    ['pg_stat_statements.max', 'whatever', 17],
    ['my.own', '', 17],
    // Not in every build of 17: an image of Debian has the one, a minor version later than some the other.
    ['extension_destdir', '/x', 17],
    ['composite_type_mismatch', 'warn', 13],
  ])('lets %s = %j pass in %i', (name, value, major) => {
    expect(judge({ [name]: value }, { major })).toEqual({ objections: [], warnings: [] });
  });

  it('only warns where the caller named the image, which may know it, unless it is a slip of the pen', () => {
    expect(judge({ edb_redwood_date: 'on' }, { ownBuild: true })).toEqual({
      objections: [],
      warnings: [
        'PostgreSQL 17 does not start with the parameter edb_redwood_date, which it does not know. Unless this image takes it, the cluster will not start.',
      ],
    });
    expect(judge({ max_conections: '50' }, { ownBuild: true }).objections).toHaveLength(1);
  });

  it.each([12, 19, undefined])('only warns for a version that is not in the table: %s', (major) => {
    const { objections, warnings } = judge(
      { max_conections: '50', work_mem: 'much', block_size: '1' },
      { major },
    );
    expect(objections).toEqual([]);
    expect(warnings).toEqual([
      expect.stringContaining('did you mean max_connections? Unless this image takes it'),
      expect.stringContaining('work_mem "much"'),
      expect.stringContaining('block_size, which nobody can set'),
    ]);
  });

  it('refuses what a server only tells', () => {
    expect(reason('wal_segment_size', '64MB')).toBe(
      'PostgreSQL does not start with the parameter wal_segment_size, which nobody can set.',
    );
  });

  it('refuses another case, which would slip past the operator: it knows its parameters by the letters', () => {
    expect(judge({ Archive_Command: '/bin/true' }, { major: undefined, ownBuild: true }).objections).toEqual([
      {
        reason:
          'The parameter Archive_Command is written archive_command: the operator, which fills in and protects parameters, compares the letters.',
        lift: 'Write archive_command.',
      },
    ]);
  });
});

describe('judgeParameters, by value', () => {
  it.each([
    ['jit', 'ON'],
    ['jit', 'tru'],
    ['jit', 'of'],
    ['log_statement', 'DDL'],
    ['synchronous_commit', 'no'],
    ['ssl_min_protocol_version', 'tlsv1.2'],
    ['ssl_max_protocol_version', ''],
    ['default_transaction_isolation', 'repeatable read'],
    ['max_connections', '0x64'],
    ['max_connections', '262143.4'],
    ['work_mem', '64'],
    ['work_mem', ' 4 MB '],
    ['work_mem', '1.5GB'],
    ['work_mem', '65536B'],
    ['shared_buffers', '128kB'],
    ['shared_buffers', '16'],
    ['statement_timeout', '1h'],
    ['checkpoint_timeout', '5min'],
    ['checkpoint_completion_target', '.9'],
    ['autovacuum_vacuum_cost_delay', '-1'],
    ['log_file_mode', '0600'],
    ['random_page_cost', '1e0'],
    ['temp_file_limit', '-1'],
  ])('takes %s = %j, as PostgreSQL does', (name, value) => {
    expect(judge({ [name]: value }).objections).toEqual([]);
  });

  it.each([
    ['jit', 'o', 'it takes on or off.'],
    ['jit', 'maybe', 'it takes on or off.'],
    ['log_statement', 'everything', 'it takes one of none, ddl, mod, all.'],
    ['max_connections', '0', 'it takes 1 to 262143.'],
    ['max_connections', '100MB', 'it takes 1 to 262143.'],
    ['max_connections', '-0x1', 'it takes 1 to 262143.'],
    ['work_mem', 'banana', '(in kB), or a number with one of the units B, kB, MB, GB, TB.'],
    ['work_mem', '63', 'it takes 64 to 2147483647'],
    ['work_mem', '63kB', 'it takes 64 to 2147483647'],
    ['work_mem', '4mb', 'it takes 64 to 2147483647'],
    ['work_mem', '4TB', 'it takes 64 to 2147483647'],
    ['shared_buffers', '120kB', 'it takes 16 to 1073741823 (in 8kB)'],
    ['checkpoint_timeout', '29s', '(in s), or a number with one of the units us, ms, s, min, h, d.'],
    ['checkpoint_completion_target', '1.2', 'it takes 0.0 to 1.0.'],
    ['geqo_effort', '0.5', 'it takes 1 to 10.'],
    ['work_mem', '', 'it takes 64 to 2147483647'],
  ])('refuses %s = %j and says what it takes', (name, value, ending) => {
    expect(reason(name, value)).toContain(ending);
  });

  it('leaves free text alone, and what depends on the build', () => {
    const free = { search_path: 'x', log_timezone: 'nowhere', wal_compression: 'lz4', io_method: 'io_uring' };
    expect(judge(free, { major: 18 }).objections).toEqual([]);
  });
});

describe('judgeParameters, together', () => {
  it.each([
    [{ max_connections: '3' }, /max_connections 3: .* together 3, must be less/],
    [{ max_connections: '10', superuser_reserved_connections: '10' }, /together 10/],
    [{ max_connections: '10', reserved_connections: '7' }, /together 10/],
    [{ min_wal_size: '16MB' }, /min_wal_size "16MB": it takes at least two WAL segments, 32MB/],
    [{ max_wal_size: '31' }, /max_wal_size "31"/],
  ])('refuses %j, which PostgreSQL checks when it starts', (parameters, expected) => {
    expect(judge(parameters).objections).toEqual([
      { reason: expect.stringMatching(expected), lift: expect.any(String) },
    ]);
  });

  it.each([
    { max_connections: '4' },
    { max_connections: '100', reserved_connections: '90' },
    { min_wal_size: '32MB', max_wal_size: '1GB' },
    { max_wal_size: '32768kB' },
  ])('takes %j', (parameters) => {
    expect(judge(parameters)).toEqual({ objections: [], warnings: [] });
  });

  it('only warns of small WAL where the image may have been built with smaller segments', () => {
    const { objections, warnings } = judge({ min_wal_size: '16MB' }, { ownBuild: true });
    expect(objections).toEqual([]);
    expect(warnings).toEqual([expect.stringContaining('min_wal_size')]);
  });
});
