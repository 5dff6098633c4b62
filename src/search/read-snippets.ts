import { StoreError } from '../errors.ts'
import type { MessageId } from '../ids.ts'
import { extractWhole } from '../message/extract.ts'
import type { UserMail } from '../store/store.ts'
import type { Term } from './query.ts'
import { snippetOf } from './snippet.ts'

/** So many octets of a message are read at first: most matches are near the beginning. */
const beginning = 1 << 16
/** Where none is, so many; */
const most = 1 << 20
/** but of all the messages of a page not more than so many. */
const pageMost = 8 << 20

/** Reads the words around the matches out of the messages of one page. */
export class Snippets {
  readonly #mail: UserMail
  readonly #terms: readonly Term[]
  /** Whether the text is where a match can be. */
  readonly #inText: boolean
  #left = pageMost

  constructor(mail: UserMail, terms: readonly Term[]) {
    this.#mail = mail
    this.#terms = terms
    this.#inText = terms.some(({ place }) => place === 'anywhere')
  }

  /** Of a message of so many octets as kept. Empty where it was removed meanwhile, or is damaged: it was found all the same. */
  async of(id: MessageId, size: number): Promise<string> {
    try {
      const snippet = snippetOf(extractWhole(await this.#read(id, beginning)).text, this.#terms)
      if (snippet.matches || !this.#inText || size <= beginning || this.#left <= 0) return snippet.text
      const octets = await this.#read(id, most)
      this.#left -= octets.length
      return snippetOf(extractWhole(octets).text, this.#terms).text
    } catch (error) {
      if (error instanceof StoreError) return ''
      throw error
    }
  }

  async #read(id: MessageId, octets: number): Promise<Uint8Array> {
    const parts: Uint8Array[] = []
    let left = octets
    for await (const part of this.#mail.bytes(id)) {
      parts.push(part.subarray(0, left))
      left -= part.length
      if (left <= 0) break
    }
    const [only] = parts
    return parts.length === 1 && only !== undefined ? only : new Uint8Array(Buffer.concat(parts))
  }
}
