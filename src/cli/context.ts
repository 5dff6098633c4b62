import { dataFolder } from './data-folder.ts'
import { Notes } from './notes.ts'
import { Output } from './output.ts'

/** What every command is given. */
export interface Context {
  /** The data folder, absolute. */
  readonly data: string
  readonly json: boolean
  readonly quiet: boolean
  readonly output: Output
  readonly notes: Notes
}

/** The options that every command takes. */
export interface GlobalOptions {
  readonly data?: string
  readonly json?: boolean
  readonly quiet?: boolean
}

export function contextOf(options: GlobalOptions): Context {
  const notes = new Notes(process.stderr, options.quiet ?? false)
  return {
    data: dataFolder(options.data, process.env, process.platform),
    json: options.json ?? false,
    quiet: options.quiet ?? false,
    output: new Output(process.stdout, () => process.stdout.isTTY && notes.bar('')),
    notes,
  }
}
