import type { ChildProcess } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { makeCertificate } from '../../src/net/certificate.ts'
import { greets } from './dovecot.ts'

/** A POP3 server of Debian's that is not installed, only unpacked. */
export interface UnpackedServer {
  readonly host: '127.0.0.1'
  readonly ports: { readonly pop3: number; readonly pop3s: number }
  /** The file that clients trust, in PEM. */
  readonly certificate: string
  stop(): Promise<void>
}

/** Writes a new certificate for 127.0.0.1 and its key into one file, as these servers want it; gives its name. */
export function writeCertificate(folder: string): string {
  const { cert, key } = makeCertificate()
  const file = join(folder, 'certificate.pem')
  writeFileSync(file, `${key}${cert}`, { mode: 0o600 })
  return file
}

/** Waits until the server greets at its plain port; gives the means to stop it. Rejects with what it said. */
export async function ready(child: ChildProcess, port: number): Promise<() => Promise<void>> {
  let said = ''
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (said += text))
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (said += text))
  let gone = false
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()).once('error', () => resolve()))
  void ended.then(() => (gone = true))
  const kill = (): void => void child.kill('SIGKILL') // --kill-child: and with it all that it started
  process.once('exit', kill)
  const stop = async (): Promise<void> => {
    process.off('exit', kill)
    kill()
    await ended
  }
  for (let tries = 0; !(await greets(port)); tries++) {
    if (gone || tries > 3000) {
      await stop()
      throw new Error(`no POP3 server answers at port ${port}: ${said.slice(-2000)}`)
    }
    await wait(20)
  }
  return stop
}
