import { describe, expect, it } from 'vitest';
import { ToolError } from '../errors.ts';
import type { AuditRecord } from '../tools/pipeline.ts';
import { createAudit } from './audit.ts';
import { createLogger } from './logger.ts';

const record: AuditRecord = {
  requestId: 'r-1',
  principal: 'https://issuer|ada',
  displayName: 'Ada\u202e\u0007 Lovelace\n{"type":"audit","forged":true}',
  tool: 'delete_postgres_cluster',
  effect: 'destroy',
  namespace: 'demo',
  object: 'orders',
  decision: { allowed: true, rule: 'scope cnpg:destroy' },
  outcome: 'done',
  planDigest: 'abc',
  changed: true,
  durationSeconds: 0.1234567,
};

function auditing() {
  const lines: string[] = [];
  const log: string[] = [];
  const audit = createAudit({
    stream: { write: (line) => lines.push(line) },
    logger: createLogger({ stream: { write: (line) => void log.push(line) } }),
    now: () => new Date('2026-01-02T03:04:05Z'),
  });
  return { audit, lines, log };
}

describe('the audit log', () => {
  it('has one JSON line a call, with who, what, the decision and what came of it', () => {
    const { audit, lines, log } = auditing();
    audit.toolCall(record);
    expect(lines).toHaveLength(1);
    expect(lines[0]?.endsWith('}\n')).toBe(true);
    expect(JSON.parse(lines[0] ?? '')).toEqual({
      type: 'audit',
      time: '2026-01-02T03:04:05.000Z',
      request_id: 'r-1',
      principal: 'https://issuer|ada',
      display_name: 'Ada Lovelace\n{"type":"audit","forged":true}',
      tool: 'delete_postgres_cluster',
      effect: 'destroy',
      namespace: 'demo',
      object: 'orders',
      decision: 'allowed',
      rule: 'scope cnpg:destroy',
      changed: true,
      outcome: 'done',
      plan_digest: 'abc',
      duration_seconds: 0.123457,
    });
    expect(log).toEqual([]);
  });

  it('cannot be given a second line by what somebody is called', () => {
    const { audit, lines } = auditing();
    audit.toolCall(record);
    expect(lines.join('').trimEnd().split('\n')).toHaveLength(1);
  });

  it('cuts what is too long', () => {
    const { audit, lines } = auditing();
    audit.toolCall({ ...record, object: 'x'.repeat(10_000) });
    expect(lines[0]?.length).toBeLessThan(1000);
  });

  it('leaves the cause of a defect to the log, under the same request id', () => {
    const { audit, lines, log } = auditing();
    const body = 'HTTP-Code: 500\nMessage: no\nBody: {"password":"hunter2"}\nHeaders: {"x":"hunter2"}';
    const cause = new ToolError('internal', 'It broke.', { cause: new Error(body) });
    audit.toolCall({ ...record, outcome: 'internal', cause });
    expect(lines[0]).not.toContain('broke');
    expect(JSON.parse(log[0] ?? '')).toMatchObject({
      level: 'error',
      requestId: 'r-1',
      cause: { type: 'ToolError', message: 'It broke.', cause: { message: 'HTTP-Code: 500\nMessage: no' } },
    });
    expect(log.join()).not.toContain('hunter2');
  });

  it('has one line for every request that was turned away, and nothing of a token in it', () => {
    const { audit, lines } = auditing();
    audit.refusal({
      requestId: 'r-1',
      address: '203.0.113.7',
      method: 'POST',
      status: 403,
      rule: 'insufficient_scope',
      tool: 'drop\u0007',
      principal: 'https://idp|ada',
    });
    expect(JSON.parse(lines[0] ?? '')).toEqual({
      type: 'refusal',
      time: '2026-01-02T03:04:05.000Z',
      request_id: 'r-1',
      address: '203.0.113.7',
      method: 'POST',
      status: 403,
      rule: 'insufficient_scope',
      tool: 'drop',
      principal: 'https://idp|ada',
    });
  });
});
