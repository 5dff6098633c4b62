import type { Remark } from './found.ts'
import { numberedLines } from './text-file.ts'

/** A value of an ini file, and where it stands. */
export interface IniValue {
  readonly text: string
  readonly line: number
}

/** By section, and by name in lower case; of two of a name the last counts. */
export type Ini = ReadonlyMap<string, ReadonlyMap<string, IniValue>>

/** Reads an ini file as Python's RawConfigParser does: lines that are indented further go on with the value before them. */
export function parseIni(text: string, file: string): { ini: Ini; faults: Remark[] } {
  const ini = new Map<string, Map<string, IniValue>>()
  const faults: Remark[] = []
  let section: Map<string, IniValue> | undefined
  let open: { name: string; indent: number } | undefined
  for (const { line, text: whole } of numberedLines(text)) {
    const content = whole.trim()
    if (/^[#;]/.test(content)) continue
    const indent = whole.search(/\S/)
    if (content === '') continue
    if (open !== undefined && indent > open.indent) {
      const before = section?.get(open.name)
      if (before !== undefined) section?.set(open.name, { ...before, text: `${before.text}\n${content}` })
      continue
    }
    open = undefined
    const header = /^\[([^\]]+)\]/.exec(content)?.[1]
    if (header !== undefined) {
      section = ini.get(header) ?? new Map<string, IniValue>()
      ini.set(header, section)
      continue
    }
    const [, name, value = ''] = /^([^=:]*?)\s*[=:]\s*(.*)$/s.exec(content) ?? []
    if (name === undefined || name === '' || section === undefined) {
      const what =
        section === undefined
          ? 'this stands before the first [section]'
          : 'this is neither a [section] nor NAME = VALUE'
      faults.push({ file, line, text: what })
      continue
    }
    section.set(name.toLowerCase(), { text: value, line })
    open = { name: name.toLowerCase(), indent }
  }
  return { ini, faults }
}

/** The strings of a Python tuple, such as `("INBOX", 'Sent')`; undefined where it is something else. */
export function pythonStrings(text: string): string[] | undefined {
  const strings: string[] = []
  const piece = /\s*(?:[rRuU]?"((?:[^"\\\n]|\\.)*)"|[rRuU]?'((?:[^'\\\n]|\\.)*)')\s*(,|$)/gy
  const inside = /^\(\s*([^]*?)\s*\)$/.exec(text.trim())?.[1] ?? text.trim()
  if (inside === '') return []
  while (piece.lastIndex < inside.length) {
    const found = piece.exec(inside)
    if (found === null) return undefined
    strings.push((found[1] ?? found[2] ?? '').replace(/\\(.)/gs, '$1'))
  }
  return strings
}
