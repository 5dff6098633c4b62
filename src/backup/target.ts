import type { Contents } from './contents.ts'

/**
 * Where backups are kept: files that have `/`-separated names and never change. Throws StoreError; over the network PeerError and RefusedError,
 * after having tried for a while.
 */
export interface Target {
  /** What it is called in messages. */
  readonly place: string
  /** The files whose names begin so, and their sizes (octets). */
  list(beginning: string): Promise<Map<string, number>>
  /** Writes a file; resolves once it is durable, and what is there was held against its hash. Until then it has not got its name. */
  put(name: string, contents: Contents): Promise<void>
  /** Rejects with StoreError `missing` where there is no such file. */
  read(name: string): AsyncIterable<Uint8Array>
  /** Nothing happens where there is no such file. */
  remove(name: string): Promise<void>
}

/** The whole of a small file. */
export async function readAll(target: Target, name: string): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of target.read(name)) chunks.push(chunk)
  return Buffer.concat(chunks)
}
