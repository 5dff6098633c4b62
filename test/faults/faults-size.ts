import type { Fault } from './fault.ts'
import { letter, someMail } from './hostile-bench.ts'
import type { RemoteMessage } from './hostility.ts'

let large: RemoteMessage | undefined

/** 100 MB, made once. */
function largeMessage(): RemoteMessage {
  return (large ??= {
    uniqueId: 'large',
    octets: Buffer.concat([
      Buffer.from('Subject: large\r\n\r\n'),
      Buffer.alloc(100_000_000, 'A line of text.\r\n'),
      Buffer.from('.\r\n'),
    ]),
  })
}

export const sizes: readonly Fault[] = [
  {
    name: 'has a message of 100 MB',
    does: 'keeps it, in little memory: what is larger than 4 MiB goes through a file',
    mail: () => [...someMail(), largeMessage()],
    ways: () => [{}],
    home: 9,
    only: ['delete'],
    kills: 2,
  },
  {
    name: 'drops the connection within the last octets of a message of 100 MB',
    does: 'keeps the others; that one goes last next time',
    mail: () => [largeMessage(), ...someMail()],
    ways: () => [{ drop: { number: 1, after: 100_000_000 } }],
    ends: ['connection-lost'],
    says: /broken off|ended the connection/,
    only: ['delete'],
    kills: 1,
  },
  {
    name: 'has 100,000 messages, and drops the connection in the midst of them',
    does: 'keeps what had come whole; the next session brings the rest',
    mail: () => Array.from({ length: 100_000 }, (_, n) => letter(`uid-${n}`, `Subject: ${n}\r\n\r\nMessage ${n}.\r\n`)),
    ways: () => [{ drop: { number: 60_000, after: 20 } }],
    ends: ['connection-lost'],
    says: /broken off|ended the connection/,
    home: 59_000,
    only: ['delete'],
    kills: 1,
    took: 8000,
    memory: 512 << 20,
  },
]
