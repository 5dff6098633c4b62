import { Directory } from '../accounts/directory.ts'
import { DiskStore } from '../store/disk.ts'
import { Mails } from './serve-mails.ts'

/** How late it may be seen that another process has changed a user or an account, milliseconds: each look costs as much as all else of a log-in. */
const patience = 5

/** What each process of `serve` works with. */
export class Premises {
  readonly directory: Directory
  readonly mails: Mails
  readonly #store: DiskStore

  private constructor(data: string, directory: Directory) {
    this.directory = directory
    // Several devices read the same new mail one after the other.
    this.#store = new DiskStore(data, { memory: 64 << 20 })
    this.mails = new Mails(this.#store, directory)
  }

  static async open(data: string): Promise<Premises> {
    return new Premises(data, await Directory.open(data, patience))
  }

  async close(): Promise<void> {
    await this.mails.close()
    await this.#store.close()
    this.directory.close()
  }
}
