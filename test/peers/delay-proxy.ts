import { fork } from 'node:child_process'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { Socket } from 'node:net'
import { fileURLToPath } from 'node:url'

/** A line of any bandwidth and a given round trip, between whoever connects and a server. */
export interface DelayProxy {
  readonly host: '127.0.0.1'
  readonly port: number
  stop(): Promise<void>
}

/** Starts, in a process of its own, a proxy that makes the way to a server so many milliseconds long, there and back. */
export async function startDelayProxy(options: {
  readonly host: string
  readonly port: number
  readonly roundTrip: number
  /** What the server says of PIPELINING is not passed on. */
  readonly withoutPipelining?: boolean
}): Promise<DelayProxy> {
  const without = options.withoutPipelining === true ? 'without' : 'with'
  const words = [options.host, String(options.port), String(options.roundTrip), without]
  const child = fork(fileURLToPath(import.meta.url), words, { execArgv: [], stdio: 'inherit' })
  const killed = (): void => void child.kill()
  process.once('exit', killed)
  const [port] = (await Promise.race([
    once(child, 'message'),
    once(child, 'exit').then(() => Promise.reject(new Error('the delay proxy did not start'))),
  ])) as [number]
  return {
    host: '127.0.0.1',
    port,
    stop: async () => {
      process.off('exit', killed)
      const exited = once(child, 'exit')
      child.kill()
      await exited
    },
  }
}

/** Everything that is read from one side is written to the other, in order, so many milliseconds later. */
function carry(from: Socket, to: Socket, delay: number, change = (chunk: Buffer): Buffer => chunk): void {
  const later = (work: () => void): void => void setTimeout(work, delay)
  from.on('data', (chunk: Buffer) => later(() => to.write(change(chunk))))
  from.on('end', () => later(() => to.end()))
  from.on('error', () => later(() => to.destroy()))
}

/** Takes PIPELINING out of what a server says before a message may be among it. */
function withoutPipelining(): (chunk: Buffer) => Buffer {
  let seen = 0
  return (chunk) => {
    if (seen > 2000) return chunk
    seen += chunk.length
    return Buffer.from(chunk.toString('latin1').replaceAll('PIPELINING\r\n', 'X-NOTHING\r\n'), 'latin1')
  }
}

function serveProxy(host: string, port: number, roundTrip: number, without: boolean): void {
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (near) => {
    near.on('error', () => near.destroy())
    // TCP's handshake goes along the way three times before the server knows of it.
    setTimeout(() => {
      const far = connect({ host, port, noDelay: true, allowHalfOpen: true })
      carry(near, far, roundTrip / 2)
      carry(far, near, roundTrip / 2, without ? withoutPipelining() : undefined)
    }, roundTrip * 1.5)
  })
  server.listen(0, '127.0.0.1', () => {
    const address = server.address()
    process.send?.(typeof address === 'object' && address !== null ? address.port : 0)
  })
  process.on('disconnect', () => process.exit(0))
}

if (process.send !== undefined && process.argv[1] === fileURLToPath(import.meta.url)) {
  const [host, port, roundTrip, without] = process.argv.slice(2) as [string, string, string, string]
  serveProxy(host, Number(port), Number(roundTrip), without === 'without')
}
