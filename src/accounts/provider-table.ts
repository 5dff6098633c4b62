import { MisuseError } from '../errors.ts'

/** A table of a TOML file whose keys are taken out one by one; what is left over in the end was not known. */
export class Table {
  /** What it is the table of, for who wrote it. */
  where: string
  readonly #left: Map<string, unknown>

  constructor(values: object, where: string) {
    this.where = where
    this.#left = new Map(Object.entries(values))
  }

  wrong(why: string): MisuseError {
    return new MisuseError('configuration', `${this.where}: ${why}`)
  }

  /** Throws where a key was not taken. */
  end(): void {
    const [key] = this.#left.keys()
    if (key !== undefined) throw this.wrong(`"${key}" is not known`)
  }

  maybe(key: string): string | undefined {
    const value = this.#take(key)
    if (value !== undefined && (typeof value !== 'string' || value === '')) throw this.wrong(`${key} must be text`)
    return value
  }

  text(key: string): string {
    const value = this.maybe(key)
    if (value === undefined) throw this.wrong(`${key} is missing`)
    return value
  }

  oneOf<Choice extends string>(key: string, choices: readonly Choice[]): Choice {
    return this.#chosen(key, this.text(key), choices)
  }

  number(key: string): number {
    const value = this.#take(key)
    if (typeof value !== 'number' || !Number.isInteger(value) || value < 1)
      throw this.wrong(`${key} must be a whole number`)
    return value
  }

  yes(key: string): boolean {
    const value = this.#take(key)
    if (typeof value !== 'boolean') throw this.wrong(`${key} must be true or false`)
    return value
  }

  /** A list of texts; empty where there is none. */
  list(key: string): readonly string[] {
    const value = this.#take(key) ?? []
    if (!Array.isArray(value) || !value.every((one) => typeof one === 'string'))
      throw this.wrong(`${key} must be a list of texts`)
    return value
  }

  listOf<Choice extends string>(key: string, choices: readonly Choice[]): readonly Choice[] {
    return this.list(key).map((value) => this.#chosen(key, value, choices))
  }

  /** All that is left, as texts. */
  texts(): Record<string, string> {
    return Object.fromEntries([...this.#left.keys()].map((key) => [key, this.text(key)]))
  }

  /** What `read` makes of the table inside, all of whose keys it must take; undefined where there is none. */
  table<Value>(key: string, read: (inner: Table) => Value): Value | undefined {
    const value = this.#take(key)
    return value === undefined ? undefined : this.#read(value, key, read)
  }

  tables<Value>(key: string, read: (inner: Table) => Value): Value[] {
    const value = this.#take(key) ?? []
    if (!Array.isArray(value)) throw this.wrong(`${key} must be a list of tables`)
    return value.map((one: unknown, index) => this.#read(one, `${key} ${index + 1}`, read))
  }

  #read<Value>(value: unknown, key: string, read: (inner: Table) => Value): Value {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw this.wrong(`${key} must be a table`)
    const inner = new Table(value, `${this.where}, ${key}`)
    const made = read(inner)
    inner.end()
    return made
  }

  #chosen<Choice extends string>(key: string, value: string, choices: readonly Choice[]): Choice {
    const found = choices.find((choice) => choice === value)
    if (found === undefined) throw this.wrong(`${key} is "${value}", and must be one of ${choices.join(', ')}`)
    return found
  }

  #take(key: string): unknown {
    const value = this.#left.get(key)
    this.#left.delete(key)
    return value
  }
}
