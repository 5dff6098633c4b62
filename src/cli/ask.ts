import { MisuseError } from '../errors.ts'
import type { Context } from './context.ts'

/** A password is at most so long, octets. */
const most = 1024

/** Reads a password: from stdin where `fromStdin`, else asked on the terminal without echo (`twice`: and once more). */
export async function readPassword(
  context: Context,
  options: { fromStdin: boolean; what: string; twice: boolean },
): Promise<string> {
  if (options.fromStdin) return await firstLine(process.stdin)
  if (!process.stdin.isTTY)
    throw new MisuseError(
      'usage',
      `there is no terminal to ask for the ${options.what}: give it on stdin, with --password-stdin`,
    )
  const password = await askHidden(context, `${options.what}: `)
  if (options.twice && (await askHidden(context, 'once more: ')) !== password)
    throw new MisuseError('usage', 'the two are not the same; nothing was changed')
  return password
}

/** Asks on the terminal; true for y or yes. */
export async function confirm(context: Context, question: string): Promise<boolean> {
  if (!process.stdin.isTTY) throw new MisuseError('usage', `there is no terminal to ask on: to mean it, give --yes`)
  context.notes.ask(`${question} [y/N] `)
  return /^y(es)?$/i.test((await firstLine(process.stdin)).trim())
}

/** The first line of a stream, without its end. */
async function firstLine(stream: NodeJS.ReadStream): Promise<string> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of stream) {
    const octets = Buffer.from(chunk as Uint8Array)
    const end = octets.indexOf(10)
    chunks.push(end === -1 ? octets : octets.subarray(0, end))
    length += octets.length
    if (end !== -1) break
    if (length > most) throw new MisuseError('usage', `the line on stdin is longer than ${most} octets`)
  }
  return Buffer.concat(chunks).toString().replace(/\r$/, '')
}

/** Reads a line from the terminal, which does not show it. */
function askHidden(context: Context, question: string): Promise<string> {
  const { stdin } = process
  context.notes.ask(question)
  return new Promise((resolve, reject) => {
    let typed = ''
    const finish = (error?: Error): void => {
      stdin.off('data', take)
      stdin.setRawMode(false)
      stdin.pause()
      context.notes.ask('\n')
      if (error) reject(error)
      else resolve(typed)
    }
    const take = (text: string): void => {
      for (const character of text) {
        if (character === '\r' || character === '\n') return finish()
        if (character === '\u0003' || character === '\u0004') return finish(new MisuseError('usage', 'broken off'))
        if (character === '\u007f' || character === '\b') typed = typed.replace(/.$/su, '')
        else if (character === '\u0015') typed = ''
        else if (typed.length < most) typed += character
      }
    }
    stdin.setRawMode(true)
    stdin.setEncoding('utf8')
    stdin.on('data', take)
    stdin.resume()
  })
}
