import assert from 'node:assert/strict'
import { isLike, type Step, type Transcript } from './transcript.ts'

/** One connection to whatever plays the server. Text is latin1, so that each unit is an octet. */
export interface Line {
  send(octets: Uint8Array): void
  /** All that the server has said since the last call; waits until a line is there, or (`quiet`) until it surely says no more. */
  hear(quiet: boolean): string | Promise<string>
  /** Whether the server has closed; waits for it to. */
  closed(): boolean | Promise<boolean>
  drop(): void | Promise<void>
  handshake(): void | Promise<void>
}

/** Plays the client of a transcript against a server and checks every line that comes back. */
export async function follow(transcript: Transcript, connect: () => Line | Promise<Line>): Promise<void> {
  let line = await connect()
  let heard = ''
  const { steps } = transcript
  const where = (at: number): string => `${transcript.name}, step ${at + 1} (${show(steps[at])})`
  const hearLine = async (at: number): Promise<string> => {
    while (!heard.includes('\r\n')) {
      const more = await line.hear(false)
      assert.notEqual(more, '', `${where(at)}: the server says no more than ${JSON.stringify(heard)}`)
      heard += more
    }
    const end = heard.indexOf('\r\n')
    const text = heard.slice(0, end)
    heard = heard.slice(end + 2)
    return text
  }
  const quiet = async (at: number): Promise<void> => {
    heard += await line.hear(true)
    assert.equal(heard, '', `${where(at)}: the server said more than it should`)
  }
  for (const [at, step] of steps.entries()) {
    switch (step.kind) {
      case 'client': {
        // Commands that stand together go out together.
        const before = steps[at - 1]
        if (before?.kind === 'client') break
        if (before !== undefined) await quiet(at)
        const together = steps.slice(at).slice(0, run(steps.slice(at)))
        line.send(Buffer.concat(together.map((one) => (one.kind === 'client' ? one.octets : Buffer.alloc(0)))))
        break
      }
      case 'server': {
        const text = await hearLine(at)
        assert.ok(isLike(text, step.pattern), `${where(at)}: the server said ${JSON.stringify(text)}`)
        break
      }
      case 'any': {
        const next = steps[at + 1]
        assert.equal(next?.kind, 'server', `${where(at)}: "S: ..." needs a line behind it`)
        for (;;) {
          const text = await hearLine(at)
          if (next.kind === 'server' && isLike(text, next.pattern)) {
            heard = `${text}\r\n${heard}`
            break
          }
        }
        break
      }
      case 'handshake':
        await quiet(at)
        await line.handshake()
        break
      case 'closed':
        assert.ok(await line.closed(), `${where(at)}: the server did not close`)
        await quiet(at)
        break
      case 'drop':
        await line.drop()
        break
      case 'connect':
        await quiet(at)
        await line.drop()
        line = await connect()
        heard = ''
    }
  }
  await quiet(steps.length - 1)
  await line.drop()
}

function run(steps: readonly Step[]): number {
  const end = steps.findIndex((step) => step.kind !== 'client')
  return end === -1 ? steps.length : end
}

function show(step: Step | undefined): string {
  if (step?.kind === 'client') return `C: ${JSON.stringify(Buffer.from(step.octets).toString('latin1'))}`
  return step?.kind === 'server' ? `S: ${step.pattern}` : (step?.kind ?? 'end')
}
