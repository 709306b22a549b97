import { z } from 'zod';
import { type CallerLimits, defaultHttpLimits as preset } from '../http/limits.ts';
import { setting } from './setting.ts';

const number = (min: number, max: number, by: number, description: string) =>
  setting(z.int().min(min).max(max).default(by), { section: 'http', description });

const callerLimits = (limits: CallerLimits, whose: string) =>
  z
    .strictObject({
      inFlight: number(1, 100_000, limits.inFlight, `Most ${whose} under way at the same time.`),
      perSecond: number(1, 100_000, limits.perSecond, `Most ${whose} per second, on average.`),
      burst: number(1, 1_000_000, limits.burst, `Most ${whose} at once, after a quiet time.`),
    })
    .prefault({});

/** Everything below `limits`: what one server takes on. */
export const limitSettings = z
  .strictObject({
    bodyBytes: number(1024, 16_777_216, preset.bodyBytes, 'Largest request body, in bytes.'),
    headerBytes: number(
      2048,
      262_144,
      preset.headerBytes,
      'Largest request line and headers together, in bytes.',
    ),
    urlLength: number(256, 65_536, preset.urlLength, 'Longest path with its query, in characters.'),
    inFlight: number(
      1,
      100_000,
      preset.inFlight,
      'Most MCP requests under way at the same time; more are answered 503 with Retry-After.',
    ),
    requestSeconds: number(
      1,
      600,
      preset.requestSeconds,
      'How long a request may take to arrive completely.',
    ),
    streamAfterSeconds: number(
      1,
      600,
      preset.streamAfterSeconds,
      'An answer that takes longer becomes a stream, so that nothing between takes the connection for dead.',
    ),
    eventLoopDelayMilliseconds: number(
      0,
      60_000,
      preset.eventLoopDelayMilliseconds,
      'MCP requests are answered 503 with Retry-After while the event loop is later than this on average; 0 never.',
    ),
    principal: callerLimits(preset.principal, 'requests of one caller'),
    signIn: callerLimits(
      preset.signIn,
      'requests of one address (in IPv6 its /64) whose token is not known yet',
    ),
  })
  .prefault({});
