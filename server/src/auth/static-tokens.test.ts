import { createHash } from 'node:crypto';
import * as files from 'node:fs/promises';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createAuthenticator } from './authenticator.ts';
import { openStaticTokens, type StaticTokenOptions } from './static-tokens.ts';

vi.mock('node:fs/promises', { spy: true });

const sha256 = (token: string): string => createHash('sha256').update(token).digest('hex');
let folder: string;
let file: string;
let problems: (string | undefined)[];

const write = (tokens: object[]): Promise<void> => writeFile(file, JSON.stringify({ tokens }));
const open = (options: Partial<StaticTokenOptions> = {}) =>
  openStaticTokens({
    path: file,
    rules: [],
    mustImpersonate: false,
    onProblem: (message) => problems.push(message),
    ...options,
  });

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cnpg-mcp-tokens-'));
  file = join(folder, 'tokens.yaml');
  problems = [];
});
afterEach(async () => {
  vi.resetAllMocks();
  vi.useRealTimers();
  await rm(folder, { recursive: true });
});

describe('tokens from a file', () => {
  it('each stand for a principal with grants of their own', async () => {
    await write([
      { name: 'ci', sha256: sha256('secret-ci'), grants: [{ effect: 'change', namespaces: ['ci'] }] },
      { name: 'dashboard', sha256: sha256('secret-dashboard'), grants: [{ effect: 'read' }] },
    ]);
    const tokens = await open();
    expect((await tokens.find('secret-ci'))?.principal).toEqual({
      id: 'token:ci',
      displayName: 'token ci',
      kind: 'token',
      grants: [{ effect: 'change', namespaces: ['ci'], from: 'token ci' }],
    });
    expect((await tokens.find('secret-dashboard'))?.principal.id).toBe('token:dashboard');
    expect(await tokens.find('secret-other')).toBeUndefined();
    expect(await tokens.find(sha256('secret-ci')), 'the hash itself is no token').toBeUndefined();
  });

  it('get what the rules of the configuration give to their name', async () => {
    await write([{ name: 'ci', sha256: sha256('x') }]);
    const tokens = await open({
      rules: [
        { token: 'ci', effect: 'operate', namespaces: ['ci'] },
        { token: 'other', effect: 'destroy' },
        { group: 'ci', effect: 'destroy' },
      ],
    });
    expect((await tokens.find('x'))?.principal.grants).toEqual([
      { effect: 'operate', namespaces: ['ci'], from: 'token ci' },
    ]);
  });

  it('must all say whom they act as where people act as themselves', async () => {
    const impersonate = { user: 'bot:ci', groups: ['bots'] };
    await write([{ name: 'ci', sha256: sha256('x'), impersonate }]);
    const found = await (await open({ mustImpersonate: true })).find('x');
    expect(found?.principal.impersonate).toEqual(impersonate);
    await write([{ name: 'root', sha256: sha256('x') }]);
    await expect(open({ mustImpersonate: true })).rejects.toThrow('token root needs impersonate');
  });

  it('without a hash are said to be without one', async () => {
    await write([{ name: 'ci', sha256: sha256('x') }, { name: 'other' }]);
    await expect(open()).rejects.toThrow('token other (tokens.1): sha256 is missing');
    await writeFile(file, 'names: []');
    await expect(open()).rejects.toThrow('file: tokens is missing');
  });

  it('are never quoted when somebody wrote one where its hash is due', async () => {
    await writeFile(file, 'tokens: [{name: x, sha256: "hunter2\n  [');
    await expect(open()).rejects.not.toThrow('hunter2');
  });

  it('expire', async () => {
    await write([
      { name: 'old', sha256: sha256('x'), grants: [{ effect: 'read' }], expires: '2020-01-01T00:00:00Z' },
    ]);
    expect(await (await open()).find('x')).toBeUndefined();
  });

  it('are read again when the file changes, and survive a file that cannot be read', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    await write([{ name: 'one', sha256: sha256('one'), grants: [{ effect: 'read' }] }]);
    const tokens = await open();
    await write([{ name: 'second', sha256: sha256('two'), grants: [{ effect: 'read' }] }]);
    vi.setSystemTime(Date.now() + 3_000);
    expect(await tokens.find('one')).toBeUndefined();
    expect(await tokens.find('two')).toBeDefined();
  });

  it('stay in force while the file is broken or gone: that is reported once for each reason, and when it is over', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const good = [{ name: 'ci', sha256: sha256('ci'), grants: [{ effect: 'read' }] }];
    await write(good);
    const tokens = await open();
    expect(await tokens.problem()).toBeUndefined();
    const later = () => vi.setSystemTime(Date.now() + 3_000);
    await writeFile(file, 'tokens: [{name: "broken"}]');
    for (let look = 0; look < 3; look += 1) {
      later();
      expect(await tokens.find('ci')).toBeDefined();
      expect(await tokens.problem()).toContain('sha256 is missing');
    }
    await rm(file);
    later();
    expect(await tokens.problem(), 'nobody has to call for it to be seen').toContain('ENOENT');
    expect(await tokens.find('ci')).toBeDefined();
    await write(good);
    later();
    expect(await tokens.problem()).toBeUndefined();
    expect(problems).toEqual([
      expect.stringContaining('token broken (tokens.0): sha256 is missing'),
      expect.stringContaining('ENOENT'),
      undefined,
    ]);
  });

  it('are neither stopped nor lost by something else than a file in its place', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const good = [{ name: 'ci', sha256: sha256('ci') }];
    await write(good);
    const tokens = await open();
    const makes = [() => symlink('/dev/zero', file), () => mkdir(file)];
    for (const make of makes) {
      await rm(file, { recursive: true });
      await make();
      vi.setSystemTime(Date.now() + 3_000);
      expect(await tokens.find('ci')).toBeDefined();
      expect(await tokens.problem()).toBe('it is not a regular file');
      await expect(open()).rejects.toThrow('it is not a regular file');
    }
    await rm(file, { recursive: true });
    await write([...good, { name: 'new', sha256: sha256('new') }]);
    vi.setSystemTime(Date.now() + 3_000);
    expect(await tokens.find('new')).toBeDefined();
    expect(await tokens.problem()).toBeUndefined();
  });

  it('are waited for only a moment while the file system hangs, and then not at all', async () => {
    await write([{ name: 'ci', sha256: sha256('ci') }]);
    vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout'] });
    const tokens = await open();
    const hang = vi
      .spyOn(files, 'stat')
      .mockClear()
      .mockImplementation(() => new Promise(() => undefined));
    const pass = (milliseconds: number) => vi.advanceTimersByTimeAsync(milliseconds);
    await pass(3_000);
    const answered = vi.fn();
    void tokens.find('ci').then(answered);
    await pass(499);
    expect(answered).not.toHaveBeenCalled();
    await pass(1);
    expect(answered).toHaveBeenCalledWith(expect.objectContaining({ principal: expect.anything() }));
    expect(await tokens.find('ci'), 'the next does not wait at all').toBeDefined();
    await pass(5_000);
    expect(problems).toEqual(['reading it has taken longer than 5 seconds']);
    for (let look = 0; look < 9; look += 1) {
      void tokens.find('ci');
      await pass(8_000);
    }
    expect(hang, 'and leaves the threads for files to others').toHaveBeenCalledTimes(2);
  });

  it('are followed again although the look before still hangs', async () => {
    vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout'] });
    await write([{ name: 'ci', sha256: sha256('ci') }]);
    const tokens = await open();
    vi.spyOn(files, 'stat').mockImplementationOnce(() => new Promise(() => undefined));
    await vi.advanceTimersByTimeAsync(3_000);
    void tokens.find('ci');
    await vi.advanceTimersByTimeAsync(8_000);
    await write([{ name: 'new', sha256: sha256('new') }]);
    expect(await tokens.find('new')).toBeDefined();
    expect(problems).toEqual([expect.stringContaining('longer than 5 seconds'), undefined]);
  });

  it('are not read from a file that is too large', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const good = [{ name: 'ci', sha256: sha256('ci') }];
    await write(good);
    const tokens = await open();
    await writeFile(file, '#'.repeat(1024 ** 2 + 1));
    const read = vi.spyOn(files, 'open').mockClear();
    vi.setSystemTime(Date.now() + 3_000);
    expect(await tokens.problem()).toBe('it is larger than 1048576 bytes');
    expect(read).not.toHaveBeenCalled();
    expect(await tokens.find('ci')).toBeDefined();
    await writeFile(file, JSON.stringify({ tokens: good }).padEnd(1024 ** 2));
    vi.setSystemTime(Date.now() + 3_000);
    expect(await tokens.problem()).toBeUndefined();
  });

  it('are read once for each version of the file, good or not', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    await write([{ name: 'ci', sha256: sha256('ci') }]);
    const tokens = await open();
    await writeFile(file, 'tokens: [{name: "broken"}]');
    const read = vi.spyOn(files, 'open').mockClear();
    for (let look = 0; look < 5; look += 1) {
      vi.setSystemTime(Date.now() + 3_000);
      expect(await tokens.problem()).toContain('sha256 is missing');
    }
    expect(read).toHaveBeenCalledTimes(1);
  });

  it('may not be the same, nor called the same: both entries are named', async () => {
    const hash = sha256('same');
    await write([
      { name: 'one', sha256: hash },
      { name: 'two', sha256: sha256('other') },
      { name: 'three', sha256: hash.toUpperCase() },
    ]);
    await expect(open()).rejects.toThrow(
      'token three (tokens.2) sha256: is that of token one (tokens.0) as well',
    );
    await write([
      { name: 'one', sha256: hash },
      { name: 'one', sha256: sha256('other') },
    ]);
    await expect(open()).rejects.toThrow(
      'token one (tokens.1) name: is that of token one (tokens.0) as well',
    );
  });

  it('are never quoted when somebody wrote one where a key is due', async () => {
    const entry = { name: 'ci', sha256: sha256('x') };
    await write([{ ...entry, 'my-token': '' }]);
    await expect(open()).rejects.toThrow(
      /^token ci \(tokens\.0\): holds a key that is none of name, sha256, grants, expires, impersonate$/,
    );
    await write([{ ...entry, grants: [{ effect: 'read', 'my-token': '' }] }]);
    await expect(open()).rejects.toThrow(
      /^token ci \(tokens\.0\) grants 0: holds a key that is none of effect, namespaces, toolsets$/,
    );
    await write([{ ...entry, impersonate: { user: 'bot', 'my-token': '' } }]);
    await expect(open()).rejects.toThrow(
      /^token ci \(tokens\.0\) impersonate: holds a key that is none of user, groups$/,
    );
    await writeFile(file, 'tokens: []\nmy-token: 1');
    await expect(open()).rejects.toThrow(/^file: holds a key that is none of tokens$/);
  });

  it.each([
    [
      'sha265',
      { name: 'ci', sha265: sha256('x') },
      'token ci (tokens.0): there is no key sha265; did you mean sha256?',
    ],
    [
      'efect',
      { name: 'ci', sha256: sha256('x'), grants: [{ efect: 'read' }] },
      'token ci (tokens.0) grants 0: there is no key efect; did you mean effect?',
    ],
    [
      'usr',
      { name: 'ci', sha256: sha256('x'), impersonate: { usr: 'bot' } },
      'impersonate: there is no key usr; did you mean user?',
    ],
  ])(
    'are not read where a key is misspelt as %s, and the message says which was meant',
    async (_key, entry, problem) => {
      await write([entry]);
      await expect(open()).rejects.toThrow(problem);
    },
  );

  it('are not read from a file that gives a key twice, and it is refused without delay', async () => {
    await writeFile(file, 'tokens: []\ntokens: []\n');
    await expect(open()).rejects.toThrow('it gives a key twice in one place');
    await writeFile(file, Array.from({ length: 20_000 }, (_, index) => `k${index}: 1\n`).join(''));
    const before = performance.now();
    await expect(open()).rejects.toThrow('tokens is missing');
    expect(performance.now() - before).toBeLessThan(2_000);
  });

  it('are credentials that follow the file: what was taken out stands for nobody', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const entry = { name: 'ci', sha256: sha256('ci'), expires: '2999-01-01T00:00:00Z' };
    await write([{ ...entry, grants: [{ effect: 'destroy' }] }]);
    const tokens = await open();
    const credential = (await tokens.find('ci'))?.credential;
    expect(credential?.endsAt).toBe(Date.parse('2999-01-01T00:00:00Z'));
    await write([{ ...entry, grants: [{ effect: 'read' }] }]);
    vi.setSystemTime(Date.now() + 3_000);
    expect((await credential?.principalNow())?.grants).toMatchObject([{ effect: 'read' }]);
    await write([]);
    vi.setSystemTime(Date.now() + 3_000);
    expect(await credential?.principalNow()).toBeUndefined();
  });

  it.each([
    ['system:masters', 'must not begin with "system:"'],
    ['System:node:a', 'must not begin with "system:"'],
    ['', 'must not be empty'],
    ['bot\r\nImpersonate-Group: admins', 'must not hold control characters'],
    ['böt', 'must hold ASCII characters only'],
    [' bot', 'must not begin or end with a space'],
    ['b'.repeat(513), 'must not be longer than 512 characters'],
  ])('that act as %j are refused when the file is read, by their name', async (name, problem) => {
    const entry = (impersonate: object) => [{ name: 'ci', sha256: sha256('x'), impersonate }];
    await write(entry({ user: name }));
    await expect(open()).rejects.toThrow(`token ci (tokens.0) impersonate user: ${problem}`);
    await write(entry({ user: 'bot', groups: ['good', name] }));
    await expect(open()).rejects.toThrow(`token ci (tokens.0) impersonate groups 1: ${problem}`);
  });

  it.each([
    ['a token instead of its hash', [{ name: 'a', sha256: 'my-token', grants: [{ effect: 'read' }] }]],
    ['a grant that does not exist', [{ name: 'a', sha256: sha256('x'), grants: [{ effect: 'admin' }] }]],
    ['an unknown key', [{ name: 'a', sha256: sha256('x'), grants: [{ effect: 'read' }], token: 'x' }]],
    [
      'one name twice',
      ['a', 'b'].map((token) => ({ name: 'same', sha256: sha256(token), grants: [{ effect: 'read' }] })),
    ],
  ])('are refused at start with %s, and the message holds no value', async (_name, tokens) => {
    await write(tokens);
    const error = await open().then(
      () => undefined,
      (thrown: Error) => thrown,
    );
    expect(error).toBeInstanceOf(TypeError);
    expect(error?.message).not.toContain('my-token');
  });

  it('are asked before the identity provider, and a token that nobody knows is refused', async () => {
    await write([{ name: 'ci', sha256: sha256('secret-ci'), grants: [{ effect: 'read' }] }]);
    const authenticator = createAuthenticator({ tokens: await open() });
    const present = (token: string) =>
      authenticator.authenticate({
        headers: {},
        rawHeaders: ['Authorization', `Bearer ${token}`],
        remoteAddress: '127.0.0.1',
        url: '/mcp',
      });
    expect(await present('secret-ci')).toMatchObject({ accepted: true, principal: { id: 'token:ci' } });
    expect(await present('wrong')).toMatchObject({ accepted: false, status: 401 });
  });
});
