import { describe, expect, it } from 'vitest';
import { createLogger } from './logger.ts';

function logged(write: (logger: ReturnType<typeof createLogger>) => void): string[] {
  const lines: string[] = [];
  write(createLogger({ level: 'info', stream: { write: (line) => void lines.push(line) } }));
  return lines;
}

describe('the log', () => {
  it('writes JSON with level and time, and leaves out what is below its level', () => {
    const lines = logged((logger) => {
      logger.debug('too little');
      logger.info({ port: 3000 }, 'Listening.');
    });
    expect(lines).toHaveLength(1);
    const line = JSON.parse(lines[0] ?? '');
    expect(line).toEqual({ level: 'info', time: expect.any(String), port: 3000, msg: 'Listening.' });
    expect(new Date(line.time).getTime()).toBeGreaterThan(0);
  });

  it.each([
    { authorization: 'hunter2' },
    { req: { headers: { authorization: 'hunter2' } } },
    { body: { password: 'hunter2' } },
    { secret: { data: { password: 'hunter2' } } },
    { config: { token: 'hunter2' } },
  ])('cuts secrets out of %j', (fields) => {
    expect(logged((logger) => logger.info(fields, 'Said too much.')).join()).not.toContain('hunter2');
  });

  it('tells of an error its class, code, message and place, and no other field', () => {
    const error = Object.assign(new Error('It broke.'), {
      code: 'ECONNREFUSED',
      response: { token: 'hunter2' },
    });
    const [line = ''] = logged((logger) => logger.error({ err: error }, 'Failed.'));
    expect(JSON.parse(line).err).toMatchObject({ type: 'Error', code: 'ECONNREFUSED', message: 'It broke.' });
    expect(JSON.parse(line).err.stack[0]).toMatch(/^at /);
    expect(line).not.toContain('hunter2');
  });

  it('survives what is thrown but is no error, and causes that go in a circle', () => {
    const circle = new Error('round');
    circle.cause = circle;
    expect(logged((logger) => logger.error({ err: 'text' }, 'x'))).toHaveLength(1);
    expect(logged((logger) => logger.error({ err: circle }, 'x'))).toHaveLength(1);
  });
});
