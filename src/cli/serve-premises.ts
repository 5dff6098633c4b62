import { totalmem } from 'node:os'
import { Directory } from '../accounts/directory.ts'
import { DiskStore } from '../store/disk.ts'
import { Mails } from './serve-mails.ts'

/** How late it may be seen that another process has changed a user or an account, milliseconds: each look costs as much as all else of a log-in. */
const patience = 5

/** What was read lately stays in memory, for several devices read the same new mail one after the other: octets, in all processes. */
const [leastMemory, mostMemory] = [64 << 20, 256 << 20]

/** What each process of `serve` works with. */
export class Premises {
  readonly directory: Directory
  readonly mails: Mails
  readonly #store: DiskStore

  private constructor(data: string, directory: Directory, memory: number) {
    this.directory = directory
    this.#store = new DiskStore(data, { memory })
    this.mails = new Mails(this.#store, directory)
  }

  /** `processes`: so many work with them at once, each with its own. */
  static async open(data: string, processes: number): Promise<Premises> {
    const machine = Math.min(totalmem(), process.constrainedMemory() || Infinity)
    const memory = Math.min(Math.max(leastMemory, machine / 16), mostMemory) / processes
    return new Premises(data, await Directory.open(data, patience), memory)
  }

  async close(): Promise<void> {
    await this.mails.close()
    await this.#store.close()
    this.directory.close()
  }
}
