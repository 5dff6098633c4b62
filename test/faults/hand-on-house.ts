import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { Directory } from '../../src/accounts/directory.ts'
import { handOnSecretName, parseHandOnTarget } from '../../src/accounts/hand-on-target.ts'
import { Secrets } from '../../src/accounts/secrets.ts'
import { stage } from '../../src/store/contract-mail.ts'
import { DiskStore } from '../../src/store/disk.ts'
import { compiled } from './compiled.ts'
import { killWhen, type When } from './kill-bench.ts'

/** A message that an account has brought in. */
export interface Brought {
  readonly address: string
  readonly octets: Buffer
  /** Milliseconds since 1970. */
  readonly received: number
}

/** Makes a folder of data of the user mario: accounts that have brought in mail, all of which is to be handed on to one place. */
export async function makeHouse(data: string, url: string, password: string, mail: readonly Brought[]): Promise<void> {
  const directory = await Directory.open(data)
  const secrets = new Secrets(data)
  await directory.addUser('mario', undefined)
  for (const address of new Set(mail.map((one) => one.address))) {
    const place = {
      protocol: 'pop3',
      server: '127.0.0.1',
      port: 1,
      tls: 'none',
      login: 'mario',
      leave: 'forever',
    } as const
    const options = { handOn: [{ url, since: 0 }] }
    await directory.addAccount('mario', { address, ...place, options }, secrets.seal(address, 'unused'))
    const name = handOnSecretName(parseHandOnTarget(url))
    await directory.setNamedSecret(address, name, secrets.seal(address, password))
  }
  directory.close()
  const store = new DiskStore(data)
  const mario = await store.open('mario')
  const staged = await Promise.all(mail.map(({ octets }) => stage(mario, octets, 'wire')))
  await mario.change((draft) => {
    for (const [place, { address, received }] of mail.entries()) {
      const one = staged[place]
      assert.ok(one)
      const origin = { account: `pop3:${address}`, uniqueId: `u${place}`, nth: 0 }
      draft.add(one, { mailbox: draft.openMailbox('INBOX'), received, origin })
    }
  })
  for (const one of staged) one.discard()
  await store.close()
}

/** What one run said of each target. */
export interface Said {
  readonly handed: number
  readonly refused: number
  readonly waiting: number
  readonly problems: readonly string[]
  readonly error?: string
}

export interface Ran {
  readonly killed: boolean
  readonly said: readonly Said[]
}

/** Hands on in a process of its own, which is killed by SIGKILL where that is said. */
export async function handOnIn(data: string, when?: When): Promise<Ran> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'hand-on-run.ts'), data], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: compiled,
  })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (octets: Buffer) => (stdout += octets.toString()))
  child.stderr.on('data', (octets: Buffer) => (stderr += octets.toString()))
  const forget = killWhen(child, when)
  const killed = await new Promise<boolean>((resolve) => {
    child.once('close', (code, signal) => {
      if (signal !== 'SIGKILL') assert.equal(code, 0, stderr)
      resolve(signal === 'SIGKILL')
    })
  })
  forget()
  return { killed, said: killed ? [] : (JSON.parse(stdout) as Said[]) }
}

/** Hands on until everything is there. */
export async function handOnToTheEnd(data: string): Promise<void> {
  for (let times = 0; ; times++) {
    const { said } = await handOnIn(data)
    if (said.every(({ waiting, refused, error }) => waiting + refused === 0 && error === undefined)) return
    assert.ok(times < 5, JSON.stringify(said))
  }
}
